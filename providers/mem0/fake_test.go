package mem0_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/mem0"
	"rekey/providers/providertest"
)

// Where the fake platform's keys belong, and who signs in at the fake server.
const (
	org               = "org_shop"
	stagingProject    = "proj_staging"
	productionProject = "proj_production"
	password          = "correct horse battery staple"
	login             = "rotation-bot@shop.example:" + password
	adminKey          = "the-servers-own-ADMIN_API_KEY-0123456789"
)

// fakeKey is a key of the platform or of the server.
type fakeKey struct {
	id, value, label, project, owner string
	made, used                       time.Time
	revoked                          bool
}

func (k fakeKey) values() providers.Values { return of(k.value) }

func of(value string) providers.Values {
	return providers.Values{"MEM0_API_KEY": secret.New(value)}
}

// fake is what both fakes share. It counts what it was asked.
type fake struct {
	mu       sync.Mutex
	form     string // of values it makes
	keys     []*fakeKey
	ever     []secret.Value
	calls    []string
	headers  []http.Header
	override func(w http.ResponseWriter, r *http.Request) bool
	serve    func(w http.ResponseWriter, r *http.Request)

	events    []happening     // of the platform
	unclaimed bool            // of the platform: nobody owns the account
	open      bool            // of the server: authentication is switched off
	tokens    map[string]bool // of the server
	logins    int
	lists     []byte // instead of the server's list
}

// make adds a key; change sets what differs from an ordinary one.
func (f *fake) make(label string, change ...func(*fakeKey)) *fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(label, change...)
}

func (f *fake) add(label string, change ...func(*fakeKey)) *fakeKey {
	n := len(f.ever) + 1
	k := &fakeKey{
		id: fmt.Sprintf("0000%04x-0000-4000-8000-%012x", n*7919, n), value: fmt.Sprintf(f.form, n*104729, n*15485863, n*32452843, n*49979687),
		label: label, project: productionProject, owner: "bot", made: time.Now().Add(-100 * 24 * time.Hour).UTC(),
	}
	for _, c := range change {
		c(k)
	}
	f.keys, f.ever = append(f.keys, k), append(f.ever, secret.New(k.value))
	return k
}

func in(project string) func(*fakeKey) { return func(k *fakeKey) { k.project = project } }

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := append(slices.Clone(f.ever), secret.New(password), secret.New(adminKey))
	for t := range f.tokens {
		all = append(all, secret.New(t))
	}
	return all
}

func (f *fake) live(value string) *fakeKey {
	at := slices.IndexFunc(f.keys, func(k *fakeKey) bool { return k.value == value && !k.revoked })
	if at < 0 {
		return nil
	}
	return f.keys[at]
}

// asked counts the requests that the fake received.
func (f *fake) asked() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.headers = append(f.calls, r.Method+" "+r.URL.Path), append(f.headers, r.Header.Clone())
	if f.override != nil && f.override(w, r) {
		return
	}
	f.serve(w, r)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func refuse(w http.ResponseWriter, status int, detail string) {
	answer(w, status, map[string]string{"detail": detail})
}

const invalid = "Invalid API key. You can find your API key on https://app.mem0.ai/dashboard/api-keys."

// ping is all that the adapter asks of the platform.
func (f *fake) ping(w http.ResponseWriter, r *http.Request) {
	value, token := strings.CutPrefix(r.Header.Get("Authorization"), "Token ")
	k := f.live(value)
	switch {
	case r.URL.Path == "/v1/events/" && k != nil:
		f.eventsOf(w, r, k.project)
	case r.URL.Path != "/v1/ping/":
		refuse(w, http.StatusNotFound, "Not found.")
	case !token:
		refuse(w, http.StatusUnauthorized, "Authentication credentials were not provided.")
	case k == nil:
		refuse(w, http.StatusUnauthorized, invalid)
	default:
		body := map[string]any{"status": "ok", "org_id": org, "project_id": k.project}
		if !f.unclaimed {
			body["user_email"] = "ann@shop.example"
		}
		answer(w, http.StatusOK, body)
	}
}

// happening is an event of a project.
type happening struct {
	project, kind string
	at            time.Time
}

// eventsOf is a page of two, newest first; the next one is named with another
// host, which nobody may believe.
func (f *fake) eventsOf(w http.ResponseWriter, r *http.Request, project string) {
	from, _ := strconv.Atoi(r.URL.Query().Get("page")) // none is the first
	own := slices.DeleteFunc(slices.Clone(f.events), func(e happening) bool { return e.project != project })
	slices.SortFunc(own, func(a, b happening) int { return b.at.Compare(a.at) })
	rows, body := []any{}, map[string]any{"count": len(own), "next": nil, "previous": nil}
	for i := 2 * from; i < len(own) && i < 2*from+2; i++ {
		rows = append(rows, map[string]any{
			"id": "11111111-0000-4000-8000-000000000001", "event_type": own[i].kind, "status": "SUCCEEDED", "created_at": own[i].at.UTC().Format(time.RFC3339Nano),
		})
	}
	if 2*from+2 < len(own) {
		body["next"] = fmt.Sprintf("https://elsewhere.example/v1/events/?page=%d", from+1)
	}
	body["results"] = rows
	answer(w, http.StatusOK, body)
}

// own is the server of one's own.
func (f *fake) own(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/auth/login":
		f.signIn(w, r)
	case "/memories":
		f.memories(w, r)
	default:
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !f.tokens[token] {
			refuse(w, http.StatusUnauthorized, "Invalid or expired token.")
			return
		}
		f.manage(w, r)
	}
}

func (f *fake) signIn(w http.ResponseWriter, r *http.Request) {
	var q struct{ Email, Password string }
	_ = json.NewDecoder(r.Body).Decode(&q) // what cannot be read is nobody
	if q.Email+":"+q.Password != login {
		refuse(w, http.StatusUnauthorized, "Invalid email or password.")
		return
	}
	f.logins++
	token := fmt.Sprintf("eyJhbGciOiJIUzI1NiJ9.%032d.c2lnbmF0dXJlb2Z0aGV0b2tlbg", f.logins)
	f.tokens[token] = true
	answer(w, http.StatusOK, map[string]string{"access_token": token, "refresh_token": "eyJ.refresh", "token_type": "bearer"})
}

func (f *fake) memories(w http.ResponseWriter, r *http.Request) {
	k := f.live(r.Header.Get("X-API-Key"))
	switch {
	case r.URL.Query().Get("user_id") == "":
		refuse(w, http.StatusBadRequest, "At least one identifier is required.")
	case r.Header.Get("X-API-Key") == "" && !f.open:
		refuse(w, http.StatusUnauthorized, "Authentication required. Provide a Bearer token or X-API-Key header.")
	case k == nil && !f.open:
		refuse(w, http.StatusUnauthorized, "Invalid API key.")
	default:
		if k != nil {
			k.used = time.Now().UTC()
		}
		answer(w, http.StatusOK, map[string]any{"results": []any{}})
	}
}

// manage is the API for keys. A user sees and revokes their own only.
func (f *fake) manage(w http.ResponseWriter, r *http.Request) {
	id, one := strings.CutPrefix(r.URL.Path, "/api-keys/")
	switch {
	case r.Method == "GET" && !one && f.lists != nil:
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(f.lists)
	case r.Method == "GET" && !one:
		all := []map[string]any{}
		for _, k := range f.keys {
			if !k.revoked && k.owner == "bot" {
				all = append(all, k.row())
			}
		}
		answer(w, http.StatusOK, all)
	case r.Method == "POST" && !one:
		var q struct{ Label *string }
		if json.NewDecoder(r.Body).Decode(&q) != nil || q.Label == nil {
			answer(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"loc": []string{"body", "label"}}}})
			return
		}
		k := f.add(*q.Label, func(k *fakeKey) { k.made = time.Now().UTC() })
		row := k.row()
		delete(row, "last_used_at")
		row["key"] = k.value
		answer(w, http.StatusCreated, row)
	default:
		f.revoke(w, id)
	}
}

func (f *fake) revoke(w http.ResponseWriter, id string) {
	at := slices.IndexFunc(f.keys, func(k *fakeKey) bool { return k.id == id && k.owner == "bot" })
	switch {
	case at < 0:
		refuse(w, http.StatusNotFound, "API key not found.")
	case f.keys[at].revoked:
		refuse(w, http.StatusBadRequest, "API key is already revoked.")
	default:
		f.keys[at].revoked = true
		answer(w, http.StatusOK, map[string]string{"message": "API key revoked."})
	}
}

// row is a key as the server writes it: without a zone in its times.
func (k *fakeKey) row() map[string]any {
	const form = "2006-01-02T15:04:05.999999"
	row := map[string]any{"id": k.id, "label": k.label, "key_prefix": k.value[:12], "created_at": k.made.Format(form), "last_used_at": nil}
	if !k.used.IsZero() {
		row["last_used_at"] = k.used.Format(form)
	}
	return row
}

// world is a fake with an adapter before it.
type world struct {
	*fake
	client              *http.Client
	url                 string
	staging, production *fakeKey
	faults              *providertest.Faults
	servers             bool
}

// newPlatform is the platform with a key for each environment.
func newPlatform(t testing.TB) world {
	w := world{fake: &fake{form: "m0-%08x%08x%08x%08x"}}
	w.fake.serve = w.ping
	return w.start(t)
}

// newServer is a server of one's own, at which both environments have a key.
func newServer(t testing.TB) world {
	w := world{fake: &fake{form: "m0sk_%08x%08x%08x%08xAbCd-_xyz01", tokens: map[string]bool{}}, servers: true}
	w.fake.serve = w.own
	w.make("somebody else's", func(k *fakeKey) { k.owner = "ann" })
	return w.start(t)
}

func (w world) start(t testing.TB) world {
	t.Helper()
	w.staging, w.production = w.make("shop", in(stagingProject)), w.make("shop")
	w.faults = providertest.Before(w.fake)
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/auth/login" { // changes nothing, although it is a POST
			w.fake.ServeHTTP(out, r)
			return
		}
		w.faults.ServeHTTP(out, r)
	}))
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func fixed(v string) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return secret.New(v), nil }
}

// name stands in for the installation's fingerprints.
func name(v secret.Value) providers.ID {
	key, err := secret.NewKey(secret.New("0123456789-key-of-the-installation"))
	if err != nil {
		panic(err)
	}
	return providers.ID(key.Fingerprint(v))
}

func (w world) provider(t testing.TB, change ...func(*mem0.Config)) *mem0.Provider {
	t.Helper()
	c := mem0.Config{Name: name, HTTP: w.client}
	if w.servers {
		c.Login = fixed(login)
		c.Servers = map[string]mem0.Server{"staging": {BaseURL: w.url}, "production": {BaseURL: w.url}}
	} else {
		c.BaseURL = w.url
	}
	for _, f := range change {
		f(&c)
	}
	p, err := mem0.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": w.staging.values(), "production": w.production.values()}
}

func (w world) kind(t testing.TB, change ...func(*mem0.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}
