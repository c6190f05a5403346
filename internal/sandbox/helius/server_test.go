package helius_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox/helius"
)

type client struct {
	*testing.T
	base string
}

func (c client) ask(method, path, token, origin, body string) (int, map[string]any) {
	c.Helper()
	req, err := http.NewRequestWithContext(c.Context(), method, c.base+path, strings.NewReader(body))
	if err != nil {
		c.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if origin != "" {
		req.Header.Set("Origin", origin)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		c.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var out map[string]any
	_ = json.NewDecoder(resp.Body).Decode(&out) // a list is looked at by its status only
	return resp.StatusCode, out
}

func (c client) health(key, origin string) int {
	c.Helper()
	status, _ := c.ask(http.MethodPost, "/?api-key="+key, "", origin, `{"jsonrpc":"2.0","id":"1","method":"getHealth"}`)
	return status
}

func start(t *testing.T, o helius.Options) (*helius.Server, client) {
	t.Helper()
	s := helius.New(o, "prj_shop")
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return s, client{t, server.URL}
}

func TestKeysAtTheRPC(t *testing.T) {
	s, c := start(t, helius.Options{})
	k := s.Seed("prj_shop", "shop", time.Now())
	if got := c.health(k.Value, ""); got != http.StatusOK {
		t.Errorf("living: %d", got)
	}
	s.Admit(k.ID, "https://shop.test")
	if got := []int{c.health(k.Value, ""), c.health(k.Value, "https://shop.test")}; got[0] != http.StatusUnauthorized || got[1] != http.StatusOK {
		t.Errorf("with a rule: %v", got)
	}
	if !s.End(k.ID) || s.End(k.ID) || c.health(k.Value, "https://shop.test") != http.StatusUnauthorized || s.Accepts(k.ID) {
		t.Error("a deleted key lives")
	}
	status, out := c.ask(http.MethodPost, "/?api-key=x", "", "", `{"jsonrpc":"2.0","id":"1","method":"getHealth"}`)
	if code, _ := out["error"].(map[string]any)["code"].(float64); status != http.StatusUnauthorized || code != -32001 {
		t.Errorf("%d, %v", status, out)
	}
}

func TestEdgesAreLate(t *testing.T) {
	s, c := start(t, helius.Options{Spread: time.Hour})
	k := s.Seed("prj_shop", "shop", time.Now())
	s.End(k.ID)
	if c.health(k.Value, "") != http.StatusOK || !s.Accepts(k.ID) {
		t.Error("an edge knew at once")
	}
}

func TestPortal(t *testing.T) {
	s, c := start(t, helius.Options{Limit: 2})
	s.Seed("prj_shop", "shop", time.Now())
	var made []helius.Key
	s.OnWrite(func(k helius.Key) { made = append(made, k) })
	const add = "/v0/projects/prj_shop/add-key"
	for _, q := range []struct {
		method, path, token, body string
		want                      int
	}{
		{"GET", "/v0/projects", "", "", 401},
		{"GET", "/v0/projects", "wrong", "", 401},
		{"GET", "/v0/projects", s.Token(), "", 200},
		{"GET", "/v0/projects/prj_other", s.Token(), "", 404},
		{"POST", add, s.Token(), `{"userId":"user-invited"}`, 403},
		{"POST", add, s.Token(), `{"userId":"user-of-prj_shop"}`, 200},
		{"POST", add, s.Token(), `{"userId":"user-of-prj_shop"}`, 400},
		{"DELETE", "/v0/projects/prj_shop", s.Token(), "", 404},
	} {
		if got, _ := c.ask(q.method, q.path, q.token, "", q.body); got != q.want {
			t.Errorf("%s %s: %d, want %d", q.method, q.path, got, q.want)
		}
	}
	_, out := c.ask("GET", "/v0/projects/prj_shop", s.Token(), "", "")
	if keys, _ := out["apiKeys"].([]any); len(keys) != 2 || len(made) != 1 || keys[1].(map[string]any)["keyId"] != made[0].Value {
		t.Errorf("%v, made %v", out, made)
	}
	if _, err := s.Create("prj_shop", "rk_1"); err == nil {
		t.Error("the plan had room")
	}
}

func TestPublic(t *testing.T) {
	p := helius.NewPublic()
	server := httptest.NewServer(p.Handler())
	t.Cleanup(server.Close)
	if got := (client{t, server.URL}).health("", ""); got != http.StatusOK || p.Calls() != 1 {
		t.Errorf("%d, %d calls", got, p.Calls())
	}
}
