package secret_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

func TestQuotePrintsNothing(t *testing.T) {
	v := secret.New("kid-1:0123456789abcdef")
	q := secret.Quoted("the key is " + v.Reveal())
	deep := struct {
		Exported secret.Quote
		hidden   secret.Quote
	}{q, q}
	secrettest.NoLeak(t, []secret.Value{v}, q, &q, deep, fmt.Errorf("deploying: %w", q), errors.Join(q))
}

func TestQuoteIsMaskedBeforeItIsCut(t *testing.T) {
	v := secret.New("kid-1:0123456789abcdef")
	long := strings.Repeat("x", 190) + v.Reveal()
	for said, want := range map[string]string{
		"refused " + v.Reveal():        "refused [secret]",
		"  one\ntwo\nthree\nfour ":     "one\ntwo\nthree",
		"a\x00b\tc\xffd\u200be\r":      "a b c d e",
		long:                           strings.Repeat("x", 190) + "[secret]",
		strings.Repeat("ä", 201):       strings.Repeat("ä", 199) + "…",
		"\n \t":                        "",
		"0123456789abcdef in the logs": "[secret] in the logs",
	} {
		if got := secret.Quoted(said).Masked(v); got != want {
			t.Errorf("%q became %q, want %q", said, got, want)
		}
	}
}

// Whoever has no value in hand cannot know that the words hold none.
func TestQuoteWithoutValuesSaysNothing(t *testing.T) {
	if got := secret.Quoted("all is well").Masked(); got != "" {
		t.Errorf("it says %q", got)
	}
	q, none := secret.Quoted("x"), secret.Quoted(" ", "")
	if !none.IsZero() || q.IsZero() || q.Equal(none) || none.Equal(q) || !q.Equal(secret.Quoted("x")) || !none.Equal(none) {
		t.Error("what says nothing is not nothing")
	}
}
