//go:build !release

package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

// TestDemoHelius is the rotation of the key that is in an address that a build
// writes into scripts. People make it and delete the old one; open tabs go on
// with theirs until then.
func TestDemoHelius(t *testing.T) {
	t.Parallel()
	var asked int
	s := script{secret: app.ChainURL, arrange: func(b *box) {
		b.world.OnWrite(func(sandbox.Write) { asked = b.world.TabsAsked() })
	}}
	r, err := play(t, sandboxOptions{speed: 2}, s)
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.ApprovedBy != "T0SANDBOX/U0BEN" || asked < 20 {
		t.Errorf("result: %+v; tabs asked %d times", r, asked)
	}
}

// TestDemoHeliusPortal is the same with the portal's token: Rekey makes the keys
// itself, and people delete the old ones. The portal takes no name, and the answer
// to the first creation is lost: the key that has appeared is taken, and no other
// one made.
func TestDemoHeliusPortal(t *testing.T) {
	t.Parallel()
	s := script{secret: app.ChainURL, arrange: func(b *box) {
		made := wire.Match{Method: http.MethodPost, Path: "/v0/projects/" + sandbox.ChainProject(sandbox.Staging) + "/add-key"}
		b.world.Helius.Faults.Inject("lost", wire.Fault{Match: made, Limit: 1, Do: wire.Lose()})
	}}
	var keys int
	hurried := func(config string) string { return steady()(strings.Replace(config, "hold: 18s", "hold: 1s", 1)) }
	s.atCard = func(d *demo, card slack.Message) error {
		keys = len(d.box.world.Helius.Keys())
		return approveCard(d, card)
	}
	r, err := play(t, sandboxOptions{speed: 2, chainPortal: true, adjust: hurried}, s)
	if err != nil {
		t.Fatal(err)
	}
	r.broken = slices.DeleteFunc(r.broken, func(why string) bool { return strings.Contains(why, "were lost without") }) // tabs outlast such a hold
	if !r.good() || r.Shape != "overlap" {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if keys != 5 {
		t.Errorf("%d keys were ever made, want the three of the beginning and two", keys)
	}
}

// TestDemoHeliusOnlyKey is a plan with one key: the approval comes first, a
// person deletes the key and makes another one, and what visitors noticed lies
// within the gap.
func TestDemoHeliusOnlyKey(t *testing.T) {
	t.Parallel()
	r, err := play(t, sandboxOptions{speed: 2, oneChainKey: true}, script{secret: app.ChainURL})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.Shape != "cutover" {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
}
