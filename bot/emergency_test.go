//go:build !release

package main

import (
	"slices"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
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

// TestDemoRootKey is a leaked root key of Trigger.dev, as the command line plays
// it: nothing contains it, and nobody says that anything does. The thief comes
// first in the audit.
func TestDemoRootKey(t *testing.T) {
	t.Parallel()
	o := sandboxOptions{demo: app.JobsKey, rootJobs: true, emergency: true, speed: 1}
	r, err := play(t, o, story(o, t.Logf))
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.Contained || r.OldKeyDead || r.Result != "waiting" || r.AppFailed > 0 {
		t.Errorf("the demonstration ended badly: %+v, %+v, broken: %v", r, r.containment, r.broken)
	}
	if at, err := time.Parse(time.RFC3339, r.OldKeyDeadAt); err != nil || at.IsZero() {
		t.Errorf("it dies at %q, as it seems: %v", r.OldKeyDeadAt, err)
	}
}

// TestPlantRevive is a leaked key that two environments share: production notices
// nothing, and the service's own records say when it died. It comes back to life
// after its death certificate, which is noticed before the report: people are
// called, and it is ended again. The demo breaks where nobody is told: that is held
// by its own count.
func TestPlantRevive(t *testing.T) {
	t.Parallel()
	o := sandboxOptions{demo: "FAL_KEY", plant: "revive", emergency: true, adjust: calm()}
	r, err := play(t, o, story(o, t.Logf))
	if err != nil || !r.good() || r.Revived != 1 || !r.Contained || r.ProductionFailed > 0 {
		t.Fatalf("%v: %+v, %+v, broken: %v", err, r, r.containment, r.broken)
	}
	if at, err := time.Parse(time.RFC3339, r.OldKeyDeadAt); err != nil || time.Since(at) < 0 || r.Mode != "emergency" || r.SecondsToContained <= 0 {
		t.Errorf("dead at %q: %v; %+v", r.OldKeyDeadAt, err, r.containment)
	}
}

// TestRevokeFirstWorld: the old key is dead before there is a new one, nothing new
// is made before somebody says that the vault was not the leak, and the outage is
// measured.
func TestRevokeFirstWorld(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{adjust: calm()})
	s.costly = true // that is what was approved
	s.types(sandbox.Requester, "/rotate-emergency", "FAL_KEY --revoke-first --since 3d the vault is open")
	s.says("before there is a new one?")
	s.react(sandbox.Approver, s.card(1), yes)
	s.says("is dead: refused")
	about := s.card(2)
	if before := s.ledger(s.secret); !before.oldsDead() || slices.ContainsFunc(before.keys(), ledgerKey.ours) {
		t.Errorf("old keys dead %t, keys %+v, before anybody spoke of the vault", before.oldsDead(), before.keys())
	}
	s.react(sandbox.Approver, about, "white_circle")
	s.says("said: the vault was not the leak")
	s.reports()
	r := s.last()
	if r == nil || r.State != rotation.Succeeded || !r.Cell.RevokeFirst || r.Gap.Length() <= 0 || r.ContainedAt().IsZero() || time.Since(r.Audit.From) < 71*time.Hour {
		t.Fatalf("%+v", r)
	}
	own := s.ledger(s.secret)
	if !own.oldsDead() || !s.newInUse(own) {
		t.Errorf("old keys dead %t, new keys in use %t", own.oldsDead(), s.newInUse(own))
	}
}
