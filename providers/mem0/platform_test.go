package mem0_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/mem0"
)

// TestSurveyOfThePlatformAsks: what is not certain stops before anything
// begins.
func TestSurveyOfThePlatformAsks(t *testing.T) {
	for what, c := range map[string]struct {
		arrange func(w world)
		reason  fault.Reason
		says    string
	}{
		"a key that is refused":    {func(w world) { w.production.revoked = true }, fault.NotFound, "cannot be working"},
		"another project":          {func(w world) { w.production.project = "proj_other" }, fault.Ambiguous, "the configuration names"},
		"an account of nobody's":   {func(w world) { w.unclaimed = true }, fault.Managed, "mem0 init --email"}, // trap 7
		"no project in the answer": {func(w world) { w.production.project = "" }, fault.Garbled, "project"},
		"a project that is markup": {func(w world) { w.production.project = "<!channel>" }, fault.Garbled, "project"},
	} {
		w := newPlatform(t)
		c.arrange(w)
		_, err := w.provider(t, func(c *mem0.Config) { c.Projects = map[string]string{"production": productionProject} }).Survey(t.Context(), w.current())
		if err == nil {
			t.Errorf("%s: no question", what)
			continue
		}
		failed(t, w, err, fault.Ask, c.reason, c.says)
	}
}

// TestNamed: the platform has no ids, so a key is named by a fingerprint, and
// by nothing where the installation's key is not at hand.
func TestNamed(t *testing.T) {
	w := newPlatform(t)
	kind := w.kind(t)
	if _, lists := kind.(providers.Lister); lists || kind.Traits().PublicID || !kind.Traits().Guided || !kind.Traits().EndByHand {
		t.Errorf("%+v", kind.Traits())
	}
	one, err := kind.Identify(w.staging.values())
	other, err2 := kind.Identify(w.production.values())
	if err != nil || err2 != nil || one == other || one == "" {
		t.Errorf("%q and %q, %v, %v", one, other, err, err2)
	}
	nameless := w.kind(t, func(c *mem0.Config) { c.Name = func(secret.Value) providers.ID { return "" } })
	_, err = nameless.Identify(w.staging.values())
	failed(t, w, err, fault.Ask, fault.Ambiguous)
}

// TestAnotherProject (trap 1): a key of another project works, and is not
// taken: neither when it is pasted nor when it is probed.
func TestAnotherProject(t *testing.T) {
	w := newPlatform(t)
	kind := w.kind(t)
	wrong := w.make("rk_1", in("proj_default"))
	asked := time.Now().Add(-time.Minute)
	e := providers.Errand{Environment: "staging", Label: "rk_1", Asked: asked, Seen: asked}
	found, err := kind.(providers.Guide).Inspect(t.Context(), e, wrong.values())
	if err != nil || !strings.Contains(found.Wrong, "proj_default") || !strings.Contains(found.Wrong, stagingProject) || !strings.Contains(found.Wrong, "empty memory") {
		t.Errorf("%+v, %v", found, err)
	}
	secrettest.NoLeak(t, w.issued(), found)
	told, err := kind.(providers.Prober).Probe(t.Context(), wrong.values())
	if err != nil || told.Liveness != providers.Unclear || !strings.Contains(told.Answer, "another project") {
		t.Errorf("%+v, %v", told, err)
	}
	guide, err := kind.(providers.Guide).Guide(e)
	if text := strings.Join(guide.Steps, "\n"); err != nil || !strings.Contains(text, org) || !strings.Contains(text, stagingProject) || strings.Contains(text, productionProject) {
		t.Errorf("%+v, %v", guide, err)
	}
	if found, err := kind.(providers.Guide).Inspect(t.Context(), e, w.make("rk_1").values()); err != nil || !strings.Contains(found.Wrong, productionProject) {
		t.Errorf("production's project for staging: %+v, %v", found, err)
	}
}

// TestPasted: what has not the form of a key is told and asked nowhere; what
// may be known late is waited for.
func TestPasted(t *testing.T) {
	w := newPlatform(t)
	guide := w.kind(t).(providers.Guide)
	now := time.Now()
	e := providers.Errand{Environment: "staging", Label: "rk_1", Asked: now.Add(-time.Hour), Seen: now.Add(-time.Hour)}
	before := w.asked()
	for value, says := range map[string]string{
		strangeServer: "nobody was shown it", "m0-half": "a part of a Mem0 key", "see the other note": "not the form",
	} {
		if found, err := guide.Inspect(t.Context(), e, of(value)); err != nil || !strings.Contains(found.Wrong, says) {
			t.Errorf("%+v, %v, want %q", found, err, says)
		}
	}
	if w.asked() != before {
		t.Error("somebody was asked")
	}
	late := e
	late.Seen = now
	if found, err := guide.Inspect(t.Context(), late, of(strangePlatform)); err != nil || !found.Wait {
		t.Errorf("%+v, %v", found, err)
	}
	if found, err := guide.Inspect(t.Context(), e, of(strangePlatform)); err != nil || !strings.Contains(found.Wrong, "refuses") {
		t.Errorf("%+v, %v", found, err)
	}
	made := w.make("rk_1", in(stagingProject))
	found, err := guide.Inspect(t.Context(), e, of(" "+made.value+"\n"))
	if err != nil || found.Wrong != "" || !found.Credential.Values["MEM0_API_KEY"].Equal(secret.New(made.value)) || found.Credential.ID != name(secret.New(made.value)) {
		t.Errorf("%+v, %v", found, err)
	}
}

// answers has the fake say the same to everything.
func (w world) answers(body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.override = func(out http.ResponseWriter, _ *http.Request) bool {
		_, _ = io.WriteString(out, body)
		return true
	}
}

// TestWhatProvesDeath: only the platform's own words that the key is not valid
// do, with 401 or 403; a click in the dashboard does not (trap 9).
func TestWhatProvesDeath(t *testing.T) {
	for what, c := range map[string]struct {
		status int
		body   string
		want   providers.Liveness
	}{
		"not valid":                  {401, `{"detail":"` + invalid + `"}`, providers.Refused},
		"not valid, as a 403":        {403, `{"detail":"Invalid API key"}`, providers.Refused},
		"no right":                   {403, `{"detail":"You do not have permission to perform this action."}`, providers.Unclear},
		"a gateway's 401":            {401, `<html>Sign in</html>`, providers.Unclear},
		"no credentials":             {401, `{"detail":"Authentication credentials were not provided."}`, providers.Unclear},
		"words that are none":        {401, `{"detail":{"code":"Invalid API key"}}`, providers.Unclear},
		"too many":                   {429, `{"detail":"Request was throttled."}`, providers.Unclear},
		"broken":                     {502, `Bad gateway`, providers.Unclear},
		"a login page with 200":      {200, `<html>`, providers.Unclear},
		"200 and not ok":             {200, `{"status":"degraded","org_id":"org_shop","project_id":"proj_production"}`, providers.Unclear},
		"200 without a project":      {200, `{"status":"ok"}`, providers.Unclear},
		"alive after the click":      {200, `{"status":"ok","org_id":"org_shop","project_id":"proj_production","user_email":"a@b.example"}`, providers.Alive},
		"the project of another org": {200, `{"status":"ok","org_id":"org_other","project_id":"proj_production","user_email":"a@b.example"}`, providers.Unclear},
	} {
		w := newPlatform(t)
		kind := w.kind(t)
		w.mu.Lock()
		w.override = func(out http.ResponseWriter, _ *http.Request) bool {
			out.WriteHeader(c.status)
			_, _ = io.WriteString(out, c.body)
			return true
		}
		w.mu.Unlock()
		found, err := kind.(providers.Prober).Probe(t.Context(), w.production.values())
		if err != nil || found.Liveness != c.want || found.Answer == "" {
			t.Errorf("%s: %+v, %v, want %s", what, found, err, c.want)
		}
	}
}
