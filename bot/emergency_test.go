//go:build !release

package main

import (
	"testing"

	"rekey/internal/sandbox"
	"rekey/rotation"
)

// TestEmergencyWorld: a leaked key is contained while the application serves:
// production first, the old key dead right after the approval, staging brought
// along, and everybody told.
func TestEmergencyWorld(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: calm()})
	s.costly = true // staging stands on the same key, and is brought along after it is dead
	s.types(sandbox.Requester, "/rotate-emergency", "FAL_KEY it is on github")
	s.says("Emergency · ")
	s.says("it is on github")
	s.react(sandbox.Approver, s.card(1), yes)
	s.says("is dead: refused")
	s.reports()
	r := s.last()
	if r == nil || r.State != rotation.Succeeded || r.Cell.Mode != rotation.Emergency || r.ContainedAt().IsZero() {
		t.Fatalf("%+v", r)
	}
	own := s.ledger(s.secret)
	if !own.oldsDead() || !s.newInUse(own) {
		t.Errorf("old keys dead %t, new keys in use %t", own.oldsDead(), s.newInUse(own))
	}
}
