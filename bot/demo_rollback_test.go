package main

import (
	"strings"
	"testing"

	"rekey/internal/sandbox/app"
)

// TestDemoRollback: people go back at the request for approval. It is played with
// a pair, one half of which is its public id.
func TestDemoRollback(t *testing.T) {
	t.Parallel()
	r, err := play(t, sandboxOptions{adjust: calm()}, script{secret: app.LangfuseSecret, back: true})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.homecoming == nil || r.Mode != "rollback" || r.AppRequests < 100 || r.ApprovedBy != "" {
		t.Errorf("the demonstration ended badly: %+v %+v, broken: %v", r, r.homecoming, r.broken)
	}
}

// TestRollbackIsOffered for every secret that has a way back, and refused for the
// others in words.
func TestRollbackIsOffered(t *testing.T) {
	for _, secret := range playable() {
		_, err := parseSandbox([]string{"--demo", secret, "--rollback"})
		switch secret {
		case app.SocialKey:
			if err == nil || !strings.Contains(err.Error(), "there is nothing to go back to") {
				t.Errorf("%s: %v", secret, err)
			}
		default:
			if err != nil {
				t.Errorf("%s: %v", secret, err)
			}
		}
	}
	for args, want := range map[string]string{
		"--demo TRIGGER_API_KEY --root --rollback": "dies by itself", "--rollback": "goes with the --demo of one secret", "--demo all --rollback": "goes with the --demo of one secret",
		"--demo FAL_KEY --emergency --rollback": "goes with the --demo", "--demo FAL_KEY --plant leak --rollback": "goes with the --demo",
	} {
		if _, err := parseSandbox(strings.Fields(args)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", args, err)
		}
	}
}

// TestAHomecomingIsWhole: a rollback that leaves anything as it should not be is no
// good end.
func TestAHomecomingIsWhole(t *testing.T) {
	whole := func() *played {
		return &played{Result: "done", homecoming: &homecoming{RolledBack: true, OldKeyLive: true, NewKeyDead: true}}
	}
	if !whole().good() {
		t.Error("a whole one is called bad")
	}
	for name, spoil := range map[string]func(*played){
		"not rolled back": func(r *played) { r.RolledBack = false }, "the old key is not in use": func(r *played) { r.OldKeyLive = false },
		"the new key lives": func(r *played) { r.NewKeyDead = false }, "requests failed": func(r *played) { r.AppFailed = 1 },
		"it stopped": func(r *played) { r.Result = "stopped" }, "an old key died": func(r *played) { r.OldKeyDead = true },
		"something broke": func(r *played) { r.broken = []string{"x"} },
	} {
		r := whole()
		if spoil(r); r.good() {
			t.Errorf("%s: it is called good", name)
		}
	}
}
