package main

import (
	"slices"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

// TestDemosThatEndFirst: the demonstration takes --revoke-first for exactly those
// kinds of keys that the engine can end first, and says why not of the others.
func TestDemosThatEndFirst(t *testing.T) {
	never := map[string]string{app.SocialKey: "already the fastest way", app.JWTSecret: "A signing key that is in use"}
	for _, secret := range playable() {
		_, err := parseSandbox([]string{"--demo", secret, "--emergency", "--revoke-first"})
		if says, refused := never[secret]; refused != (err != nil) || refused && !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", secret, err)
		}
	}
	for name, c := range map[string]struct {
		o    sandboxOptions
		says string
	}{
		"root key":           {sandboxOptions{demo: app.JobsKey, rootJobs: true}, "the application moves away from it at once"},
		"own credentials":    {sandboxOptions{demo: app.RedisToken, ownRedisToken: true}, "already the fastest way"},
		"only key":           {sandboxOptions{demo: app.ChainURL, oneChainKey: true}, "already the fastest way"},
		"portal":             {sandboxOptions{demo: app.ChainURL, chainPortal: true}, ""},
		"Langfuse by hand":   {sandboxOptions{demo: app.LangfuseSecret, noLangfuseAPI: true}, ""},
		"a server of Mem0's": {sandboxOptions{demo: app.MemoryKey, ownMemory: true}, ""},
		"no such secret":     {sandboxOptions{demo: "OTHER"}, "the catalogue has no OTHER"},
	} {
		if err := c.o.endsFirst(); (err == nil) != (c.says == "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAnOutageThatWasApproved: what the application loses in it is counted by its
// visitors, and breaks nothing; on any other day it does.
func TestAnOutageThatWasApproved(t *testing.T) {
	world, err := sandbox.Start(t.Context(), sandbox.Options{Speed: 20, Visits: -1, Also: []string{app.JobsKey}})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	b := &box{world: world}
	for first, counts := range map[bool]bool{true: false, false: true} {
		if a := b.ledgerIn(script{secret: app.JobsKey, emergency: true, first: first}); (a.lost != nil) != counts {
			t.Errorf("first %t: losses count %t", first, a.lost != nil)
		}
	}
}

// TestKeysComeBack: what --plant revive does to each service makes a dead key one
// that lives, by the service's own records, and what ends it again does.
func TestKeysComeBack(t *testing.T) {
	t.Parallel()
	world, err := sandbox.Start(t.Context(), sandbox.Options{Speed: 20, Visits: -1, Also: playable()})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	b := &box{world: world}
	late := []string{app.MemoryKey, app.ChainURL} // they are accepted for a while after their end
	for _, secret := range playable() {
		a := b.ledger(secret)
		switch {
		case a.revive == nil:
			t.Errorf("%s cannot come back", secret)
			continue
		case slices.Contains(late, secret):
			continue
		}
		id := a.olds[len(a.olds)-1]
		if a.end(id); lives(a, id) {
			t.Errorf("%s lives after its end", secret)
		}
		if a.revive(id); !lives(a, id) {
			t.Errorf("%s does not come back", secret)
		}
		end := a.end
		if a.bury != nil {
			end = a.bury
		}
		if end(id); lives(a, id) {
			t.Errorf("%s lives after its second end", secret)
		}
	}
}

func lives(a ledger, id string) bool {
	k, _ := a.key(id)
	return k.live
}
