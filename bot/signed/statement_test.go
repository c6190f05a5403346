package signed_test

import (
	"strings"
	"testing"
	"time"

	"rekey/bot/signed"
)

func decision() signed.Statement {
	at := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	return signed.Statement{
		Installation: "acme", Act: signed.Approve, Secret: "FAL_KEY", Rotation: "abcdefghij", Card: 2,
		Plan: strings.Repeat("a1", 32), Evidence: strings.Repeat("b2", 32), Issued: at, Expires: at.Add(5 * time.Minute), Nonce: strings.Repeat("0f", 16),
	}
}

func emergency() signed.Statement {
	s := decision()
	s.Act, s.Line, s.Secret, s.Rotation, s.Card, s.Plan, s.Evidence = signed.Emergency, "FAL_KEY --revoke-first it’s on github", "", "", 0, "", ""
	return s
}

func together() signed.Statement {
	s := decision()
	s.Secret, s.Rotation, s.Batch = "", "", "bcdefghijk"
	return s
}

func instead() signed.Statement {
	s := decision()
	s.Act, s.Card, s.Step, s.Reason = signed.Override, 0, "prove(production)", "its endpoint is off"
	return s
}

func aboutVault() signed.Statement {
	s := decision()
	s.Act = signed.VaultNotLeak
	return s
}

// TestStatement: the text is what people read, and is read back as it was. It is
// fixed: whoever signed it yesterday signed this.
func TestStatement(t *testing.T) {
	const want = `rekey statement 1
installation: acme
act: approve
secret: FAL_KEY
rotation: abcdefghij
card: 2
plan: a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1
evidence: b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2b2
issued: 2026-05-01T12:00:00Z
expires: 2026-05-01T12:05:00Z
nonce: 0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f0f
`
	if text, err := decision().Text(); err != nil || text != want {
		t.Errorf("%v\n%s", err, text)
	}
	for _, s := range []signed.Statement{decision(), emergency(), together(), instead(), aboutVault()} {
		text, err := s.Text()
		if err != nil {
			t.Fatal(err)
		}
		back, err := signed.Parse(text)
		if err != nil || back != s {
			t.Errorf("%v: %+v, want %+v", err, back, s)
		}
	}
}

// TestOtherTexts: there is one text for one statement, and none for half of one.
func TestOtherTexts(t *testing.T) {
	text, err := decision().Text()
	if err != nil {
		t.Fatal(err)
	}
	replaced := func(old, with string) string {
		if !strings.Contains(text, old) {
			t.Fatalf("no %q", old)
		}
		return strings.Replace(text, old, with, 1)
	}
	for name, bad := range map[string]string{
		"nothing":               "",
		"another version":       replaced("statement 1", "statement 2"),
		"a line more":           text + "also: this\n",
		"a line twice":          replaced("card: 2\n", "card: 2\ncard: 2\n"),
		"another order":         replaced("installation: acme\nact: approve\n", "act: approve\ninstallation: acme\n"),
		"no end":                strings.TrimSuffix(text, "\n"),
		"space behind":          replaced("acme\n", "acme \n"),
		"another spelling":      replaced("card: 2", "card: 02"),
		"another zone":          replaced("12:00:00Z", "14:00:00+02:00"),
		"parts of seconds":      replaced("12:00:00Z", "12:00:00.5Z"),
		"an unknown act":        replaced("approve", "destroy"),
		"no request":            replaced("card: 2\n", ""),
		"no evidence":           replaced("evidence: "+strings.Repeat("b2", 32)+"\n", ""),
		"no nonce":              replaced("nonce: "+strings.Repeat("0f", 16)+"\n", ""),
		"over before it begins": replaced("12:05:00Z", "11:05:00Z"),
		"a reason for a yes":    replaced("issued", "reason: because\nissued"),
		"a line for a decision": replaced("secret", "line: FAL_KEY\nsecret"),
		"what cannot be shown":  replaced("approve", "deny") + "\x1b[2K",
		"hidden text":           strings.Replace(replaced("approve", "deny"), "issued", "reason: no\u202eevil\nissued", 1),
		"too long":              strings.Replace(replaced("approve", "deny"), "issued", "reason: "+strings.Repeat("x", signed.MaxStatement)+"\nissued", 1),
	} {
		if s, err := signed.Parse(bad); err == nil {
			t.Errorf("%s was read: %+v", name, s)
		}
	}
}

// TestHalfStatements: what is decided is named whole, and one thing at a time.
func TestHalfStatements(t *testing.T) {
	for name, s := range map[string]signed.Statement{
		"a batch and a secret":         change(together(), func(s *signed.Statement) { s.Secret = "FAL_KEY" }),
		"a batch and a rotation":       change(together(), func(s *signed.Statement) { s.Rotation = "abcdefghij" }),
		"a batch without a request":    change(together(), func(s *signed.Statement) { s.Card = 0 }),
		"a batch about the vault":      change(together(), func(s *signed.Statement) { s.Act = signed.VaultClosed }),
		"a step on a request":          change(decision(), func(s *signed.Statement) { s.Step = "prove(production)" }),
		"a proof without a reason":     change(instead(), func(s *signed.Statement) { s.Reason = "" }),
		"a proof without a step":       change(instead(), func(s *signed.Statement) { s.Step = "" }),
		"a proof with a request":       change(instead(), func(s *signed.Statement) { s.Card = 1 }),
		"a proof without evidence":     change(instead(), func(s *signed.Statement) { s.Evidence = "" }),
		"a proof of a batch":           change(instead(), func(s *signed.Statement) { s.Batch = "bcdefghijk" }),
		"a step that is none":          change(instead(), func(s *signed.Statement) { s.Step = "prove(production) now" }),
		"a reason for a closed vault":  change(aboutVault(), func(s *signed.Statement) { s.Reason = "because" }),
		"a question with a batch":      change(emergency(), func(s *signed.Statement) { s.Batch = "bcdefghijk" }),
		"a question about one's proof": change(emergency(), func(s *signed.Statement) { s.Step = "prove(production)" }),
	} {
		if text, err := s.Text(); err == nil {
			t.Errorf("%s can be signed:\n%s", name, text)
		}
	}
}

func change(s signed.Statement, f func(*signed.Statement)) signed.Statement {
	f(&s)
	return s
}

// TestWords: what is about to be signed is said before.
func TestWords(t *testing.T) {
	for want, s := range map[string]signed.Statement{
		"You approve the request below for FAL_KEY.": decision(),
		"You call an emergency: FAL_KEY":             emergency(),
		"Request 2 of batch bcdefghijk.":             together(),
		"Step prove(production) of rotation":         instead(),
		"got out by another way than the vault":      aboutVault(),
	} {
		if words := strings.Join(s.Words(), "\n"); !strings.Contains(words, want) || !strings.Contains(words, "acme") || !strings.Contains(words, "12:05:00 UTC") {
			t.Errorf("%s", words)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []signed.Statement{decision(), emergency(), together(), instead(), aboutVault()} {
		text, err := s.Text()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := signed.Parse(text)
		if err != nil {
			return
		}
		if again, err := s.Text(); err != nil || again != text {
			t.Errorf("two texts for one statement: %v\n%q\n%q", err, text, again)
		}
		for _, w := range s.Words() {
			if strings.ContainsAny(w, "\n\x1b") {
				t.Errorf("words that move the cursor: %q", w)
			}
		}
	})
}
