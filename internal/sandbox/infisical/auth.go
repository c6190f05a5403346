package infisical

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// login is POST /api/v1/auth/universal-auth/login. An unknown client id and a
// wrong secret answer alike.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	var q struct{ ClientID, ClientSecret string }
	if err := wire.ReadJSON(r, &q); err != nil {
		badJSON().send(w)
		return
	}
	s.mu.Lock()
	t, text := s.loginLocked(q.ClientID, q.ClientSecret, time.Now())
	s.mu.Unlock()
	if text == "" {
		(&refusal{status: http.StatusUnauthorized, message: t, word: "UnauthorizedError"}).send(w)
		return
	}
	s.sendToken(w, text)
}

// loginLocked returns a reason and no token, or a token.
func (s *Server) loginLocked(id, secret string, now time.Time) (reason, text string) {
	const wrong = "Invalid credentials"
	i := s.identities[id]
	if i == nil {
		return wrong, ""
	}
	if now.Before(i.locked) {
		return "This identity auth method is temporarily locked, please try again later", ""
	}
	if i.revoked || !equal(i.ClientSecret, secret) {
		i.failedLocked(now, s.o.LockFor)
		return wrong, ""
	}
	i.failures = nil
	return "", s.mintLocked(i, now)
}

func (s *Server) mintLocked(i *identity, now time.Time) string {
	claims := fmt.Sprintf(`{"identityAccessTokenId":%q,"identityId":%q,"authTokenType":"identityAccessToken"}`, newID(), i.ID)
	text := "eyJhbGciOiJIUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "." + random(32)
	s.tokens[text] = &token{who: i, expires: now.Add(s.o.TokenTTL)}
	s.issueLocked(text)
	return text
}

func (s *Server) sendToken(w http.ResponseWriter, text string) {
	ttl := int(s.o.TokenTTL / time.Second)
	wire.JSON(w, http.StatusOK, map[string]any{
		"accessToken": text, "expiresIn": ttl, "accessTokenMaxTTL": ttl, "tokenType": "Bearer",
	})
}

// renew is POST /api/v1/auth/token/renew. The lifetime is already the greatest
// one, so the answer repeats the token with its old end.
func (s *Server) renew(w http.ResponseWriter, r *http.Request) {
	var q struct{ AccessToken string }
	if err := wire.ReadJSON(r, &q); err != nil {
		badJSON().send(w)
		return
	}
	if _, no := s.bearer("Bearer " + q.AccessToken); no != nil {
		no.send(w)
		return
	}
	s.sendToken(w, q.AccessToken)
}

// revoke is POST /api/v1/auth/token/revoke.
func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	var q struct{ AccessToken string }
	if err := wire.ReadJSON(r, &q); err != nil {
		badJSON().send(w)
		return
	}
	if _, no := s.bearer("Bearer " + q.AccessToken); no != nil {
		no.send(w)
		return
	}
	s.mu.Lock()
	s.tokens[q.AccessToken].revoked = true
	s.mu.Unlock()
	wire.JSON(w, http.StatusOK, map[string]string{"message": "Successfully revoked access token"})
}

// bearer finds the identity behind an Authorization header. Absent and revoked
// tokens are 401; expired and malformed ones 403, with another word.
func (s *Server) bearer(header string) (*identity, *refusal) {
	text, ok := strings.CutPrefix(header, "Bearer ")
	if !ok || text == "" {
		return nil, unauthorized("Token missing")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.tokens[text]
	switch {
	case t == nil:
		return nil, tokenError("The provided access token is malformed. Please use a valid token or generate a new one and try again.")
	case t.revoked:
		return nil, unauthorized("Failed to authorize: token has been revoked")
	case t.who.revoked:
		return nil, unauthorized("Failed to authorize: client secret has been revoked")
	case !time.Now().Before(t.expires):
		return nil, tokenError("Your token has expired. Please re-authenticate.")
	}
	return t.who, nil
}
