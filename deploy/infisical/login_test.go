package infisical_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/deploy/infisical"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// read is any call that needs a session.
func (b *bench) read(ctx context.Context) error {
	_, err := b.vault.Read(ctx, "staging", []string{"UNRELATED"})
	return err
}

func TestARefusedLoginIsNeverRepeated(t *testing.T) {
	b := newBench(t)
	b.set(func() { b.secret = "the-secret-was-changed-on-the-server" })
	var first error
	for range 5 {
		err := b.read(t.Context())
		f := fault.Of(err)
		if f == nil || f.Reason != fault.Unauthorized || f.Class != fault.Ask || f.Status != http.StatusUnauthorized {
			t.Fatalf("got %v, want unauthorized, ask", err)
		}
		if first == nil {
			first = err
		}
		if !errors.Is(err, first) {
			t.Error("a later call gives another fault")
		}
	}
	if n := b.count(loginRoute); n != 1 {
		t.Errorf("%d logins, want one: three lock the identity out", n)
	}
	secrettest.NoLeak(t, []secret.Value{secret.New(clientSecret)}, first, b.heard.String())
}

func TestManyCallersMakeOneLogin(t *testing.T) {
	for what, right := range map[string]string{"accepted": clientSecret, "refused": "another-client-secret"} {
		b := newBench(t)
		b.set(func() { b.secret = right })
		together(20, func(int) { _ = b.read(t.Context()) })
		if n := b.count(loginRoute); n != 1 {
			t.Errorf("%s: %d logins, want one", what, n)
		}
	}
}

// together runs f n times at once and waits.
func together(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// A caller that goes away must not cause another attempt with a wrong secret.
func TestALoginGoesOnWithoutItsCaller(t *testing.T) {
	b := newBench(t)
	arrived, release := make(chan struct{}), make(chan struct{})
	b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method+" "+r.URL.Path == loginRoute {
			close(arrived) // a second login would panic here
			<-release
		}
		next.ServeHTTP(w, r)
	})
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error)
	go func() { gone <- b.read(ctx) }()
	<-arrived
	cancel()
	if err := <-gone; !fault.Is(err, fault.Interrupted) || fault.Of(err).Class != fault.Again {
		t.Errorf("got %v, want interrupted, again", err)
	}
	close(release)
	if err := b.read(t.Context()); err != nil {
		t.Error(err)
	}
	if n := b.count(loginRoute); n != 1 {
		t.Errorf("%d logins, want one", n)
	}
}

func TestAnotherClientSecretIsTriedOnce(t *testing.T) {
	var mu sync.Mutex
	given, broken := "wrong-client-secret-one", error(nil)
	b := newBench(t, func(c *infisical.Config) {
		c.ClientSecret = func() (secret.Value, error) {
			mu.Lock()
			defer mu.Unlock()
			return secret.New(given), broken
		}
	})
	change := func(to string, err error) {
		mu.Lock()
		defer mu.Unlock()
		given, broken = to, err
	}
	for _, step := range []struct {
		secret string
		err    error
		logins int
		works  bool
	}{
		{"wrong-client-secret-one", nil, 1, false},
		{"wrong-client-secret-two", nil, 2, false},
		{"wrong-client-secret-two", nil, 2, false},
		{"", errors.New("the file is gone"), 2, false},
		{clientSecret, nil, 3, true},
		{"changed later, while the token lives", nil, 3, true},
	} {
		change(step.secret, step.err)
		if err := b.read(t.Context()); (err == nil) != step.works {
			t.Errorf("%q: got %v", step.secret, err)
		}
		if n := b.count(loginRoute); n != step.logins {
			t.Errorf("%q: %d logins so far, want %d", step.secret, n, step.logins)
		}
	}
}

// A lockout that somebody else caused is refused like a wrong secret.
func TestALockedIdentityIsNotTriedAgain(t *testing.T) {
	b := newBench(t)
	b.set(func() { b.badLogin = 3 })
	for range 3 {
		if err := b.read(t.Context()); !fault.Is(err, fault.Unauthorized) {
			t.Errorf("got %v", err)
		}
	}
	if n := b.count(loginRoute); n != 1 {
		t.Errorf("%d logins, want one", n)
	}
}

func TestACredentialThatIsMissingIsNotSent(t *testing.T) {
	t.Setenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_ID", clientID) // the SDK would take these
	t.Setenv("INFISICAL_UNIVERSAL_AUTH_CLIENT_SECRET", clientSecret)
	for what, source := range map[string]infisical.Source{
		"empty":      infisical.Fixed(secret.Value{}),
		"unreadable": func() (secret.Value, error) { return secret.Value{}, errors.New("opening the file: no such file") },
	} {
		b := newBench(t, func(c *infisical.Config) { c.ClientSecret = source })
		if err := b.read(t.Context()); !fault.Is(err, fault.Unauthorized) || fault.Of(err).Class != fault.Ask {
			t.Errorf("%s: got %v, want unauthorized", what, err)
		}
		if n := b.count(""); n != 0 {
			t.Errorf("%s: %d requests", what, n)
		}
	}
}

// clock is a time that the test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestATokenIsRenewedAtFourFifthsOfItsLife(t *testing.T) {
	b := newBench(t)
	b.ttl = 1000
	c := &clock{at: time.Now()}
	infisical.SetClock(b.vault, c.now)
	for _, step := range []struct {
		pass   time.Duration
		logins int
	}{{0, 1}, {799 * time.Second, 1}, {time.Second, 2}, {799 * time.Second, 2}, {time.Second, 3}} {
		c.pass(step.pass)
		if err := b.read(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := b.count(loginRoute); n != step.logins {
			t.Errorf("after %s more: %d logins, want %d", step.pass, n, step.logins)
		}
	}
}

func TestAnUnansweredLoginWaitsBeforeTheNext(t *testing.T) {
	for what, f := range map[string]injection{
		"cut off":             cutOff(false),
		"500":                 instead(500, `{}`),
		"429":                 instead(429, `{}`),
		"an HTML page":        instead(200, "<html></html>"),
		"nothing in the JSON": func(w http.ResponseWriter, _ *http.Request, _ http.Handler) { answer(w, map[string]any{}) },
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, func(c *infisical.Config) { c.LoginPause = time.Minute })
			c := &clock{at: time.Now()}
			infisical.SetClock(b.vault, c.now)
			b.inject(f)
			for range 3 {
				if f := fault.Of(b.read(t.Context())); f == nil || f.RetryAfter < time.Minute {
					t.Errorf("got %v, want a fault with a pause", f)
				}
			}
			if n := b.count(loginRoute); n != 1 {
				t.Errorf("%d logins within the pause, want one", n)
			}
			b.inject(nil)
			c.pass(time.Minute)
			if err := b.read(t.Context()); err != nil {
				t.Errorf("after the pause: %v", err)
			}
		})
	}
}

// An expired token is 403 like a missing right; only one of them is worth a login.
func TestAnExpiredTokenIsReplacedOnce(t *testing.T) {
	b := newBench(t)
	if err := b.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.endTokens("expired")
	if err := b.read(t.Context()); err != nil {
		t.Errorf("after the token expired: %v", err)
	}
	if n := b.count(loginRoute); n != 2 {
		t.Errorf("%d logins, want two", n)
	}
}

func TestATokenThatIsNeverTakenAsksAPerson(t *testing.T) {
	b := newBench(t)
	b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method+" "+r.URL.Path == loginRoute {
			next.ServeHTTP(w, r)
			return
		}
		refuse(w, http.StatusForbidden, "TokenError", "The access token is signed with an invalid algorithm.")
	})
	if err := b.read(t.Context()); !fault.Is(err, fault.Unauthorized) || fault.Of(err).Class != fault.Ask {
		t.Errorf("got %v, want unauthorized, ask", err)
	}
	if n := b.count(loginRoute); n != 2 {
		t.Errorf("%d logins, want two", n)
	}
}

func TestAMissingRightIsNoReasonToLogIn(t *testing.T) {
	b := newBench(t)
	b.outsider = true
	err := b.read(t.Context())
	if f := fault.Of(err); f == nil || f.Reason != fault.Forbidden || f.Class != fault.Ask {
		t.Errorf("got %v, want forbidden", err)
	}
	if n := b.count(loginRoute); n != 1 {
		t.Errorf("%d logins, want one", n)
	}
}

// A revoked token is 401. The call that meets it fails, the next one logs in.
func TestARevokedToken(t *testing.T) {
	b := newBench(t)
	if err := b.read(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.endTokens("revoked")
	if err := b.read(t.Context()); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("got %v, want unauthorized", err)
	}
	if err := b.read(t.Context()); err != nil {
		t.Errorf("the next call: %v", err)
	}
	// The client secret is revoked too: one more login, and no other.
	b.endTokens("revoked")
	b.set(func() { b.secret = "revoked" })
	for range 4 {
		_ = b.read(t.Context())
	}
	if n := b.count(loginRoute); n != 3 {
		t.Errorf("%d logins, want three", n)
	}
}

// The SDK's read-back meets an expired token too, and its error has no word
// for it, only a message.
func TestAnExpiredTokenAtTheReadBack(t *testing.T) {
	b := newBench(t)
	b.inject(onPatch(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		next.ServeHTTP(w, r)
		b.endTokens("expired")
	}))
	if _, err := writeOne(t.Context(), t, b); err != nil {
		t.Error(err)
	}
}

// Tokens expire while twenty callers read and one writes: the race detector
// looks at the SDK's fields, the test at the results.
func TestLoginsAndReadsAtOnce(t *testing.T) {
	b := newBench(t)
	together(20, func(i int) {
		for round := range 10 {
			if i == 0 {
				b.endTokens("expired")
				if _, err := b.vault.ReadVersion(t.Context(), "staging", "UNRELATED", 1); err != nil && !fault.Is(err, fault.Unauthorized) {
					t.Errorf("round %d: %v", round, err)
				}
				continue
			}
			// Whose second token has expired as well is told so.
			if err := b.read(t.Context()); err != nil && !fault.Is(err, fault.Unauthorized) {
				t.Errorf("round %d: %v", round, err)
			}
		}
	})
	if err := b.read(t.Context()); err != nil {
		t.Error(err)
	}
	if strings.Contains(b.heard.String(), "failed") {
		t.Error("a login failed")
	}
}

func TestWritesAndReadBacksAtOnce(t *testing.T) {
	b := newBench(t)
	rows := []string{"KEY_A", "KEY_B", "KEY_C", "KEY_D"}
	for _, name := range rows {
		b.put(staging, name, "the-first-value-of-"+name)
	}
	together(len(rows), func(i int) {
		for range 5 {
			if err := b.replace(t.Context(), rows[i]); err != nil {
				t.Error(err)
			}
			b.endTokens("expired")
		}
	})
}
