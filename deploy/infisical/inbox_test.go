package infisical_test

import (
	"net/http"
	"strings"
	"testing"

	"rekey/deploy"
	"rekey/deploy/deploytest"
	"rekey/deploy/infisical"
	"rekey/internal/fault"
)

var inboxPlace = infisical.Place{Environment: staging.Environment, Path: "/rekey-inbox"}

// inboxBench is a bench with an inbox beside staging's folder.
func inboxBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, func(c *infisical.Config) { c.Inboxes = map[string]infisical.Place{"staging": inboxPlace} })
	b.put(inboxPlace, "UNRELATED", "somebody-elses-note")
	return b
}

func TestInbox(t *testing.T) {
	deploytest.Inbox(t, func(t *testing.T) deploytest.InboxBed {
		b := inboxBench(t)
		return deploytest.InboxBed{
			Inbox: b.vault, Environment: "staging", Name: "ANTHROPIC_API_KEY",
			Leave:  func(value string) { b.put(inboxPlace, "ANTHROPIC_API_KEY", value) },
			Import: func() { b.set(func() { b.imports[staging] = inboxPlace }) },
			Heard:  b.heard.String,
		}
	})
}

// TestInboxReaders: whatever else touches the inbox is named.
func TestInboxReaders(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(b *bench)
		reason  fault.Reason
		says    string
	}{
		"a sync": {func(b *bench) {
			b.syncs = append(b.syncs, map[string]any{"name": "to-vercel", "destination": "vercel",
				"environment": map[string]any{"slug": inboxPlace.Environment}, "folder": map[string]any{"path": inboxPlace.Path}})
		}, fault.Managed, `"to-vercel"`},
		"its own import": {func(b *bench) { b.imports[inboxPlace] = production }, fault.Managed, "imports"},
		"no folder":      {func(b *bench) { delete(b.folders, inboxPlace) }, fault.NotFound, "make the folder"},
	} {
		t.Run(name, func(t *testing.T) {
			b := inboxBench(t)
			b.set(func() { c.arrange(b) })
			err := b.vault.Secluded(t.Context(), "staging")
			if !fault.Is(err, c.reason) || !strings.Contains(err.Error(), c.says) || fault.Of(err).Class != fault.Ask {
				t.Errorf("got %v, want %s saying %q", err, c.reason, c.says)
			}
		})
	}
}

// TestDiscardDecidedByReading: whatever the answer to the deletion was, a
// fresh read decides.
func TestDiscardDecidedByReading(t *testing.T) {
	const route = "/api/v4/secrets/ANTHROPIC_API_KEY"
	for name, c := range map[string]struct {
		between func(w http.ResponseWriter, r *http.Request, next http.Handler)
		gone    bool
		class   fault.Class
	}{
		"answer lost": {func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			next.ServeHTTP(discard{}, r)
			panic(http.ErrAbortHandler)
		}, true, 0},
		"500 before": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			w.WriteHeader(http.StatusInternalServerError)
		}, false, fault.Again},
		"403": {func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			refuse(w, http.StatusForbidden, "PermissionDenied", "You are not allowed to delete on secrets")
		}, false, fault.Ask},
	} {
		t.Run(name, func(t *testing.T) {
			b := inboxBench(t)
			b.put(inboxPlace, "ANTHROPIC_API_KEY", "sk-ant-api03-something-that-was-left")
			e, err := b.vault.Collect(t.Context(), "staging", "ANTHROPIC_API_KEY")
			if err != nil {
				t.Fatal(err)
			}
			b.set(func() {
				b.between = func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if r.Method == http.MethodDelete && r.URL.Path == route {
						c.between(w, r, next)
						return
					}
					next.ServeHTTP(w, r)
				}
			})
			err = b.vault.Discard(t.Context(), "staging", e)
			if c.gone != (err == nil) || err != nil && fault.Of(err).Class != c.class {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestDiscardHeld: a change policy on the inbox is told, and nothing is gone.
func TestDiscardHeld(t *testing.T) {
	b := inboxBench(t)
	b.put(inboxPlace, "ANTHROPIC_API_KEY", "sk-ant-api03-something-that-was-left")
	b.set(func() { b.held[inboxPlace] = true })
	e, err := b.vault.Collect(t.Context(), "staging", "ANTHROPIC_API_KEY")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.vault.Discard(t.Context(), "staging", e); !fault.Is(err, fault.HeldForApproval) {
		t.Errorf("got %v, want held for approval", err)
	}
	if _, err := b.vault.Collect(t.Context(), "staging", "ANTHROPIC_API_KEY"); err != nil {
		t.Errorf("it is gone: %v", err)
	}
}

// TestInboxConfig: an inbox is no place that anything else uses.
func TestInboxConfig(t *testing.T) {
	for name, inboxes := range map[string]map[string]infisical.Place{
		"the values themselves": {"staging": staging},
		"another environment's": {"staging": production},
		"one for both":          {"staging": inboxPlace, "production": inboxPlace},
		"malformed":             {"staging": {Environment: "staging", Path: "/a b"}},
	} {
		if _, err := infisical.New(infisical.Config{
			SiteURL: "https://app.infisical.com", ProjectID: projectID, ClientID: infisical.Fixed(deploy.Entry{}.Value), ClientSecret: infisical.Fixed(deploy.Entry{}.Value),
			Environments: map[string]infisical.Place{"staging": staging, "production": production}, Inboxes: inboxes,
		}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// discard is where the answer that nobody gets is written to.
type discard struct{}

func (discard) Header() http.Header         { return http.Header{} }
func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) WriteHeader(int)             {}
