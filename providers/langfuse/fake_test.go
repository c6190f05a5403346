package langfuse_test

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
	"rekey/providers/langfuse"
	"rekey/providers/providertest"
)

// The organisation of the fake.
const (
	stagingProject    = "cm3staging0001"
	productionProject = "cm3production1"
	adminKey          = "pk-lf-0rg00000-0000-4000-8000-000000000001:sk-lf-0rg00000-1111-4111-8111-00000000abcd"
)

// remembered is how long the service remembers a look-up.
const remembered = 300 * time.Second

// fakeKey is a key as the fake service knows it. Its JSON form is the wire's.
type fakeKey struct {
	ID       string     `json:"id"`
	Created  time.Time  `json:"createdAt"`
	Expires  *time.Time `json:"expiresAt"`
	LastUsed *time.Time `json:"lastUsedAt"` // the server never sets it
	Note     *string    `json:"note"`
	Public   string     `json:"publicKey"`
	Display  string     `json:"displaySecretKey"`

	project, secret string
	narrow          bool // may not read its project
}

func (k fakeKey) values() providers.Values { return halves(k.Public, k.secret) }

func halves(public, hidden string) providers.Values {
	return providers.Values{"LANGFUSE_PUBLIC_KEY": secret.New(public), "LANGFUSE_SECRET_KEY": secret.New(hidden)}
}

// lookup is what the fake remembers of one secret.
type lookup struct {
	key   *fakeKey // nil: it was not found
	until time.Time
}

// fake behaves as the vendor's server does, and counts what it was asked.
type fake struct {
	mu       sync.Mutex
	now      func() time.Time
	keys     []*fakeKey
	ever     []secret.Value
	calls    []string
	memory   map[string]lookup // by secret
	plan     bool              // includes the API for keys
	foreign  []string          // projects of another organisation
	created  int               // status of a create
	between  func(k *fakeKey)  // a request while a deletion is half done
	override func(w http.ResponseWriter, r *http.Request) bool
}

// make adds a key; change sets what differs from an ordinary one.
func (f *fake) make(note, project string, change ...func(*fakeKey)) *fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(note, project, change...)
}

func (f *fake) add(note, project string, change ...func(*fakeKey)) *fakeKey {
	n := len(f.ever) + 1
	k := &fakeKey{
		ID: fmt.Sprintf("cm3key%06d", n), Created: f.now().UTC(), Note: &note, project: project,
		Public: fmt.Sprintf("pk-lf-%08x-0000-4000-8000-%012x", n*7919, n),
		secret: fmt.Sprintf("sk-lf-%08x-1111-4111-8111-%08x%04x", n*104729, n*15485863, n*4241),
	}
	for _, c := range change {
		c(k)
	}
	if k.Display == "" {
		k.Display = k.secret[:6] + "..." + k.secret[len(k.secret)-4:]
	}
	f.keys, f.ever = append(f.keys, k), append(f.ever, secret.New(k.secret))
	return k
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	_, hidden, _ := strings.Cut(adminKey, ":")
	return append(slices.Clone(f.ever), secret.New(adminKey), secret.New(hidden))
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]string{"message": message})
}

const (
	wrongPair = "Invalid credentials. Confirm that you've configured the correct host."
	wrongKind = "Invalid API key. Organization-scoped API key required for this operation."
	wrongPlan = "This feature is not available on your current plan."
)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	if f.override != nil && f.override(w, r) {
		return
	}
	_, hidden, _ := r.BasicAuth()
	_, org, _ := strings.Cut(adminKey, ":")
	key := f.lookUp(hidden)
	own, admin := r.URL.Path == "/api/public/projects", hidden == org
	project, id, inside := strings.Cut(strings.TrimPrefix(r.URL.Path, "/api/public/projects/"), "/apiKeys")
	if public, alone := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); alone {
		if slices.ContainsFunc(f.keys, func(k *fakeKey) bool { return k.Public == public }) {
			refuse(w, http.StatusForbidden, "Access denied: the public key alone may not read")
			return
		}
		refuse(w, http.StatusUnauthorized, "Invalid public key. Confirm that you've configured the correct host.")
		return
	}
	switch {
	case !admin && key == nil:
		refuse(w, http.StatusUnauthorized, wrongPair)
	case own && (admin || key.narrow):
		refuse(w, http.StatusForbidden, "Invalid API key. Are you using an organization key?")
	case own:
		answer(w, http.StatusOK, map[string]any{"data": []any{map[string]any{
			"id": key.project, "name": "shop", "organization": map[string]string{"id": "org1", "name": "Shop"}, "metadata": map[string]any{}}}})
	case !admin:
		refuse(w, http.StatusForbidden, wrongKind)
	case !f.plan:
		refuse(w, http.StatusForbidden, wrongPlan)
	case r.URL.Path == "/api/public/organizations/projects":
		f.projects(w)
	case !inside || slices.Contains(f.foreign, project):
		refuse(w, http.StatusNotFound, "Project not found or you don't have access to it")
	case r.Method == "GET" && id == "":
		f.list(w, project)
	case r.Method == "POST" && id == "":
		f.create(w, r, project)
	case r.Method == "DELETE":
		f.remove(w, project, strings.TrimPrefix(id, "/"))
	default:
		refuse(w, http.StatusMethodNotAllowed, "Method not allowed")
	}
}

// lookUp goes by the secret alone and remembers the outcome, found or not;
// each hit renews that.
func (f *fake) lookUp(hidden string) *fakeKey {
	seen, known := f.memory[hidden]
	if !known || f.now().After(seen.until) {
		seen.key = nil
		for _, k := range f.keys {
			if k.secret == hidden {
				seen.key = k
			}
		}
	}
	seen.until = f.now().Add(remembered)
	f.memory[hidden] = seen
	return seen.key
}

func (f *fake) projects(w http.ResponseWriter) {
	all := []any{}
	for _, id := range []string{stagingProject, productionProject} {
		if !slices.Contains(f.foreign, id) {
			all = append(all, map[string]any{"id": id, "name": "shop", "createdAt": f.now(), "updatedAt": f.now(), "metadata": map[string]any{}})
		}
	}
	answer(w, http.StatusOK, map[string]any{"projects": all})
}

func (f *fake) list(w http.ResponseWriter, project string) {
	all := []*fakeKey{}
	for _, k := range f.keys {
		if k.project == project {
			all = append(all, k)
		}
	}
	answer(w, http.StatusOK, map[string]any{"apiKeys": all})
}

func (f *fake) create(w http.ResponseWriter, r *http.Request, project string) {
	var q struct{ Note string }
	_ = json.NewDecoder(r.Body).Decode(&q) // an empty note is one
	k := f.add(q.Note, project)
	answer(w, f.created, map[string]any{
		"id": k.ID, "createdAt": k.Created, "publicKey": k.Public, "secretKey": k.secret, "displaySecretKey": k.Display, "note": k.Note,
	})
}

// remove forgets the look-up first and removes the row after.
func (f *fake) remove(w http.ResponseWriter, project, id string) {
	at := slices.IndexFunc(f.keys, func(k *fakeKey) bool { return k.ID == id && k.project == project })
	if at < 0 {
		refuse(w, http.StatusNotFound, "API key not found")
		return
	}
	k := f.keys[at]
	delete(f.memory, k.secret)
	if f.between != nil {
		f.between(k)
	}
	f.keys = slices.Delete(f.keys, at, at+1)
	answer(w, http.StatusOK, map[string]bool{"success": true})
}

// world is the fake with an adapter before it.
type world struct {
	*fake
	client              *http.Client
	url                 string
	staging, production *fakeKey
	faults              *providertest.Faults
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{fake: &fake{now: time.Now, memory: map[string]lookup{}, plan: true, created: http.StatusCreated}}
	old := func(k *fakeKey) { k.Created = time.Now().Add(-100 * 24 * time.Hour).UTC() }
	w.make("somebody's", productionProject)
	w.staging = w.make("shop", stagingProject, old)
	w.production = w.make("shop", productionProject, old) // a note is not unique
	w.make("ci", productionProject, func(k *fakeKey) { k.Note = nil })
	w.faults = providertest.Before(w.fake)
	server := httptest.NewServer(w.faults)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func fixed(v string) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return secret.New(v), nil }
}

func (w world) provider(t testing.TB, change ...func(*langfuse.Config)) *langfuse.Provider {
	t.Helper()
	c := langfuse.Config{BaseURL: w.url, AdminKey: fixed(adminKey), HTTP: w.client}
	for _, f := range change {
		f(&c)
	}
	p, err := langfuse.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": w.staging.values(), "production": w.production.values()}
}

func (w world) kind(t testing.TB, change ...func(*langfuse.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

func byHand(c *langfuse.Config) { c.ByHand = true }

func projectOf(environment string) string {
	return map[string]string{"staging": stagingProject, "production": productionProject}[environment]
}

// changing is an admin credential that is replaced in its place.
type changing struct{ value string }

func (c *changing) read(context.Context) (secret.Value, error) { return secret.New(c.value), nil }
