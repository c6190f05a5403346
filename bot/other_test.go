//go:build !release

package main

import (
	"testing"

	"rekey/bot/chat/render"
	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// TestOtherEnvironmentWorld: production's own key leaked, and somebody presses the
// button for staging's while the request is open: that one begins when production's
// is over, is asked about by itself, and in the end both are dead.
func TestOtherEnvironmentWorld(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.LangfuseSecret}, adjust: calm()})
	s.secret = app.LangfuseSecret
	s.types(sandbox.Requester, "/rotate-emergency", s.secret+" it is on github")
	first := s.card(1)
	began := s.last()
	s.shows(s.presses(sandbox.Requester, first, render.ControlID(render.Other), began.Key()), "in staging waits")
	s.react(sandbox.Approver, first, yes)
	s.reports()
	var second slack.Message
	s.reaches("staging's request", func(now slack.Snapshot) (found bool) {
		second, found = now.Find(func(m slack.Message) bool {
			return m.TS != first.TS && asks(m, 1) && m.Reacted("U0BOT", yes) && m.Reacted("U0BOT", no)
		})
		return found
	})
	s.react(sandbox.Second, second, yes)
	s.says("The old key of " + s.secret + " in staging is dead.")
	if r := s.becomes(rotation.Succeeded); !r.Cell.OnlyStaging || r.ID == began.ID || r.Reason != began.Reason || r.Started.Before(began.Started) {
		t.Errorf("%+v", r)
	}
	if own := s.ledger(s.secret); !own.oldsDead() || !s.newInUse(own) {
		t.Errorf("old keys dead %t, new keys in use %t", own.oldsDead(), s.newInUse(own))
	}
}
