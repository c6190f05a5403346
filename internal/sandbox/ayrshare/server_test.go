package ayrshare

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"testing"
	"time"
)

// ask is one request with a key.
func ask(t *testing.T, s *Server, method, path, key string) (int, map[string]any, http.Header) {
	t.Helper()
	r := httptest.NewRequest(method, path, nil)
	r.Header.Set("Authorization", "Bearer "+key)
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	return w.Code, body, w.Header()
}

func TestOneKeyThatIsReplaced(t *testing.T) {
	s := New(Options{})
	old := s.Open("ref1", time.Now().Add(-time.Hour))
	if !regexp.MustCompile(`^[0-9A-Z]{7}(-[0-9A-Z]{7}){3}$`).MatchString(old.Value) {
		t.Error("a key has not the documented form")
	}
	code, before, _ := ask(t, s, "GET", "/api/user", old.Value)
	if code != 200 || before["refId"] != "ref1" {
		t.Fatalf("%d %v", code, before)
	}
	was, fresh, ok := s.Regenerate("ref1")
	if !ok || was.ID != old.ID || fresh.Value == old.Value {
		t.Fatalf("%+v, %+v, %t", was, fresh, ok)
	}
	if code, said, _ := ask(t, s, "GET", "/api/user", old.Value); code != 401 || said["code"] != 102.0 {
		t.Errorf("the old one: %d %v", code, said)
	}
	if code, after, _ := ask(t, s, "GET", "/api/user", fresh.Value); code != 200 || after["refId"] != "ref1" {
		t.Errorf("the new one: %d %v", code, after)
	}
	if code, _, _ := ask(t, s, "GET", "/api/user", s.Profile("ref1")); code != 401 {
		t.Errorf("a Profile Key: %d", code)
	}
	if _, _, ok := s.Regenerate("nobody"); ok {
		t.Error("nobody's key was replaced")
	}
}

func TestPostsAreCounted(t *testing.T) {
	s := New(Options{})
	old := s.Open("ref1", time.Now())
	_, _, _ = ask(t, s, "POST", "/api/post", old.Value)
	_, _, _ = s.Regenerate("ref1")
	_, _, _ = ask(t, s, "POST", "/api/post", old.Value)
	if accepted, refused := s.Posts(); accepted != 1 || refused != 1 {
		t.Errorf("%d accepted, %d refused", accepted, refused)
	}
}

// TestAskingOnSuspends: a dead key that is asked in a loop takes the account
// down, the living one with it.
func TestAskingOnSuspends(t *testing.T) {
	s := New(Options{Limit: 3, Strikes: 5})
	old := s.Open("ref1", time.Now())
	_, fresh, _ := s.Regenerate("ref1")
	for n := range 3 + 5 {
		want := 401
		if n >= 3 {
			want = 429
		}
		if code, _, h := ask(t, s, "GET", "/api/user", old.Value); code != want || h.Get("x-ratelimit-max") != "3" {
			t.Errorf("request %d: %d", n+1, code)
		}
	}
	if code, _, _ := ask(t, s, "GET", "/api/user", fresh.Value); code != 403 || !s.Suspended("ref1") {
		t.Errorf("the account is not suspended: %d", code)
	}
}
