package mem0

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type bench struct {
	*testing.T
	s *Server
}

// do makes a request; header is one line, name and value.
func (b bench) do(call, header, body string) (int, any) {
	b.Helper()
	method, path, _ := strings.Cut(call, " ")
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if name, value, set := strings.Cut(header, ": "); set {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	var m any
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		b.Fatalf("%s: not JSON: %v", call, err)
	}
	return w.Code, m
}

func (b bench) status(call, header, body string) int {
	b.Helper()
	status, _ := b.do(call, header, body)
	return status
}

// signedIn is the header of a user.
func (b bench) signedIn() string {
	b.Helper()
	email, password, _ := strings.Cut(b.s.Login(), ":")
	status, got := b.do("POST /auth/login", "", `{"email":"`+email+`","password":"`+password+`"}`)
	if status != 200 {
		b.Fatalf("signing in: %d", status)
	}
	return "Authorization: Bearer " + got.(map[string]any)["access_token"].(string)
}

const query = `{"query":"the sea","filters":{"user_id":"visitor"}}`

func TestPlatform(t *testing.T) {
	b := bench{t, New(Options{})}
	k, lost := b.s.Create("proj_shop", "shop"), b.s.Create("proj_default", "shop")
	own := bench{t, New(Options{Own: true})}.s.Create("", "shop")
	for call, c := range map[string]struct {
		header string
		want   int
	}{
		"GET /v1/ping/":     {"Authorization: Token " + k.Value, 200},
		"GET /v1/stats/":    {"Authorization: Token " + k.Value, 200},
		"GET /v1/events/":   {"Authorization: Token " + k.Value, 200},
		"GET /v1/ping":      {"Authorization: Token " + k.Value, 404},
		"GET /v1/ping/?a=1": {"Authorization: Bearer " + k.Value, 401},
		"GET /v1/ping/?a=2": {"X-API-Key: " + k.Value, 401},
		"GET /v1/ping/?a=3": {"Authorization: Token m0-nobodys", 401},
		"GET /v1/ping/?a=4": {"Authorization: Token " + own.Value, 401},
		"GET /v1/ping/?a=5": {"", 401},
		"GET /v1/api-keys/": {"Authorization: Token " + k.Value, 404},
	} {
		if got := b.status(call, c.header, ""); got != c.want {
			t.Errorf("%s: %d, want %d", call, got, c.want)
		}
	}
	_, found := b.do("POST /v3/memories/search/", "Authorization: Token "+k.Value, query)
	_, none := b.do("POST /v3/memories/search/", "Authorization: Token "+lost.Value, query)
	if len(found.(map[string]any)["results"].([]any)) != 1 || len(none.(map[string]any)["results"].([]any)) != 0 {
		t.Errorf("found %v and %v", found, none)
	}
	_, events := b.do("GET /v1/events/", "Authorization: Token "+k.Value, "")
	if text, _ := json.Marshal(events); !strings.Contains(string(text), "SEARCH") || strings.Contains(string(text), k.ID) {
		t.Errorf("the events: %s", text)
	}
	if b.status("POST /v3/memories/search/", "Authorization: Token "+k.Value, `{"query":"the sea"}`) != 400 {
		t.Error("a search without filters is taken")
	}
}

// TestSpread: a deleted key may live a moment more, and then never again.
func TestSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench{t, New(Options{Spread: time.Second})}
		k := b.s.Create("proj_shop", "shop")
		ping := func() int { return b.status("GET /v1/ping/", "Authorization: Token "+k.Value, "") }
		if !b.s.End(k.ID) || b.s.End(k.ID) || ping() != 200 || !b.s.Accepts(k.ID) {
			t.Error("it was not deleted once, or is dead at once")
		}
		<-time.After(2 * time.Second)
		if ping() != 401 || b.s.Accepts(k.ID) {
			t.Error("it lives on")
		}
		if b.status("POST /v3/memories/search/", "Authorization: Token "+k.Value, query) != 401 || b.s.Refused() != 1 {
			t.Errorf("%d searches were refused", b.s.Refused())
		}
	})
}

func TestOwnServer(t *testing.T) {
	b := bench{t, New(Options{Own: true})}
	user := b.signedIn()
	status, made := b.do("POST /api-keys", user, `{"label":"rk_1"}`)
	row := made.(map[string]any)
	value, id := row["key"].(string), row["id"].(string)
	if status != 201 || len(value) != 48 || !strings.HasPrefix(value, "m0sk_") || row["key_prefix"] != value[:12] {
		t.Fatalf("%d: %v", status, len(value))
	}
	key := "X-API-Key: " + value
	if b.status("GET /memories?user_id=x", key, "") != 200 || b.status("POST /search", key, query) != 200 || b.status("GET /memories", key, "") != 400 {
		t.Error("the key is not accepted")
	}
	for call, header := range map[string]string{"GET /memories?user_id=x": "X-API-Key: m0sk_nobodys", "POST /search": "", "GET /api-keys": "Authorization: Bearer eyJ", "DELETE /api-keys/x": key} {
		if got := b.status(call, header, query); got != 401 {
			t.Errorf("%s: %d", call, got)
		}
	}
	_, list := b.do("GET /api-keys", user, "")
	shown := list.([]any)[0].(map[string]any)
	if len(list.([]any)) != 1 || shown["key"] != nil || shown["last_used_at"] == nil || strings.HasSuffix(shown["created_at"].(string), "Z") {
		t.Errorf("listed: %v", list)
	}
	if b.status("POST /api-keys", user, `{}`) != 422 || b.status("DELETE /api-keys/nobodys", user, "") != 404 {
		t.Error("what is not there was taken")
	}
	if b.status("DELETE /api-keys/"+id, user, "") != 200 || b.status("DELETE /api-keys/"+id, user, "") != 400 || b.status("GET /memories?user_id=x", key, "") != 401 {
		t.Error("not revoked once and at once")
	}
	if _, list := b.do("GET /api-keys", user, ""); len(list.([]any)) != 0 {
		t.Error("it is still listed")
	}
}

// TestSigningIn: a token ends, and nobody signs in too often.
func TestSigningIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := bench{t, New(Options{Own: true, Logins: 2})}
		user := b.signedIn()
		if b.status("POST /auth/login", "", `{"email":"a@b.example","password":"x"}`) != 401 || b.status("POST /auth/login", "", `{}`) != 422 {
			t.Error("anybody may sign in")
		}
		if b.status("POST /auth/login", "", `{"email":"a@b.example","password":"x"}`) != 429 {
			t.Error("any number of times")
		}
		<-time.After(29 * time.Minute)
		if b.status("GET /api-keys", user, "") != 200 {
			t.Error("half an hour is not over")
		}
		<-time.After(2 * time.Minute)
		if b.status("GET /api-keys", user, "") != 401 {
			t.Error("the token does not end")
		}
		b.signedIn()
	})
}

func TestOpenServer(t *testing.T) {
	b := bench{t, New(Options{Own: true, Open: true})}
	if b.status("GET /memories?user_id=x", "X-API-Key: m0sk_nobodys", "") != 200 {
		t.Error("it looks at keys")
	}
}
