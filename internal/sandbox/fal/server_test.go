package fal

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

type bench struct {
	*testing.T
	s     *Server
	admin Key
	app   Key
}

func newBench(t *testing.T) *bench {
	s := New(Options{MaxPage: 2})
	return &bench{T: t, s: s, admin: s.AddAdmin("team", "rotation-bot"), app: s.AddKey("team", "app")}
}

func (b *bench) do(method, path, value, body string) (int, map[string]any) {
	b.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if value != "" {
		r.Header.Set("Authorization", "Key "+value)
	}
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	m := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			b.Fatalf("%s %s: not JSON: %v", method, path, err)
		}
	}
	return w.Code, m
}

const probe = "/v1/models/pricing?endpoint_id=fal-ai/flux/dev"

func (b *bench) probe(value string) int {
	b.Helper()
	status, _ := b.do("GET", probe, value, "")
	return status
}

func TestScopes(t *testing.T) {
	b := newBench(t)
	tests := []struct {
		method, path, key string
		want              int
		kind              string
	}{
		{"GET", "/v1/keys", "", 401, "authorization_error"},
		{"GET", "/v1/keys", b.app.Value, 403, "authorization_error"},
		{"GET", "/v1/keys", b.admin.Value, 200, ""},
		{"GET", "/v1/models/usage", b.app.Value, 403, "authorization_error"},
		{"GET", probe, "", 401, "authorization_error"},
		{"GET", probe, b.app.Value, 200, ""},
		{"GET", probe, b.app.Value[len(b.app.ID)+1:], 401, "authorization_error"}, // the secret half alone
		{"GET", probe, b.app.Value + "x", 401, "authorization_error"},
		{"GET", "/v1/models/pricing", b.app.Value, 400, "validation_error"},
		{"GET", "/v1/models/pricing?endpoint_id=other", b.app.Value, 404, "not_found"},
		{"GET", "/v1/models", "dead:key", 200, ""}, // proves nothing about a key
		{"GET", "/v1/nowhere", b.admin.Value, 404, "not_found"},
	}
	for _, tt := range tests {
		status, m := b.do(tt.method, tt.path, tt.key, "")
		var kind string
		if e, ok := m["error"].(map[string]any); ok {
			kind, _ = e["type"].(string)
		}
		if status != tt.want || kind != tt.kind {
			t.Errorf("%s %s = %d %q, want %d %q", tt.method, tt.path, status, kind, tt.want, tt.kind)
		}
	}
	r := httptest.NewRequest("GET", probe, nil)
	r.Header.Set("Authorization", "Bearer "+b.app.Value)
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	if w.Code != 401 {
		t.Errorf("Bearer = %d, want 401", w.Code)
	}
}

func TestCreateAndDelete(t *testing.T) {
	b := newBench(t)
	var seen []Write
	b.s.OnWrite(func(w Write) { seen = append(seen, w) })

	ids := map[string]string{}
	for range 2 { // an alias is not unique: a repeated create makes another key
		status, m := b.do("POST", "/v1/keys", b.admin.Value, `{"alias":"rk_1"}`)
		value, _ := m["key"].(string)
		if status != 201 || value != fmt.Sprint(m["key_id"], ":", m["key_secret"]) || b.probe(value) != 200 {
			t.Fatalf("create = %d %v; probe %d", status, m, b.probe(value))
		}
		id, _ := m["key_id"].(string)
		ids[id] = value
	}
	if len(ids) != 2 {
		t.Fatal("two creates made one key")
	}
	for _, body := range []string{`{"alias":""}`, `{}`, `{"alias":"` + strings.Repeat("x", 256) + `"}`, `{`} {
		if status, _ := b.do("POST", "/v1/keys", b.admin.Value, body); status != 400 {
			t.Errorf("create with %.20s = %d, want 400", body, status)
		}
	}
	for id, value := range ids {
		if status, _ := b.do("DELETE", "/v1/keys/"+id, b.admin.Value, ""); status != 204 || b.probe(value) != 401 {
			t.Errorf("delete = %d, probe afterwards %d; want 204, 401", status, b.probe(value))
		}
	}
	other := b.s.AddKey("someone", "theirs")
	for _, id := range []string{"never-was", b.admin.ID, other.ID} {
		if status, _ := b.do("DELETE", "/v1/keys/"+id, b.admin.Value, ""); status != 204 {
			t.Errorf("delete of %s = %d, want 204", id, status)
		}
	}
	if b.probe(other.Value) != 200 || b.probe(b.admin.Value) != 200 {
		t.Error("a delete reached another account's or an ADMIN key")
	}
	var got []string
	for _, w := range seen {
		got = append(got, fmt.Sprint(w.Act, " ", w.Known))
	}
	want := []string{"create true", "create true", "delete true", "delete true", "delete false", "delete false", "delete false"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("hook: %s", diff)
	}
	if n := len(b.s.Issued()); n != 5 {
		t.Errorf("issued values = %d, want all five ever made", n)
	}
}

// A page is capped below the limit asked for; only has_more tells the end.
func TestListPages(t *testing.T) {
	b := newBench(t)
	for i := range 4 {
		b.s.AddKey("team", fmt.Sprint("k", i))
	}
	b.s.AddKey("someone", "theirs")
	gone := b.s.AddKey("team", "gone")
	b.s.End(gone.ID)

	var aliases []string
	cursor, pages := "", 0
	for {
		_, m := b.do("GET", "/v1/keys?limit=50&expand=creator_info&cursor="+url.QueryEscape(cursor), b.admin.Value, "")
		pages++
		keys, _ := m["keys"].([]any)
		for _, k := range keys {
			k, _ := k.(map[string]any)
			if k["scope"] != "API" || k["creator_email"] == nil {
				t.Errorf("listed key = %v", k)
			}
			alias, _ := k["alias"].(string)
			aliases = append(aliases, alias)
		}
		if m["has_more"] == false {
			break
		}
		cursor, _ = m["next_cursor"].(string)
	}
	if diff := cmp.Diff([]string{"app", "k0", "k1", "k2", "k3"}, aliases); diff != "" || pages != 3 {
		t.Errorf("%d pages: %s", pages, diff)
	}
	for _, bad := range []string{"limit=0", "limit=x", "cursor=!", "cursor=eA=="} {
		if status, _ := b.do("GET", "/v1/keys?"+bad, b.admin.Value, ""); status != 400 {
			t.Errorf("list with %s = %d, want 400", bad, status)
		}
	}
}

func TestUseAndUsage(t *testing.T) {
	b := newBench(t)
	second := b.s.AddKey("team", "second")
	for range 3 {
		if status, _ := b.do("POST", "/fal-ai/flux/dev", b.app.Value, `{"prompt":"x"}`); status != 200 {
			t.Fatalf("inference = %d", status)
		}
	}
	b.do("POST", "/fal-ai/flux/dev", second.Value, `{}`)
	b.s.End(b.app.ID)
	status, m := b.do("POST", "/fal-ai/flux/dev", b.app.Value, `{}`)
	if status != 401 || m["detail"] == nil {
		t.Errorf("inference with a deleted key = %d %v, want 401 with a detail", status, m)
	}
	if served, refused := b.s.Calls(b.app.ID); served != 3 || refused != 1 {
		t.Errorf("calls = %d served, %d refused; want 3, 1", served, refused)
	}

	_, m = b.do("GET", "/v1/models/billing-events?limit=2&expand=auth_method_structured&api_key_id="+b.app.ID, b.admin.Value, "")
	if events, _ := m["billing_events"].([]any); len(events) != 2 || m["has_more"] != true {
		t.Errorf("billing = %d events, more %v; want a page of 2 of 3", len(events), m["has_more"])
	}
	_, m = b.do("GET", "/v1/models/usage?timeframe=hour&expand=time_series&expand=auth_method_structured", b.admin.Value, "")
	total := 0.0
	for _, bucket := range as[[]any](m["time_series"]) {
		for _, r := range as[[]any](as[map[string]any](bucket)["results"]) {
			total += as[float64](as[map[string]any](r)["quantity"])
		}
	}
	if total != 4 {
		t.Errorf("usage = %v images, want 4", total)
	}
	past := time.Now().Add(-time.Hour).UTC().Format(time.RFC3339)
	_, m = b.do("GET", "/v1/models/billing-events?end="+past, b.admin.Value, "")
	if events := as[[]any](m["billing_events"]); len(events) != 0 {
		t.Errorf("billing before the first use = %d events", len(events))
	}
	if status, _ := b.do("GET", "/v1/models/usage?start=yesterday", b.admin.Value, ""); status != 400 {
		t.Errorf("usage with a bad start = %d, want 400", status)
	}
}

// as is v if it has the type, else the type's zero value.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}
