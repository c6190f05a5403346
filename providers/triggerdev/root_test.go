package triggerdev_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/triggerdev"
)

const regenerating = "POST /api/v1/projects/" + project + "/prod/regenerate-api-key"

// TestRegeneratedOnce (trap 4): a lost answer is settled by reading back, and
// asking again finds what is there; a second regeneration is never sent.
func TestRegeneratedOnce(t *testing.T) {
	w := newWorld(t, true)
	kind := w.kind(t)
	w.override = func(rw http.ResponseWriter, r *http.Request) bool {
		if r.Method != http.MethodPost {
			return false
		}
		w.regenerate("prod")
		panic(http.ErrAbortHandler) // it happened, and nobody hears of it
	}
	_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	if f := fault.Of(err); err == nil || f.Class != fault.Lost || !strings.Contains(f.Detail, "not sent again before") {
		t.Fatalf("%v, want lost, and how it is settled", err)
	}
	w.mu.Lock() // the handler that hung up may still be on its way out
	w.override = nil
	w.mu.Unlock()
	now, err := kind.(providers.Current).Current(t.Context(), "production")
	if err != nil || !now.Values["TRIGGER_API_KEY"].Equal(secret.New(w.rootOf("prod").value)) || !now.Values["TRIGGER_SECRET_KEY"].Equal(secret.New(w.rootOf("prod").value)) {
		t.Errorf("%v, %v", now.ID, err)
	}
	again, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_2")
	if err != nil || again.ID != now.ID {
		t.Errorf("%v, %v", again.ID, err)
	}
	if sent := w.asked("POST"); !slices.Equal(sent, []string{regenerating}) {
		t.Errorf("sent %v", sent)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), w.of(w.production.value)); err != nil || found.Liveness != providers.Alive {
		t.Errorf("the old one within its grace: %+v, %v", found, err)
	}
	w.now = func() time.Time { return time.Now().Add(grace) }
	if found, err := kind.(providers.Prober).Probe(t.Context(), w.of(w.production.value)); err != nil || found.Liveness != providers.Refused || found.Answer != "401" {
		t.Errorf("the old one after its grace: %+v, %v", found, err)
	}
}

// TestContinues: in the middle of a rotation nothing in the vault need live, and
// what was moved already is not taken for another kind.
func TestContinues(t *testing.T) {
	w := newWorld(t, true)
	p := w.provider(t, migrate)
	kind, err := p.Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	old := w.production
	w.staging, w.production = w.make("rk_1", "staging"), w.make("rk_2", "prod")
	again, err := p.Continue(t.Context(), kind.Traits(), w.current())
	if err != nil || again.Traits().Kind != kind.Traits().Kind {
		t.Fatalf("%v, %v", again, err)
	}
	for range 2 {
		if err := again.(providers.Ender).End(t.Context(), named(secret.New(old.value))); err != nil {
			t.Error(err)
		}
	}
	if sent := w.asked("POST"); !slices.Equal(sent, []string{regenerating}) {
		t.Errorf("sent %v", sent)
	}
	if waits := again.Traits().Waits; waits.ProbeFirst != 24*time.Hour+5*time.Minute {
		t.Errorf("the first probe is after %s", waits.ProbeFirst)
	}
	wrong := w.current()
	wrong["production"] = wrong["staging"]
	if _, err := p.Continue(t.Context(), kind.Traits(), wrong); fault.Of(err).Reason != fault.Ambiguous {
		t.Errorf("staging's key in production: %v", err)
	}
}

// TestNoRight and servers that are older than the route: people are told what
// helps.
func TestNoRight(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*world)
		reason  fault.Reason
		says    string
	}{
		"a token that may only read": {func(w *world) { w.reader = true }, fault.Forbidden, "the right to write API keys"},
		"an old server":              {func(w *world) { w.old = true }, fault.NotFound, "regenerate it in its dashboard"},
	} {
		w := newWorld(t, true)
		c.arrange(&w)
		_, err := w.kind(t).(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1")
		failed(t, w, err, fault.Ask, c.reason)
		if err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if k, _ := w.kind(t, migrate).(providers.Ender); fault.Of(k.End(t.Context(), named(secret.New(w.staging.value)))).Reason != c.reason {
			t.Errorf("%s: ending is another matter", name)
		}
	}
}

// TestAnotherEnvironmentsRoot: an answer that holds no root key of the
// environment is as good as lost.
func TestAnotherEnvironmentsRoot(t *testing.T) {
	for name, value := range map[string]string{"staging's": "tr_stg_deadbeefdeadbeefdeadbeef", "an additional one": "tr_prod_sk_deadbeefdeadbeefdeadbeef", "nothing": ""} {
		w := newWorld(t, true)
		kind := w.kind(t)
		w.override = func(rw http.ResponseWriter, r *http.Request) bool {
			if r.Method == http.MethodPost {
				answer(rw, http.StatusOK, map[string]string{"apiKey": value})
			}
			return r.Method == http.MethodPost
		}
		_, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
		if f := fault.Of(err); err == nil || f.Class != fault.Lost || f.Reason != fault.Garbled {
			t.Errorf("%s: %v", name, err)
		}
	}
	w := newWorld(t, true)
	if _, err := w.kind(t, func(c *triggerdev.Config) { c.Variables = w.variables }).(providers.PlacedIssuer).IssueIn(t.Context(), "preview", "rk_1"); err == nil {
		t.Error("issued for an environment that was not looked at")
	}
}

// TestLeakedRoot: a root key that leaked is left for an additional key, because
// its successor can be read with it, and people are told what that leaves open.
func TestLeakedRoot(t *testing.T) {
	w := newWorld(t, true)
	urgent, ok := w.kind(t, func(*triggerdev.Config) {}).(providers.Urgent)
	if !ok {
		t.Fatal("a root key is replaced by another root key when it has leaked")
	}
	traits := urgent.Urgent().Traits()
	if traits.Shape != providers.Overlap || !traits.Guided || !traits.Moves || traits.Lingers == "" {
		t.Errorf("%+v", traits)
	}
}
