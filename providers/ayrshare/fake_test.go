package ayrshare_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/ayrshare"
	"rekey/providers/providertest"
)

// account is one at the fake service. It has one key.
type account struct {
	value, created, ref string
	profile             string // a key of one of its users' profiles
	suspended           bool
	accounts            []string
}

// fake behaves as the service documents, and counts what it was asked.
type fake struct {
	mu        sync.Mutex
	all       []*account
	ever      []secret.Value
	calls     []string
	scheduled int
	free      bool // the plan tells no history
	override  func(w http.ResponseWriter, r *http.Request) bool
}

func (f *fake) value() string {
	n := len(f.ever) + 1
	v := fmt.Sprintf("%07X-%07X-%07X-%07X", n*7919, n*15485863%0xfffffff, n*4241, n*104729)
	f.ever = append(f.ever, secret.New(v))
	return v
}

func (f *fake) open(created, ref string) *account {
	a := &account{value: f.value(), created: created, ref: ref, profile: f.value(), accounts: []string{"facebook", "linkedin"}}
	f.all = append(f.all, a)
	return a
}

// regenerate is the click in the dashboard.
func (f *fake) regenerate(a *account) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	a.value = f.value()
	return a.value
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ever)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.RequestURI())
	if f.override != nil && f.override(w, r) {
		return
	}
	bearer := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	at := slices.IndexFunc(f.all, func(a *account) bool { return a.value == bearer })
	switch {
	case at < 0:
		answer(w, http.StatusUnauthorized, map[string]any{"status": "error", "action": "authorization", "code": 102, "message": "API Key not valid. Please verify your API Key."})
	case f.all[at].suspended:
		answer(w, http.StatusForbidden, map[string]any{"status": "error", "action": "request", "code": 276, "message": "Profile suspended."})
	case r.Method != http.MethodGet:
		answer(w, http.StatusBadRequest, map[string]any{"status": "error", "action": "request", "code": 101, "message": "not here"})
	case r.URL.Path == "/user":
		a := f.all[at]
		body := map[string]any{"displayNames": []any{}, "created": map[string]any{"_seconds": 1, "utc": a.created}, "activeSocialAccounts": a.accounts}
		if a.ref != "" {
			body["refId"] = a.ref
		}
		answer(w, http.StatusOK, body)
	case r.URL.Path == "/history" && f.free:
		answer(w, http.StatusForbidden, map[string]any{"status": "error", "action": "history", "code": 169, "message": "plan"})
	case r.URL.Path == "/history":
		answer(w, http.StatusOK, map[string]any{"history": make([]struct{}, f.scheduled)})
	default:
		answer(w, http.StatusNotFound, map[string]any{"status": "error", "action": "request", "code": 100, "message": "none"})
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
	staging, production *account
}

func newWorld(t testing.TB) world {
	t.Helper()
	f := &fake{}
	w := world{fake: f, faults: providertest.Before(f)}
	server := httptest.NewServer(w.faults)
	t.Cleanup(server.Close)
	w.url, w.client = server.URL, server.Client()
	w.staging, w.production = f.open("2024-02-01T09:00:00.000Z", "ref1staging"), f.open("2023-05-08T22:54:15.000Z", "ref2production")
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

func (w world) provider(t testing.TB, change ...func(*ayrshare.Config)) *ayrshare.Provider {
	t.Helper()
	c := ayrshare.Config{BaseURL: w.url, Name: named, HTTP: w.client}
	for _, to := range change {
		to(&c)
	}
	p, err := ayrshare.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func of(value string) providers.Values {
	return providers.Values{"AYRSHARE_API_KEY": secret.New(value)}
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": of(w.staging.value), "production": of(w.production.value)}
}

func (w world) account(env string) *account {
	return map[string]*account{"staging": w.staging, "production": w.production}[env]
}
