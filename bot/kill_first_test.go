//go:build !release

package main

import (
	"maps"
	"slices"
	"testing"

	"rekey/internal/sandbox"
	"rekey/rotation"
)

// TestKilledAtTheEndOfAnEmergency kills the bot with SIGKILL when the service has
// ended the leaked key and has not answered, where that is before there is a new one:
// a survey would know the key no more. The next process asks for the end of the same
// key once more, which ends nothing else, proves it dead, makes nothing before somebody
// has spoken of the vault, and tells everything.
func TestKilledAtTheEndOfAnEmergency(t *testing.T) {
	t.Parallel()
	s, _ := enduring(t)
	s.costly = true // that is what was approved
	killed := make(chan struct{})
	s.when(sandbox.Delete, func(sandbox.Write) {
		s.bot.kill()
		close(killed)
	})
	back := make(chan error, 1)
	go func() { back <- s.revive(killed) }()
	s.types(sandbox.Requester, "/rotate-emergency", "FAL_KEY --revoke-first the vault is open")
	s.says("before there is a new one?")
	s.react(sandbox.Approver, s.card(1), yes)
	s.says("is dead: refused")
	if err := <-back; err != nil {
		t.Fatal(err)
	}
	about := s.card(2)
	if made := s.wrote(sandbox.Create); made > 0 || s.keyLives(s.world.OldKey()) {
		t.Fatalf("%d keys were made before anybody spoke of the vault; the old one lives: %t", made, s.keyLives(s.world.OldKey()))
	}
	s.react(sandbox.Approver, about, yes)
	s.reports()
	s.rotated(map[sandbox.Kind]int{sandbox.Delete: 2, sandbox.ApprovalCard: 2})
	s.once("")
	r := s.last()
	if !r.Cell.RevokeFirst || r.Cell.Mode != rotation.Emergency || r.ContainedAt().IsZero() || r.Gap.Length() <= 0 {
		t.Errorf("%+v", r)
	}
	if e := slices.Collect(maps.Values(r.Ends)); len(e) != 1 || e[0].Tries != 2 || e[0].Dead.IsZero() {
		t.Errorf("as the record has it: %+v", e)
	}
}
