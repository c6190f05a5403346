package supabase

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// jwt signs claims with HMAC-SHA256 over the bytes of a text. A kid is named
// where there is one.
func jwt(kid string, claims map[string]any, secret string) string {
	header := map[string]string{"alg": "HS256", "typ": "JWT"}
	if kid != "" {
		header["kid"] = kid
	}
	part := func(v any) string {
		text, _ := json.Marshal(v) // maps of texts and numbers always have a form
		return base64.RawURLEncoding.EncodeToString(text)
	}
	text := part(header) + "." + part(claims)
	return text + "." + signature(text, secret)
}

func signature(text, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	_, _ = mac.Write([]byte(text)) // a hash never fails
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// signIn gives a user an access token, signed with the key in use, or with the
// legacy secret while the project was not moved.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	ref := r.PathValue("ref")
	if s.keyOf(ref, r.Header.Get("apikey")) != Publishable {
		wire.JSON(w, http.StatusUnauthorized, map[string]string{"message": "Invalid API key"})
		return
	}
	kid, secret := "", ""
	all := s.signersOf(ref)
	if at := slices.IndexFunc(all, func(k Signer) bool { return k.Status == InUse }); at >= 0 {
		kid, secret = all[at].ID, all[at].Secret
	} else if len(all) == 0 {
		secret = s.LegacySecret(ref)
	}
	if secret == "" {
		wire.JSON(w, http.StatusInternalServerError, map[string]string{"msg": "no signing key is in use"})
		return
	}
	now, life := time.Now(), s.o.TokenLife
	token := jwt(kid, map[string]any{
		"role": "authenticated", "aud": "authenticated", "sub": uuid(), "iat": now.Unix(), "exp": now.Add(life).Unix(),
		"iss": "http://" + r.Host + "/" + ref + "/auth/v1",
	}, secret)
	wire.JSON(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "bearer", "expires_in": int(life.Seconds()), "refresh_token": random(6)})
}

// keyOf is the type of a project's key, "" of one it does not know.
func (s *Server) keyOf(ref, value string) string {
	for _, k := range s.Keys() {
		if k.Project == ref && k.Value == value && k.Live() {
			return k.Type
		}
	}
	return ""
}

// trusts reports whether a project accepts a token: one that names a trusted key
// and is signed with it, for a user, and not expired.
func (s *Server) trusts(ref, token string) bool {
	parts := strings.Split(token, ".")
	var header struct{ Alg, Kid string }
	var claims struct {
		Role string
		Exp  int64
	}
	if len(parts) != 3 || !decoded(parts[0], &header) || !decoded(parts[1], &claims) || header.Alg != "HS256" || claims.Role == "" || claims.Exp <= time.Now().Unix() {
		return false
	}
	secret := ""
	for _, k := range s.signersOf(ref) {
		if k.ID == header.Kid && k.Trusted() && k.Algorithm == "HS256" {
			secret = k.Secret
		}
	}
	return secret != "" && hmac.Equal([]byte(parts[2]), []byte(signature(parts[0]+"."+parts[1], secret)))
}

func decoded(part string, into any) bool {
	text, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(text, into) == nil
}

// table is what a user's request meets: first the key in apikey is looked at,
// then the token, then whether there is such a table.
func (s *Server) table(w http.ResponseWriter, r *http.Request) {
	ref := r.PathValue("ref")
	token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case s.keyOf(ref, r.Header.Get("apikey")) != Publishable:
		wire.JSON(w, http.StatusUnauthorized, map[string]string{"message": "Invalid API key", "hint": "Double check your Supabase API key."})
	case bears && !s.trusts(ref, token):
		wire.JSON(w, http.StatusUnauthorized, map[string]any{"code": "PGRST301", "message": "JWSError JWSInvalidSignature", "details": nil, "hint": nil})
	default:
		wire.JSON(w, http.StatusNotFound, map[string]any{"code": "PGRST205", "message": "Could not find the table 'public." + r.PathValue("table") + "' in the schema cache", "details": nil, "hint": nil})
	}
}

// publicKeys never show a shared secret.
func publicKeys(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]any{"keys": []any{}})
}
