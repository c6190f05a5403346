package helius_test

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
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/providers/helius"
	"rekey/providers/providertest"
)

// The account of the fake.
const (
	shopProject = "prj_shop_0001"
	testProject = "prj_test_0002"
	token       = "portal-token-7d41c9a0e2b34f0c8f15"
	variable    = "NEXT_PUBLIC_HELIUS_RPC_URL"
)

// fakeKey is a key as the portal shows it. Its JSON form is the wire's.
type fakeKey struct {
	ID      string `json:"keyId"`
	Name    string `json:"keyName"`
	Wallet  string `json:"walletId"`
	Created string `json:"createdAt"`
	Plan    string `json:"usagePlan"`

	project string
	sites   []string // Origins that its rules admit; nil for any
	dead    bool
}

// fake behaves as the service does, and counts what it was asked.
type fake struct {
	mu       sync.Mutex
	keys     []*fakeKey
	calls    []string
	bodies   []string
	limit    int // keys that a project may have; 0 for any number
	lagging  bool
	override func(w http.ResponseWriter, r *http.Request) bool
	ownerOf  map[string]string
}

func (f *fake) make(name, project string, change ...func(*fakeKey)) *fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(name, project, change...)
}

func (f *fake) add(name, project string, change ...func(*fakeKey)) *fakeKey {
	n := len(f.keys) + 1
	k := &fakeKey{
		ID:   fmt.Sprintf("%08x-%04x-4%03x-8%03x-%08x%04x", n*104729, n*4241, n*31, n*17, n*15485863, n*7919),
		Name: name, project: project, Created: time.Now().UTC().Format(time.RFC3339Nano), Plan: "developer_v4",
	}
	for _, c := range change {
		c(k)
	}
	f.keys = append(f.keys, k)
	return k
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func rpcError(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"jsonrpc": "2.0", "id": "1", "error": map[string]any{"code": code, "message": message}})
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	switch {
	case f.override != nil && f.override(w, r):
	case strings.HasPrefix(r.URL.Path, "/v0/"):
		f.portal(w, r)
	default:
		f.rpc(w, r)
	}
}

func (f *fake) rpc(w http.ResponseWriter, r *http.Request) {
	at := slices.IndexFunc(f.keys, func(k *fakeKey) bool { return k.ID == r.URL.Query().Get("api-key") && !k.dead })
	var q struct{ Method string }
	err := json.NewDecoder(r.Body).Decode(&q)
	f.bodies = append(f.bodies, q.Method)
	switch {
	case r.Method != http.MethodPost || err != nil:
		rpcError(w, http.StatusBadRequest, -32600, "Invalid Request")
	case at < 0, f.keys[at].sites != nil && !slices.Contains(f.keys[at].sites, r.Header.Get("Origin")):
		rpcError(w, http.StatusUnauthorized, -32001, "Unauthorized")
	case f.lagging:
		rpcError(w, http.StatusOK, -32005, "Node is behind by 42 slots")
	default:
		answer(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": "1", "result": "ok"})
	}
}

func (f *fake) portal(w http.ResponseWriter, r *http.Request) {
	id, act, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(r.URL.Path, "/v0/projects"), "/"), "/")
	_, known := f.ownerOf[id]
	switch {
	case r.Header.Get("Authorization") != "Bearer "+token:
		answer(w, http.StatusUnauthorized, map[string]string{"message": "Unauthorized"})
	case id == "":
		all := []any{}
		for _, id := range []string{shopProject, testProject} {
			users := []any{map[string]string{"id": "user-admin", "role": "Admin"}}
			if f.ownerOf[id] != "" {
				users = append(users, map[string]string{"id": f.ownerOf[id], "role": "Owner"})
			}
			all = append(all, map[string]any{"id": id, "name": id, "users": users, "subscription": map[string]string{"plan": "developer_v4"}})
		}
		answer(w, http.StatusOK, all)
	case !known:
		answer(w, http.StatusNotFound, map[string]string{"message": "Not found"})
	case act == "" && r.Method == http.MethodGet:
		answer(w, http.StatusOK, map[string]any{"apiKeys": f.of(id), "creditsUsage": map[string]int{"total": 7}})
	case act == "add-key" && r.Method == http.MethodPost:
		var q struct{ UserID string }
		_ = json.NewDecoder(r.Body).Decode(&q) // an empty one is refused
		switch {
		case q.UserID != f.ownerOf[id]:
			answer(w, http.StatusForbidden, map[string]string{"message": "Forbidden"})
		case f.limit > 0 && len(f.of(id)) >= f.limit:
			answer(w, http.StatusBadRequest, map[string]string{"message": "Maximum number of API keys reached"})
		default:
			answer(w, http.StatusOK, f.add(fmt.Sprintf("Key %d", len(f.keys)+1), id))
		}
	default:
		answer(w, http.StatusMethodNotAllowed, nil)
	}
}

func (f *fake) of(project string) []*fakeKey {
	all := []*fakeKey{}
	for _, k := range f.keys {
		if k.project == project && !k.dead {
			all = append(all, k)
		}
	}
	return all
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
	w := world{fake: &fake{ownerOf: map[string]string{shopProject: "user-owner-1", testProject: "user-owner-2"}}}
	old := func(k *fakeKey) { k.Created = "2026-07-01T10:00:00Z" }
	w.make("somebody's", shopProject)
	w.staging = w.make("shop", testProject, old)
	w.production = w.make("shop", shopProject, old) // a name is not unique
	w.faults = providertest.Before(w.fake)
	w.faults.Asks = func(r *http.Request) bool { return r.URL.Path == "/" }
	server := httptest.NewServer(w.faults)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// at is the value of an application that uses a key.
func (w world) at(key string) secret.Value {
	return secret.New(w.url + "/?lang=en&api-key=" + key + "&commitment=final")
}

func (w world) values(k *fakeKey) providers.Values { return providers.Values{variable: w.at(k.ID)} }

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": w.values(w.staging), "production": w.values(w.production)}
}

func (w world) issued() []secret.Value {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := []secret.Value{secret.New(token)}
	for _, k := range w.keys {
		if k.ID == "" {
			continue // of a list that is broken
		}
		all = append(all, secret.New(k.ID), w.at(k.ID))
	}
	return all
}

// named gives ids as an installation does.
func named(t testing.TB) providers.Namer {
	t.Helper()
	key, err := secret.NewKey(secret.New(strings.Repeat("n", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return func(v secret.Value) providers.ID { return providers.ID(key.Fingerprint(v)) }
}

func (w world) provider(t testing.TB, change ...func(*helius.Config)) *helius.Provider {
	t.Helper()
	c := helius.Config{BaseURL: w.url, RPC: w.url, Name: named(t), HTTP: w.client}
	for _, f := range change {
		f(&c)
	}
	p, err := helius.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) kind(t testing.TB, change ...func(*helius.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	secrettest.NoLeak(t, w.issued(), kind.Traits())
	return kind
}

func signedIn(c *helius.Config) {
	c.Token = func(context.Context) (secret.Value, error) { return secret.New(token), nil }
}

func oneKey(c *helius.Config) { c.OneKey = true }

// canceled is a context without time: what gets as far as asking fails then.
func canceled(t testing.TB) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}
