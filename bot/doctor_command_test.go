//go:build !release

package main

import (
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// TestDoctorInSlack: a starter is told privately what is wrong, by the running
// bot; somebody else is told nothing.
func TestDoctorInSlack(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = []string{sandbox.Requester} })
	s.shows(s.rotate("doctor"), "✗ Approvers of ANTHROPIC_API_KEY, FAL_KEY", "1 of 1 are full members", "Nothing was changed.")
	s.shows(s.types(sandbox.Colleague, "/rotate", "doctor"), "Only people who may start rotations")
	if said := s.slack.Messages(sandbox.Channel); len(said) > 0 {
		s.Errorf("the channel was told: %v", said)
	}
	if n := len(s.world.Writes()); n > 0 {
		s.Errorf("%d things were written", n)
	}
}
