package infisical_test

import (
	"strings"
	"testing"

	"rekey/deploy"
	"rekey/deploy/infisical"
	"rekey/internal/fault"
	"rekey/internal/secret"
)

func TestUnfit(t *testing.T) {
	for value, says := range map[string]string{
		"":                               "is empty",
		" \t\n":                          "is empty",
		"seven77":                        "shorter than 8",
		"seven77\n":                      "shorter than 8",
		"********":                       "mask",
		"••••••••••••":                   "mask",
		"sk-live-ab****cdef":             "mask",
		"xxxxxxxxxxxxxxxx":               "mask",
		"[REDACTED]":                     "mask",
		"<hidden-by-infisical>":          "mask",
		"a-${REFERENCE}-value":           "reference",
		"an-open-${-brace":               "reference",
		" padded-in-front":               "white space",
		"padded-behind\t":                "white space",
		"\uFEFFbyte-order-mark":          "white space",
		"two-newlines\n\n":               "white space",
		"carriage-return\r\n":            "white space",
		"not-utf-8-\xff\xfe":             "not UTF-8",
		"good-enough":                    "",
		"with-one-newline\n":             "",
		"-----BEGIN KEY-----\nab\ncd\n":  "",
		"$tars-and-{braces}-are-fine":    "",
		"three***stars-and-xxxx-inside":  "",
		"kid-0001:with/odd+chars=and&<>": "",
	} {
		got := infisical.Unfit(secret.New(value))
		if (says == "") != (got == "") || !strings.Contains(got, says) {
			t.Errorf("%q: %q, want %q", value, got, says)
		}
	}
}

// Recorded from a running server.
func TestAsStored(t *testing.T) {
	for sent, want := range map[string]string{
		"  padded  ":             "padded",
		"  line1\nline2\n\n":     "line1\nline2\n",
		"kept\n":                 "kept\n",
		"as it is":               "as it is",
		"\n":                     "\n",
		"\uFEFFjavascript\u00a0": "javascript",
	} {
		if got := infisical.AsStored(sent); got != want {
			t.Errorf("%q is stored as %q, want %q", sent, got, want)
		}
	}
}

// Whatever may be written is stored as it was sent.
func FuzzFitValuesAreStoredAsTheyAre(f *testing.F) {
	for _, seed := range []string{"good-enough", " padded-value", "with-newline\n", "a\u0085b-next-line-\u0085", "\ufeffmarked-text"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if infisical.Unfit(secret.New(text)) == "" && trimmed(text) != text {
			t.Errorf("%q would be altered", text)
		}
	})
}

func TestAFinalNewlineSurvives(t *testing.T) {
	b := newBench(t)
	const pem = "-----BEGIN KEY-----\nabcdef\n-----END KEY-----\n"
	r := b.put(staging, "SIGNING_KEY", "the-first-signing-key")
	got, err := b.vault.Write(t.Context(), "staging", []deploy.Assignment{{Name: "SIGNING_KEY", Value: secret.New(pem), From: 1, ID: r.id}})
	if err != nil || !got["SIGNING_KEY"].Value.Equal(secret.New(pem)) {
		t.Errorf("version %d, %v", got["SIGNING_KEY"].Version, err)
	}
}

func TestNotesTheServerWouldNotTake(t *testing.T) {
	b := newBench(t)
	for what, note := range map[string]deploy.Note{
		"empty key":      {"": "x"},
		"long key":       {strings.Repeat("k", 256): "x"},
		"long text":      {"k": strings.Repeat("x", 1021)},
		"the value":      {"k": "it is " + newValue},
		"value as a key": {newValue: "x"},
	} {
		_, err := b.vault.Write(t.Context(), "staging", []deploy.Assignment{
			{Name: "UNRELATED", Value: secret.New(newValue), From: 1, ID: "x", Note: note}})
		if fault.Of(err) == nil || fault.Of(err).Class != fault.Never {
			t.Errorf("%s: got %v, want never", what, err)
		}
	}
	if n := b.count(""); n != 0 {
		t.Errorf("%d requests", n)
	}
}

// TestNotesMayHoldAPublicID: one half of a pair is its id, which is noted.
func TestNotesMayHoldAPublicID(t *testing.T) {
	for public, reason := range map[bool]fault.Reason{true: fault.ChangedByOther, false: fault.Invalid} {
		b := newBench(t)
		_, err := b.vault.Write(t.Context(), "staging", []deploy.Assignment{
			{Name: "UNRELATED", Value: secret.New(newValue), From: 1, ID: "x", Public: public, Note: deploy.Note{"rekey-id": newValue}}})
		if !fault.Is(err, reason) { // the entry's id is not x: it got as far as looking
			t.Errorf("public %t: got %v, want %s", public, err, reason)
		}
	}
}

func TestAssignmentsMustSayWhatTheyReplace(t *testing.T) {
	b := newBench(t)
	for what, a := range map[string]deploy.Assignment{
		"no version": {Name: "UNRELATED", Value: secret.New(newValue), ID: "x"},
		"no id":      {Name: "UNRELATED", Value: secret.New(newValue), From: 1},
	} {
		_, err := b.vault.Write(t.Context(), "staging", []deploy.Assignment{a})
		if fault.Of(err) == nil || fault.Of(err).Class != fault.Never {
			t.Errorf("%s: got %v, want never", what, err)
		}
	}
}
