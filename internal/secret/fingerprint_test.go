package secret_test

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"testing"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

func key(t testing.TB, letter string) secret.Key {
	t.Helper()
	k, err := secret.NewKey(secret.New(strings.Repeat(letter, 32)))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestFingerprintIsKeyedAndStable(t *testing.T) {
	a, b := key(t, "a"), key(t, "b")
	one := a.Fingerprint(secret.New("value-one"))
	if again := a.Fingerprint(secret.New("value-one")); again != one {
		t.Error("equal values have different fingerprints")
	}
	if a.Fingerprint(secret.New("value-two")) == one {
		t.Error("different values have the same fingerprint")
	}
	if b.Fingerprint(secret.New("value-one")) == one {
		t.Error("the key makes no difference")
	}
	if !regexp.MustCompile(`^[0-9a-f]{32}$`).MatchString(string(one)) {
		t.Errorf("the form is %q", one)
	}
	if one.Short() != string(one[:8]) {
		t.Errorf("Short is %q of %q", one.Short(), one)
	}
}

// TestFingerprintIsFixed holds the stored form: a change would make every
// recorded fingerprint differ from the vault's values.
func TestFingerprintIsFixed(t *testing.T) {
	const want = "e28c05c242bd0f4838a8478f659fce1b"
	if got := key(t, "k").Fingerprint(secret.New("value")); got != want {
		t.Errorf("fingerprint is %s, want %s", got, want)
	}
}

func TestNoValueHasNoFingerprint(t *testing.T) {
	if got := key(t, "a").Fingerprint(secret.Value{}); got != "" || got.Short() != "" {
		t.Errorf("an empty value has fingerprint %q", got)
	}
}

func TestShortKeysAreRefused(t *testing.T) {
	for _, length := range []int{0, 1, 31} {
		if _, err := secret.NewKey(secret.New(strings.Repeat("k", length))); !errors.Is(err, secret.ErrShortKey) {
			t.Errorf("%d bytes: %v, want ErrShortKey", length, err)
		}
	}
}

func TestZeroKeyPanics(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("the zero Key made a fingerprint that everybody can make")
		}
	}()
	secret.Key{}.Fingerprint(secret.New("value"))
}

func TestSignSeparatesPurposes(t *testing.T) {
	k := key(t, "a")
	if bytes.Equal(k.Sign("click", "text"), k.Sign("fingerprint", "text")) {
		t.Error("two purposes share a signature")
	}
	if bytes.Equal(k.Sign("a", "bc"), k.Sign("ab", "c")) {
		t.Error("purpose and text run into each other")
	}
}

func TestKeyShowsNowhere(t *testing.T) {
	material := secret.New("0123456789-key-material-of-32-bytes!")
	k, err := secret.NewKey(material)
	if err != nil {
		t.Fatal(err)
	}
	secrettest.NoLeak(t, []secret.Value{material}, k, &k, struct{ k secret.Key }{k})
}
