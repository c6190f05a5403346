package triggerdev_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/triggerdev"
)

// The project of the fake, and the token that administers it.
const (
	project = "proj_shopsandbox"
	inside  = "clprojectinternal01" // the service's own id of it
	token   = "tr_pat_0123456789abcdefghijklmnopqrstuvwxyz0123"
)

// grace is how long a root key lives after its successor was made.
const grace = 24 * time.Hour

// fakeKey is a key as the fake service knows it.
type fakeKey struct {
	env, value, name string
	project          string
	starts           bool // may only start tasks
	root             bool
	until            time.Time // zero while it does not end
}

// fakeRun is a run as the list has it, and the environment as it is stored.
type fakeRun struct {
	slug, task, status string
	at                 time.Time
	test               bool
}

// fake behaves as the vendor's server does, and counts what it was asked.
type fake struct {
	mu       sync.Mutex
	now      func() time.Time
	keys     []*fakeKey
	ever     []secret.Value
	calls    []string
	envs     []string // of the project
	reader   bool     // the token may not write keys
	old      bool     // a server without the route that regenerates
	grace    time.Duration
	runs     []fakeRun
	override func(w http.ResponseWriter, r *http.Request) bool
}

// prefixes by the API's name of an environment.
var prefixes = map[string]string{"dev": "dev", "staging": "stg", "prod": "prod", "preview": "preview"}

// value is a new one; both kinds have 24 characters behind their prefix.
func (f *fake) value(prefix string) string {
	n := len(f.ever) + 1
	v := prefix + fmt.Sprintf("%08x%08x%08x", n*7919, n*15485863, n*4241)
	f.ever = append(f.ever, secret.New(v))
	return v
}

// make adds an additional key, as the dashboard does.
func (f *fake) make(name, env string, change ...func(*fakeKey)) *fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := &fakeKey{env: env, name: name, project: project, value: f.value("tr_" + prefixes[env] + "_sk_")}
	for _, c := range change {
		c(k)
	}
	f.keys = append(f.keys, k)
	return k
}

// seat gives an environment its root key.
func (f *fake) seat(env string) *fakeKey {
	k := &fakeKey{env: env, root: true, project: project, value: f.value("tr_" + prefixes[env] + "_")}
	f.keys = append(f.keys, k)
	return k
}

// rootOf is the present one.
func (f *fake) rootOf(env string) *fakeKey {
	for _, k := range f.keys {
		if k.root && k.env == env && k.until.IsZero() {
			return k
		}
	}
	return nil
}

// regenerated makes another root key; the present one is put on the clock.
func (f *fake) regenerated(env string) *fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.regenerate(env)
}

func (f *fake) regenerate(env string) *fakeKey {
	f.rootOf(env).until = f.now().Add(f.grace)
	return f.seat(env)
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(slices.Clone(f.ever), secret.New(token))
}

func (f *fake) find(value string) *fakeKey {
	for _, k := range f.keys {
		if k.value == value && (k.until.IsZero() || f.now().Before(k.until)) {
			return k
		}
	}
	return nil
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func refuse(w http.ResponseWriter, status int, text string) {
	answer(w, status, map[string]string{"error": text})
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.RequestURI())
	if f.override != nil && f.override(w, r) {
		return
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	own, admin := f.find(bearer), bearer == token
	ref, env, below := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/v1/projects/"), "/")
	env, regenerates := strings.CutSuffix(env, "/regenerate-api-key")
	switch {
	case own == nil && !admin:
		refuse(w, http.StatusUnauthorized, "Invalid API key")
	case r.URL.Path == "/api/v1/whoami" && own != nil: // with the present root key, whoever asks
		answer(w, http.StatusOK, map[string]string{"apiKey": f.rootOf(own.env).value})
	case r.URL.Path == "/api/v1/runs" && own != nil && own.starts:
		refuse(w, http.StatusForbidden, "Unauthorized: Public Access Token is missing required permissions")
	case r.URL.Path == "/api/v1/runs" && own != nil:
		answer(w, http.StatusOK, map[string]any{"data": []any{}, "pagination": map[string]any{}})
	case admin && env == "runs" && ref == project:
		f.serveRuns(w, r)
	case !below:
		refuse(w, http.StatusNotFound, "Not found")
	case regenerates:
		f.serveRegenerate(w, r, ref, env, admin)
	case own != nil && (own.project != ref || own.env != env):
		refuse(w, http.StatusBadRequest, "Invalid project ref or environment for the API key")
	case own != nil:
		answer(w, http.StatusOK, map[string]string{"apiKey": own.value, "name": "shop", "apiUrl": "https://api.trigger.dev", "projectId": inside})
	case ref != project:
		refuse(w, http.StatusNotFound, "Project not found")
	case env == "environments":
		all := []map[string]any{}
		for _, name := range f.envs {
			all = append(all, map[string]any{"id": "env_" + name, "slug": prefixes[name], "type": strings.ToUpper(name), "paused": false})
		}
		answer(w, http.StatusOK, all)
	case f.rootOf(env) == nil:
		refuse(w, http.StatusNotFound, "Environment not found")
	default:
		answer(w, http.StatusOK, map[string]string{"apiKey": f.rootOf(env).value, "name": "shop", "apiUrl": "https://api.trigger.dev", "projectId": inside})
	}
}

func (f *fake) serveRegenerate(w http.ResponseWriter, r *http.Request, ref, env string, admin bool) {
	switch {
	case f.old || ref != project || f.rootOf(env) == nil:
		refuse(w, http.StatusNotFound, "Not found")
	case r.Method != http.MethodPost:
		refuse(w, http.StatusMethodNotAllowed, "Method Not Allowed")
	case !admin:
		refuse(w, http.StatusUnauthorized, "Invalid or Missing Access Token")
	case f.reader:
		refuse(w, http.StatusForbidden, "Forbidden")
	default:
		answer(w, http.StatusOK, map[string]string{"apiKey": f.regenerate(env).value})
	}
}

// asked lists the requests that begin so.
func (f *fake) asked(beginning string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.calls), func(call string) bool { return !strings.HasPrefix(call, beginning) })
}

// world is a fake with an adapter.
type world struct {
	*fake
	url                 string
	client              *http.Client
	faults              *providertest.Faults
	variables           []string
	staging, production *fakeKey
}

// newWorld has additional keys in use; onRoots moves it to root keys.
func newWorld(t testing.TB, onRoots bool) world {
	t.Helper()
	f := &fake{now: time.Now, grace: grace, envs: []string{"dev", "staging", "prod"}}
	w := world{fake: f, faults: providertest.Before(f), variables: []string{"TRIGGER_API_KEY", "TRIGGER_SECRET_KEY"}}
	server := httptest.NewServer(w.faults)
	t.Cleanup(server.Close)
	w.url, w.client = server.URL, server.Client()
	w.staging, w.production = f.seat("staging"), f.seat("prod")
	if !onRoots {
		w.staging, w.production = f.make("shop", "staging"), f.make("shop", "prod")
	}
	return w
}

// named gives ids as an installation's key does: they tell nothing.
func named(v secret.Value) providers.ID {
	if v.IsZero() {
		return ""
	}
	key, err := secret.NewKey(secret.New(strings.Repeat("k", 64)))
	if err != nil {
		panic(err)
	}
	return providers.ID("fp_" + string(key.Fingerprint(v)))
}

func fixed(text string) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return secret.New(text), nil }
}

func places() map[string]triggerdev.Place {
	return map[string]triggerdev.Place{"staging": {Project: project, Environment: "staging"}, "production": {Project: project, Environment: "prod"}}
}

func (w world) provider(t testing.TB, change ...func(*triggerdev.Config)) *triggerdev.Provider {
	t.Helper()
	c := triggerdev.Config{BaseURL: w.url, AdminKey: fixed(token), Places: places(), Variables: w.variables, Name: named, HTTP: w.client}
	for _, to := range change {
		to(&c)
	}
	p, err := triggerdev.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// of puts a value into all variables.
func (w world) of(value string) providers.Values {
	all := providers.Values{}
	for _, name := range w.variables {
		all[name] = secret.New(value)
	}
	return all
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": w.of(w.staging.value), "production": w.of(w.production.value)}
}

func (w world) kind(t testing.TB, change ...func(*triggerdev.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}
