package fal_test

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
	"rekey/providers/fal"
	"rekey/providers/providertest"
)

// fakeKey is a key as the fake service knows it.
type fakeKey struct {
	ID, Secret, Alias, Scope, Team string
	Made                           time.Time
}

func (k fakeKey) value() secret.Value { return secret.New(k.ID + ":" + k.Secret) }

// fake behaves as the vendor documents, and counts what it was asked.
type fake struct {
	mu     sync.Mutex
	keys   []fakeKey
	ever   []secret.Value // every value it issued
	events []map[string]any
	calls  []string // method and path, in order
	idem   []string // Idempotency-Key of every deletion
	query  []string // raw queries of billing-events

	page     int                                               // keys per page, whatever was asked for
	override func(w http.ResponseWriter, r *http.Request) bool // answers instead; for traps
}

func (f *fake) add(team, scope, alias string) fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addLocked(team, scope, alias)
}

func (f *fake) addLocked(team, scope, alias string) fakeKey {
	n := len(f.ever) + 1
	k := fakeKey{
		ID:     fmt.Sprintf("%08x-aaaa-4bbb-8ccc-%012x", n*7919, n),
		Secret: fmt.Sprintf("%032x", 0x5eC0de+n*104729*n),
		Alias:  alias, Scope: scope, Team: team,
		Made: time.Date(2026, 11, 1, 12, n%60, 0, 0, time.UTC),
	}
	k.Secret = strings.Map(func(r rune) rune { return rune("ghijklmnopqrstuvwxyz"[(int(r)*n+7)%20]) }, k.Secret)
	f.keys = append(f.keys, k)
	f.ever = append(f.ever, k.value())
	return k
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.ever)
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// refuse writes the documented error body.
func refuse(w http.ResponseWriter, status int, kind string) {
	answer(w, status, map[string]any{"error": map[string]any{"type": kind, "message": "no", "request_id": "req_1"}})
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

// caller is the key that a request was authorised with.
func (f *fake) caller(r *http.Request) (fakeKey, bool) {
	given, isKey := strings.CutPrefix(r.Header.Get("Authorization"), "Key ")
	for _, k := range f.keys {
		if isKey && given == k.ID+":"+k.Secret {
			return k, true
		}
	}
	return fakeKey{}, false
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	if f.override != nil && f.override(w, r) {
		return
	}
	who, known := f.caller(r)
	switch {
	case !known:
		refuse(w, http.StatusUnauthorized, "authorization_error")
	case r.Method == "GET" && r.URL.Path == "/v1/models/pricing":
		f.pricing(w, r)
	case who.Scope != "ADMIN":
		refuse(w, http.StatusForbidden, "authorization_error")
	case r.Method == "GET" && r.URL.Path == "/v1/keys":
		f.list(w, r, who.Team)
	case r.Method == "POST" && r.URL.Path == "/v1/keys":
		f.create(w, r, who.Team)
	case r.Method == "DELETE" && strings.HasPrefix(r.URL.Path, "/v1/keys/"):
		f.remove(w, r, who.Team)
	case r.Method == "GET" && r.URL.Path == "/v1/models/billing-events":
		f.billing(w, r)
	default:
		refuse(w, http.StatusNotFound, "not_found")
	}
}

func (f *fake) pricing(w http.ResponseWriter, r *http.Request) {
	switch id := r.URL.Query().Get("endpoint_id"); id {
	case "":
		refuse(w, http.StatusBadRequest, "validation_error")
	case "fal-ai/flux/dev":
		answer(w, http.StatusOK, map[string]any{"next_cursor": nil, "has_more": false, "prices": []any{
			map[string]any{"endpoint_id": id, "unit_price": 0.025, "unit": "megapixels", "currency": "USD"},
		}})
	default:
		refuse(w, http.StatusNotFound, "not_found")
	}
}

// list shows keys of scope API of the caller's team, a page at a time; the
// limit asked for is capped.
func (f *fake) list(w http.ResponseWriter, r *http.Request, team string) {
	limit, err := strconv.Atoi(r.URL.Query().Get("limit"))
	if err != nil || limit < 1 {
		refuse(w, http.StatusBadRequest, "validation_error")
		return
	}
	limit = min(limit, f.page)
	var all []any
	for _, k := range f.keys {
		if k.Team == team && k.Scope == "API" {
			all = append(all, map[string]any{"key_id": k.ID, "alias": k.Alias, "scope": k.Scope, "created_at": k.Made.Format(time.RFC3339)})
		}
	}
	page, next := paged(all, r.URL.Query().Get("cursor"), limit)
	answer(w, http.StatusOK, map[string]any{"keys": page, "has_more": next != nil, "next_cursor": next})
}

// paged cuts a page out; the cursor is an offset.
func paged(all []any, cursor string, limit int) (page []any, next any) {
	from, _ := strconv.Atoi(cursor)
	from = min(from, len(all))
	to := min(from+limit, len(all))
	if to < len(all) {
		next = strconv.Itoa(to)
	}
	return append([]any{}, all[from:to]...), next
}

func (f *fake) create(w http.ResponseWriter, r *http.Request, team string) {
	var body struct{ Alias string }
	if json.NewDecoder(r.Body).Decode(&body) != nil || body.Alias == "" || len([]rune(body.Alias)) > 255 {
		refuse(w, http.StatusBadRequest, "validation_error")
		return
	}
	k := f.addLocked(team, "API", body.Alias)
	answer(w, http.StatusCreated, map[string]any{"key_id": k.ID, "key_secret": k.Secret, "key": k.ID + ":" + k.Secret})
}

// remove answers 204 whether or not the key existed.
func (f *fake) remove(w http.ResponseWriter, r *http.Request, team string) {
	f.idem = append(f.idem, r.Header.Get("Idempotency-Key"))
	id := strings.TrimPrefix(r.URL.Path, "/v1/keys/")
	f.keys = slices.DeleteFunc(f.keys, func(k fakeKey) bool { return k.ID == id && k.Team == team && k.Scope == "API" })
	w.WriteHeader(http.StatusNoContent)
}

// billing answers for the last day when start is missing, as documented.
func (f *fake) billing(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	f.query = append(f.query, r.URL.RawQuery)
	end := instant(q.Get("end"), time.Now())
	start := instant(q.Get("start"), end.Add(-24*time.Hour))
	if end.Sub(start) > 90*24*time.Hour {
		refuse(w, http.StatusBadRequest, "validation_error")
		return
	}
	var all []any
	for _, e := range f.events {
		at := instant(e["timestamp"].(string), time.Time{})
		if !at.Before(start) && at.Before(end) && e["key"] == q.Get("api_key_id") {
			shown := map[string]any{}
			for name, value := range e {
				if name != "key" {
					shown[name] = value
				}
			}
			all = append(all, shown)
		}
	}
	page, next := paged(all, q.Get("cursor"), f.page)
	answer(w, http.StatusOK, map[string]any{"billing_events": page, "has_more": next != nil, "next_cursor": next})
}

func instant(text string, missing time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at
	}
	return missing
}

// event is a billed request of a key.
func event(key string, at time.Time) map[string]any {
	return map[string]any{
		"key": key, "request_id": "r1", "endpoint_id": "fal-ai/flux/dev", "timestamp": at.UTC().Format(time.RFC3339),
		"output_units": 1, "unit_price": 0.025, "percent_discount": nil, "cost_subtotal": 0.025, "cost_discount": 0,
		"cost_total": 0.025, "cost_estimate_nano_usd": 25000000,
	}
}

// world is the fake with an ADMIN key, some neighbours and two environments.
type world struct {
	*fake
	url                        string
	client                     *http.Client
	admin, staging, production fakeKey
}

func newFake() (*fake, world) {
	f := &fake{page: 3}
	w := world{fake: f}
	w.admin = f.add("team", "ADMIN", "rotation-bot")
	for i := range 4 {
		f.add("team", "API", fmt.Sprintf("neighbour %d", i))
	}
	w.staging = f.add("team", "API", "app-staging")
	w.production = f.add("team", "API", "app-production")
	f.add("other", "API", "of another team")
	return f, w
}

func newWorld(t testing.TB) world {
	f, w := newFake()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	w.url, w.client = s.URL+"/v1", s.Client()
	return w
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{
		"staging":    {"FAL_KEY": w.staging.value()},
		"production": {"FAL_KEY": w.production.value()},
	}
}

// provider with some configuration changed.
func (w world) provider(t testing.TB, change ...func(*fal.Config)) *fal.Provider {
	t.Helper()
	c := fal.Config{BaseURL: w.url, HTTP: w.client, AdminKey: fixed(w.admin.value())}
	for _, ch := range change {
		ch(&c)
	}
	p, err := fal.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kind is what a survey of the current values finds.
func (w world) kind(t testing.TB, change ...func(*fal.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: fal.Profiles(), Open: func(t testing.TB) providertest.World {
		f, w := newFake()
		faults := providertest.Before(f)
		s := httptest.NewServer(faults)
		t.Cleanup(s.Close)
		w.url, w.client = s.URL+"/v1", s.Client()
		return providertest.World{
			Provider: w.provider(t),
			Current:  w.current(),
			Unknown:  providers.Values{"FAL_KEY": secret.New("00000000-dead:" + strings.Repeat("z", 32))},
			Malformed: []providers.Values{
				{"FAL_KEY": secret.New(w.production.Secret)},
				{"FAL_KEY": secret.New("Key " + w.production.value().Reveal())},
				{"FAL_KEY": secret.New(w.production.value().Reveal() + "\n")},
				{"OTHER": w.production.value()},
				{},
			},
			Secrets: f.issued,
			Faults:  faults,
		}
	}})
}

// fixed returns the same ADMIN key each time.
func fixed(v secret.Value) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return v, nil }
}
