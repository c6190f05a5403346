package supabase

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"rekey/internal/secret"
	"rekey/providers"
)

var (
	// secretForm is what is rotated here: printable text without spaces, long
	// enough not to be guessed.
	secretForm = regexp.MustCompile(`^[\x21-\x7e]{32,}$`)
	tableForm  = regexp.MustCompile(`^[a-z_][a-z0-9_]{0,62}$`)
	kidForm    = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
)

// read takes the value and the one before it out of an environment's
// variables.
func (s *Signing) read(values providers.Values) (now, before secret.Value, err error) {
	c := s.config
	for _, name := range []string{c.Variable, c.Previous} {
		v, there := values[name]
		switch {
		case !there || v.IsZero():
			hint := ""
			if name == c.Previous {
				hint = ": give it the value of " + c.Variable + " and have the application verify with both"
			}
			return now, before, errors.New(name + " is missing or empty" + hint)
		case misshapen(v) != "":
			return now, before, errors.New(name + ": " + misshapen(v))
		}
	}
	return values[c.Variable], values[c.Previous], nil
}

// misshapen says why a value cannot be a secret for signing.
func misshapen(v secret.Value) string {
	switch {
	case v.HasPrefix(secretMark), v.HasPrefix(publishableMark), v.HasPrefix("sbp_"):
		return "that is a key of Supabase's API, not the secret that tokens are signed with"
	case isLegacy(v):
		return "that is a token, not the secret that tokens are signed with"
	case !secretForm.MatchString(v.Reveal()):
		return "it must be at least 32 printable characters without spaces or line breaks"
	}
	return ""
}

// generate makes 32 random bytes as printable text. Signers use the bytes of
// the text.
func generate() secret.Value {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: crypto/rand ends the program instead
	return secret.New(base64.RawURLEncoding.EncodeToString(raw[:]))
}

// kidOf is a signing key's id for a label: the same each time, so that a key
// whose creation was not answered is found.
func kidOf(label string) string {
	sum := sha256.Sum256([]byte("rekey signing key\n" + label))
	sum[6], sum[8] = sum[6]&0x0f|0x40, sum[8]&0x3f|0x80
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

// imported is the body that hands a value to Supabase: base64url, without
// padding, of the very bytes that the application uses.
func imported(id providers.ID, v secret.Value) ([]byte, error) {
	body, err := json.Marshal(map[string]any{
		"algorithm": algorithm, "status": statusStandby,
		"private_jwk": map[string]string{"kty": "oct", "kid": string(id), "k": base64.RawURLEncoding.EncodeToString([]byte(v.Reveal()))},
	})
	if err != nil {
		return nil, fmt.Errorf("encoding a signing key: %w", err)
	}
	return body, nil
}

// disguises are the texts in which a secret may stand beside its own form.
func disguises(v secret.Value) []secret.Value {
	raw := []byte(v.Reveal())
	return []secret.Value{
		secret.New(base64.StdEncoding.EncodeToString(raw)), secret.New(base64.RawURLEncoding.EncodeToString(raw)), secret.New(hex.EncodeToString(raw)),
	}
}
