package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// The variables that hold the secret of users' tokens, and the one before it.
const (
	JWTSecret   = "JWT_SECRET"
	JWTPrevious = "JWT_SECRET_PREVIOUS"
)

// Sessions are the signed-in visitors of one environment: browsers with a token
// of the authentication service, which they keep for as long as it is valid.
type Sessions struct {
	at, pass string
	client   *http.Client

	mu       sync.Mutex
	browsers []browser
	turn     int
}

type browser struct {
	token string
	until time.Time
}

// browsers is how many visitors are signed in at the same time.
const browsers = 6

// NewSessions are those of a project at an address, who identify the application
// with a publishable key.
func NewSessions(at, pass string) *Sessions {
	return &Sessions{at: at, pass: pass, client: &http.Client{Timeout: 5 * time.Second}, browsers: make([]browser, browsers)}
}

// next is the token of the next visitor, new only where the old one has expired.
func (s *Sessions) next(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn++
	b := &s.browsers[s.turn%len(s.browsers)]
	if time.Now().Before(b.until) {
		return b.token, nil
	}
	token, until, err := s.refresh(ctx)
	if err == nil {
		*b = browser{token, until}
	}
	return token, err
}

// refresh asks the service for a token. Browsers ask for the next one shortly
// before it expires.
func (s *Sessions) refresh(ctx context.Context) (string, time.Time, error) {
	began := time.Now()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.at+"/auth/v1/token?grant_type=refresh_token", strings.NewReader(`{"refresh_token":"of a visitor"}`))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("building a request for a session: %w", err)
	}
	req.Header.Set("apikey", s.pass)
	res, err := s.client.Do(req)
	if err != nil {
		return "", time.Time{}, fmt.Errorf("asking for a session: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", time.Time{}, fmt.Errorf("reading a session: %w", err)
	}
	var made struct {
		Token string `json:"access_token"`
		In    int    `json:"expires_in"`
	}
	if err := json.Unmarshal(body, &made); err != nil || made.Token == "" {
		return "", time.Time{}, fmt.Errorf("reading a session: status %d", res.StatusCode)
	}
	// Its exp is in whole seconds, rounded down.
	return made.Token, began.Add(time.Duration(made.In)*time.Second - 1100*time.Millisecond), nil
}

// session is a visit by somebody who is signed in.
func (i *instance) session(ctx context.Context) error {
	token, err := i.o.Sessions.next(ctx)
	if err != nil {
		if !errors.Is(err, context.Canceled) {
			i.log(`level=error msg="supabase: nobody can sign in"`)
		}
		return err
	}
	if i.knows(token) {
		return nil
	}
	i.log(`level=error msg="a signed-in visitor was signed out"`)
	return errors.New("verifying a session: the signature is not that of a key in use")
}

// me answers whoever bears a valid token, and nobody else.
func (i *instance) me(w http.ResponseWriter, r *http.Request) {
	token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bears || !i.knows(token) {
		wire.JSON(w, http.StatusUnauthorized, map[string]any{"ok": false, "error": "not signed in"})
		return
	}
	wire.JSON(w, http.StatusOK, map[string]any{"ok": true})
}

// knows verifies a token with the secret and, as long as there is one, the
// secret before it.
func (i *instance) knows(token string) bool {
	parts := strings.Split(token, ".")
	var claims struct {
		Exp int64
		Aud string
	}
	if len(parts) != 3 {
		return false
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &claims) != nil || claims.Exp <= time.Now().Unix() || claims.Aud != "authenticated" {
		return false
	}
	for _, name := range []string{JWTSecret, JWTPrevious} {
		m := hmac.New(sha256.New, []byte(i.values[name]))
		_, _ = m.Write([]byte(parts[0] + "." + parts[1])) // a hash never fails
		if i.values[name] != "" && hmac.Equal([]byte(parts[2]), []byte(base64.RawURLEncoding.EncodeToString(m.Sum(nil)))) {
			return true
		}
	}
	return false
}
