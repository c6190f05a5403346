package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox/wire"
)

// chained is an application with a page whose scripts hold an address, before
// an RPC that takes one key alone and a public one that takes anybody.
func chained(t *testing.T, key string) (app *App, page string, public *wire.Recorder, address func(key string) string) {
	t.Helper()
	answer := func(w http.ResponseWriter) {
		wire.JSON(w, http.StatusOK, map[string]any{"jsonrpc": "2.0", "id": 1, "result": 7})
	}
	rpc := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("api-key") != key {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		answer(w)
	}))
	t.Cleanup(rpc.Close)
	public = &wire.Recorder{}
	anybody := httptest.NewServer(wire.Tap{Recorder: public, Faults: &wire.Faults{}}.Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) })))
	t.Cleanup(anybody.Close)
	address = func(key string) string { return rpc.URL + "/?api-key=" + key }
	app = New(Options{PublicRPC: anybody.URL}, "dpl-0", map[string]string{ChainURL: address(key)})
	server := httptest.NewServer(app.Handler())
	t.Cleanup(server.Close)
	return app, server.URL + "/", public, address
}

// TestScriptsAreOfTheirBuild: a restart keeps what the last build wrote, and a
// tab keeps what it loaded whatever is built later.
func TestScriptsAreOfTheirBuild(t *testing.T) {
	a, page, public, address := chained(t, "old")
	tabs := NewTabs(page, "", time.Second, time.Hour)
	loads := func(want string) {
		t.Helper()
		if got, err := tabs.load(t.Context()); err != nil || got != want {
			t.Errorf("the page's scripts hold another address, %v", err)
		}
	}
	loads(address("old"))
	vault := map[string]string{ChainURL: address("new"), "OTHER": "changed"}
	restarted := built(false, vault, a.b.instances()[0].values)
	if restarted[ChainURL] != address("old") || restarted["OTHER"] != "changed" {
		t.Errorf("a restart has %v", restarted)
	}
	if err := a.Roll(t.Context(), "dpl-1", restarted, -1); err != nil {
		t.Fatal(err)
	}
	loads(address("old"))
	tabs.add(address("old"))
	if err := a.Roll(t.Context(), "dpl-2", built(true, vault, restarted), -1); err != nil {
		t.Fatal(err)
	}
	loads(address("new"))
	tabs.ask(t.Context(), tabs.ends()[0])
	if asked, lost := tabs.Totals(); asked != 1 || lost != 0 || public.Count() != 0 {
		t.Errorf("an open tab asked %d times and lost %d", asked, lost)
	}
}

// TestFallbackSaysSo: visitors do not notice a dead key, and an answer tells.
func TestFallbackSaysSo(t *testing.T) {
	for key, want := range map[string]string{"right": `"rpc":"helius"`, "dead": `"rpc":"public"`} {
		a, page, public, address := chained(t, "right")
		if err := a.Roll(t.Context(), "dpl-1", map[string]string{ChainURL: address(key)}, -1); err != nil {
			t.Fatal(err)
		}
		text, err := NewTabs(page, "", time.Second, time.Hour).get(t.Context(), page+"api/chain")
		if err != nil || !strings.Contains(text, want) {
			t.Errorf("%s: %s, %v", key, text, err)
		}
		for q := range public.All() {
			if strings.Contains(string(q.Raw()), "dead") {
				t.Error("the public RPC was shown the key")
			}
		}
	}
}
