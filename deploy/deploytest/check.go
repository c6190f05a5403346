package deploytest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// CheckBed is a check under test, and a source it measures by.
type CheckBed struct {
	// Open makes the check for a source at a base URL, with a timeout of at
	// most a second for one question.
	Open func(t *testing.T, base string) deploy.Check
	// Healthy answers as a source does when all is well, so that the check
	// says OK.
	Healthy http.Handler
	// Secrets are what the check holds: its own credentials.
	Secrets []secret.Value
	// Speaking answers with the values of Spoken in every place where a
	// source has words of its own, as a log does whose lines hold a key; nil
	// for a source of which no word is repeated.
	Speaking http.Handler
	// Probed says that the source is the application itself: what it answers
	// may then be Bad. Otherwise a source that is broken is an Error.
	Probed bool
}

// Window is the window that the suite measures.
func Window() deploy.Window {
	to := time.Date(2026, 11, 2, 9, 15, 0, 0, time.UTC)
	return deploy.Window{From: to.Add(-time.Minute), To: to, Deployment: "dpl-7", Signatures: []string{`fal: 401 Unauthorized`}}
}

// Check checks that an implementation keeps the contract of [deploy.Check]:
// above all, that whatever happens to its source never looks like health.
func Check(t *testing.T, b CheckBed) {
	t.Helper()
	t.Run("a healthy source is ok", func(t *testing.T) {
		if m := b.against(t, b.Healthy); m.Outcome != deploy.OK || m.Hard {
			t.Errorf("%+v", m)
		}
	})
	for name, broken := range b.breakages() {
		t.Run(name, func(t *testing.T) {
			m := b.against(t, broken)
			b.unhealthy(t, m, b.Probed)
			secrettest.NoLeak(t, append([]secret.Value{newer, older}, b.Secrets...), m)
		})
	}
	if b.Speaking != nil {
		t.Run("a source that speaks the keys is not repeated", func(t *testing.T) {
			secrettest.NoLeak(t, append(Spoken(), b.Secrets...), b.against(t, b.Speaking))
		})
	}
	t.Run("nobody listens", func(t *testing.T) {
		server := httptest.NewServer(b.Healthy)
		server.Close()
		b.unhealthy(t, b.Open(t, server.URL).Measure(t.Context(), Window()), false)
	})
	t.Run("no time is left", func(t *testing.T) {
		server := httptest.NewServer(b.Healthy)
		t.Cleanup(server.Close)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		b.unhealthy(t, b.Open(t, server.URL).Measure(ctx, Window()), false)
	})
}

// Spoken are values that a source or a target has in its mouth.
func Spoken() []secret.Value { return []secret.Value{newer, older} }

// against measures by a source.
func (b CheckBed) against(t *testing.T, source http.Handler) deploy.Measurement {
	t.Helper()
	server := httptest.NewServer(source)
	t.Cleanup(server.Close)
	return b.Open(t, server.URL).Measure(t.Context(), Window())
}

// unhealthy holds a measurement to what a broken source may look like.
func (b CheckBed) unhealthy(t *testing.T, m deploy.Measurement, mayBeBad bool) {
	t.Helper()
	switch {
	case m.Outcome == deploy.Error:
		if m.Detail == "" {
			t.Error("nobody is told what could not be measured")
		}
	case m.Outcome == deploy.Bad && mayBeBad:
	default:
		t.Errorf("came out as %+v", m)
	}
	if m.Hard {
		t.Error("a broken source names the credential as failing")
	}
}

// breakages are the ways of a source not to answer. What they say holds
// secrets, which must not be repeated.
func (b CheckBed) breakages() map[string]http.Handler {
	leak := "the key is " + newer.Reveal() + " and was " + older.Reveal()
	page := "<!doctype html><title>Sign in</title><p>" + leak
	answers := map[string]http.Handler{
		"a page instead of an answer": b.say(http.StatusOK, "text/html", page),
		"a sign-in page elsewhere":    http.RedirectHandler("https://login.example.com/?"+leak, http.StatusFound),
		"a sign-in page at the same host": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/login" {
				http.Redirect(w, r, "/login", http.StatusFound)
				return
			}
			b.say(http.StatusOK, "text/html", page).ServeHTTP(w, r)
		}),
		"an answer cut off": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5000")
			_, _ = io.WriteString(w, `{"status":"`)
			panic(http.ErrAbortHandler)
		}),
		"a connection cut off": http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }),
		"no answer in time": http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then is a client that leaves noticed
			<-r.Context().Done()
		}),
		"an endless answer": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				if _, err := io.WriteString(w, strings.Repeat(leak, 1000)); err != nil {
					return
				}
			}
		}),
	}
	for _, status := range []int{400, 401, 403, 404, 429, 500, 502, 503, 504} {
		answers["status "+http.StatusText(status)] = b.say(status, "application/json", `{"message":"`+leak+`"}`)
	}
	return answers
}

func (b CheckBed) say(status int, kind, body string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}
