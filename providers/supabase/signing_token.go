package supabase

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// nobody is whom tokens of a probe are about: no user of any project.
const nobody = "00000000-0000-4000-8000-000000000000"

// Mint makes a token as Supabase Auth would for a user, signed with the value and
// naming the key. It is valid for as long as the configuration says.
func (k *signingKey) Mint(id providers.ID, values providers.Values) (secret.Value, error) {
	const op = "making a token for a probe"
	v := values[k.s.config.Variable]
	if wrong := misshapen(v); v.IsZero() || wrong != "" || !kidForm.MatchString(string(id)) {
		return secret.Value{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "the id or the value has not its form"}
	}
	now := time.Now()
	claims := map[string]any{
		"role": "authenticated", "aud": "authenticated", "sub": nobody, "iat": now.Unix(), "exp": now.Add(k.s.config.TokenLife).Unix(),
	}
	if ref := k.project(string(id)); ref != "" {
		claims["iss"] = strings.ReplaceAll(k.s.p.config.ProjectURL, "{ref}", ref) + "/auth/v1"
	}
	token, err := sign(string(id), claims, v)
	if err != nil {
		return secret.Value{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Err: err}
	}
	return token, nil
}

// sign makes a token (RFC 7519) with HMAC-SHA256 over the bytes of the value's
// text.
func sign(kid string, claims map[string]any, v secret.Value) (secret.Value, error) {
	header, err := json.Marshal(map[string]string{"alg": algorithm, "typ": "JWT", "kid": kid})
	if err != nil {
		return secret.Value{}, err
	}
	body, err := json.Marshal(claims)
	if err != nil {
		return secret.Value{}, err
	}
	text := base64.RawURLEncoding.EncodeToString(header) + "." + base64.RawURLEncoding.EncodeToString(body)
	return secret.New(text + "." + signature(v, text)), nil
}

func signature(v secret.Value, text string) string {
	mac := hmac.New(sha256.New, []byte(v.Reveal()))
	_, _ = mac.Write([]byte(text)) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signedWith checks a token's signature.
func signedWith(v, token secret.Value) bool {
	text := token.Reveal()
	end := strings.LastIndex(text, ".")
	return end > 0 && hmac.Equal([]byte(text[end+1:]), []byte(signature(v, text[:end])))
}
