package anthropic_test

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
	"rekey/providers/anthropic"
	"rekey/providers/providertest"
)

// The organisation of the fake.
const (
	stagingSpace    = "wrkspc_01Staging"
	productionSpace = "wrkspc_01Production"
	account         = "svac_01Shop"
	adminKey        = "sk-ant-admin01-Q2hhbmdlLW1lLW5ldmVyLWV2ZXItcGxlYXNl-AA"
)

// fakeKey is a key as the fake service knows it. Its JSON form is the wire's.
type fakeKey struct {
	ID        string         `json:"id"`
	Type      string         `json:"type"`
	Name      string         `json:"name"`
	Status    string         `json:"status"`
	Created   time.Time      `json:"created_at"`
	CreatedBy map[string]any `json:"created_by"` // null for keys whose creator is not recorded
	Expires   *time.Time     `json:"expires_at"`
	Hint      string         `json:"partial_key_hint"`
	Principal map[string]any `json:"principal"`
	Scope     map[string]any `json:"scope"`

	value string
}

func (k fakeKey) values() providers.Values {
	return providers.Values{"ANTHROPIC_API_KEY": secret.New(k.value)}
}

// fake behaves as the vendor documents, and counts what it was asked.
type fake struct {
	mu    sync.Mutex
	keys  []*fakeKey
	ever  []secret.Value
	calls []string
	used  map[string]time.Time // bucket ends by key
	asked []string             // raw queries of the usage report

	page     int // keys per page at most
	late     int // lists that do not show the newest key yet
	override func(w http.ResponseWriter, r *http.Request) bool
}

// make adds a key; change sets what differs from an ordinary one.
func (f *fake) make(name, space string, change ...func(*fakeKey)) *fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(f.ever) + 1
	body := strings.Map(func(r rune) rune { return rune("GHIJKLMNOPQRSTUVWXYZ"[(int(r)*n+n)%20]) }, fmt.Sprintf("%048d", n*7919))
	k := &fakeKey{
		ID: fmt.Sprintf("apikey_01Key%04d", n), Type: "api_key", Name: name, Status: "active", Created: time.Now().UTC(),
		value:     fmt.Sprintf("sk-ant-api03-%03d%s-%03dAA", n, body, n),
		Principal: map[string]any{"type": "service_account_actor", "service_account_id": account},
		Scope:     map[string]any{"type": "workspace", "workspace_id": space},
	}
	for _, c := range change {
		c(k)
	}
	if k.Hint == "" {
		k.Hint = k.value[:16] + "..." + k.value[len(k.value)-4:]
	}
	f.keys, f.ever = append(f.keys, k), append(f.ever, secret.New(k.value))
	return k
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(slices.Clone(f.ever), secret.New(adminKey))
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// refuse writes the documented error body.
func refuse(w http.ResponseWriter, status int, kind, code string) {
	e := map[string]any{"type": kind, "message": "no"}
	if code != "" {
		e["details"] = map[string]any{"error_code": code}
	}
	answer(w, status, map[string]any{"type": "error", "error": e, "request_id": "req_1"})
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	if f.override != nil && f.override(w, r) {
		return
	}
	who := r.Header.Get("X-Api-Key")
	at := slices.IndexFunc(f.keys, func(k *fakeKey) bool { return k.value == who && k.Status == "active" })
	id, one := strings.CutPrefix(r.URL.Path, "/v1/organizations/api_keys/")
	switch {
	case r.Header.Get("Anthropic-Version") != "2023-06-01":
		refuse(w, http.StatusBadRequest, "invalid_request_error", "")
	case who != adminKey && at < 0:
		refuse(w, http.StatusUnauthorized, "authentication_error", "")
	case r.Method == "GET" && r.URL.Path == "/v1/models":
		f.models(w, at)
	case who != adminKey:
		refuse(w, http.StatusForbidden, "permission_error", "")
	case r.Method == "GET" && r.URL.Path == "/v1/organizations/api_keys":
		f.list(w, r)
	case one:
		f.one(w, r, id)
	case r.Method == "GET" && r.URL.Path == "/v1/organizations/usage_report/messages":
		f.usage(w, r)
	default:
		refuse(w, http.StatusNotFound, "not_found_error", "")
	}
}

func (f *fake) models(w http.ResponseWriter, at int) {
	if at < 0 { // the Admin API key is none for models
		refuse(w, http.StatusUnauthorized, "authentication_error", "")
		return
	}
	space, _ := f.keys[at].Scope["workspace_id"].(string)
	if space == "" {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "")
		return
	}
	w.Header().Set("anthropic-workspace-id", space)
	answer(w, http.StatusOK, map[string]any{"data": []any{map[string]any{"id": "claude-x", "type": "model"}}, "has_more": true})
}

func (f *fake) list(w http.ResponseWriter, r *http.Request) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 || limit > 1000 {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "")
		return
	}
	all := f.keys
	if f.late > 0 {
		f.late--
		all = all[:len(all)-1]
	}
	start := 0
	if after := r.URL.Query().Get("after_id"); after != "" {
		start = slices.IndexFunc(all, func(k *fakeKey) bool { return k.ID == after }) + 1
	}
	page := all[start:min(start+min(limit, f.page), len(all))]
	var last any
	if len(page) > 0 {
		last = page[len(page)-1].ID
	}
	answer(w, http.StatusOK, map[string]any{"data": append([]*fakeKey{}, page...), "has_more": start+len(page) < len(all), "last_id": last})
}

func (f *fake) one(w http.ResponseWriter, r *http.Request, id string) {
	at := slices.IndexFunc(f.keys, func(k *fakeKey) bool { return k.ID == id })
	var body struct{ Status string }
	_ = json.NewDecoder(r.Body).Decode(&body) // a GET has none
	switch {
	case at < 0:
		refuse(w, http.StatusNotFound, "not_found_error", "")
		return
	case r.Method == "GET":
	case r.Method != "POST":
		refuse(w, http.StatusMethodNotAllowed, "invalid_request_error", "")
		return
	case f.keys[at].Status == "archived" || f.keys[at].Status == "expired" || !slices.Contains([]string{"active", "inactive", "archived"}, body.Status):
		refuse(w, http.StatusBadRequest, "invalid_request_error", "")
		return
	default:
		f.keys[at].Status = body.Status
	}
	answer(w, http.StatusOK, f.keys[at])
}

func (f *fake) usage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f.asked = append(f.asked, r.URL.RawQuery)
	id := q.Get("api_key_ids[]")
	results := []any{}
	if !f.used[id].IsZero() {
		results = append(results, map[string]any{"api_key_id": id, "uncached_input_tokens": 3, "output_tokens": 1})
	}
	end := f.used[id]
	if end.IsZero() {
		end = time.Now()
	}
	empty := map[string]any{"starting_at": q.Get("starting_at"), "ending_at": q.Get("starting_at"), "results": []any{}}
	full := map[string]any{"starting_at": q.Get("starting_at"), "ending_at": end.UTC().Format(time.RFC3339), "results": results}
	if q.Get("page") == "" {
		answer(w, http.StatusOK, map[string]any{"data": []any{empty}, "has_more": true, "next_page": "page_2"})
		return
	}
	answer(w, http.StatusOK, map[string]any{"data": []any{full}, "has_more": false, "next_page": nil})
}

// world is the fake with an adapter before it.
type world struct {
	*fake
	url                 string
	staging, production *fakeKey
	faults              *providertest.Faults
}

func newWorld(t testing.TB) world {
	t.Helper()
	w := world{fake: &fake{page: 2, used: map[string]time.Time{}}}
	old := func(k *fakeKey) { k.Created = time.Now().Add(-100 * 24 * time.Hour).UTC() }
	w.make("somebody's", productionSpace)
	w.staging = w.make("shop", stagingSpace, old)
	w.make("gone", stagingSpace, func(k *fakeKey) { k.Status = "archived" })
	w.production = w.make("shop", productionSpace, old) // a name is not unique
	w.make("of nobody", productionSpace, func(k *fakeKey) { k.Principal = nil })
	w.faults = providertest.Before(w.fake)
	server := httptest.NewServer(w.faults)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

func fixed(v string) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return secret.New(v), nil }
}

func (w world) provider(t testing.TB, change ...func(*anthropic.Config)) *anthropic.Provider {
	t.Helper()
	c := anthropic.Config{BaseURL: w.url, AdminKey: fixed(adminKey)}
	for _, f := range change {
		f(&c)
	}
	p, err := anthropic.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": w.staging.values(), "production": w.production.values()}
}

func (w world) kind(t testing.TB, change ...func(*anthropic.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}
