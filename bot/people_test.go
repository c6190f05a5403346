//go:build !release

package main

import (
	"cmp"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// TestMarksThatDoNotCount lets everybody react on a request who may not decide
// it, and an approver in every way that is no approval. Each is told why once;
// the request stays open and is then approved as it should be.
func TestMarksThatDoNotCount(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	s.slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = append(g.Users, sandbox.Requester, sandbox.Guest) })
	card := s.asked()
	root, _ := s.slack.Message(card.Channel, card.Thread)

	s.react(sandbox.Approver, root, yes)
	s.react(sandbox.Approver, card, "heavy_check_mark", "ballot_box_with_check", "+1::skin-tone-3", "negative_squared_cross_mark")
	if why := s.told(sandbox.Approver); !strings.Contains(why, "That emoji does not count") {
		t.Errorf("the approver was told: %s", why)
	}
	for user, why := range map[string]string{
		sandbox.Requester: "whoever asked for a rotation does not approve it",
		sandbox.Colleague: "you are not on the approver list",
		sandbox.Guest:     "you are seen as: guest",
		sandbox.Robot:     "you are seen as: bot",
		sandbox.Outsider:  "you are seen as: external",
	} {
		s.react(user, card, yes)
		if got := s.told(user); !strings.Contains(got, why) || !strings.Contains(got, "It changes nothing") && user != sandbox.Requester {
			t.Errorf("%s was told: %s", user, got)
		}
	}
	// Again, and the other way round: nobody is told twice.
	for _, user := range []string{sandbox.Colleague, sandbox.Guest, sandbox.Robot, sandbox.Outsider} {
		s.unreact(user, card, yes)
		s.react(user, card, yes, no, "+1")
	}
	if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen || r.Card.Number != 1 {
		t.Errorf("the request is %s and counted as %+v", r.State, r.Card)
	}
	s.kept()

	s.react(sandbox.Second, card, yes)
	s.finishes(sandbox.Second)
	s.toldOnce(sandbox.Approver, sandbox.Requester, sandbox.Colleague, sandbox.Guest, sandbox.Robot, sandbox.Outsider)
	if got := whispers(s.slack.Snapshot(), sandbox.Second); len(got) > 0 {
		t.Errorf("whoever approved was told %v", got)
	}
}

// TestVeto denies a request. Both keys live, the old request is dead for good,
// and a new one can be approved.
func TestVeto(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	first := s.asked()
	s.react(sandbox.Approver, first, no)
	s.says("*denied* request 1")
	s.says("Revocation pending: both keys live")
	s.closed(first, "denied")
	s.kept()
	if !s.newKeyInUse() {
		t.Error("the new key is not in use everywhere")
	}
	s.shows(s.rotate("status FAL_KEY"), "Revocation pending: both keys live")

	s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
	second := s.card(2)
	s.unreact(sandbox.Approver, first, no)
	s.react(sandbox.Approver, first, yes)
	s.react(sandbox.Second, first, yes)
	// Events come in order: once this one was looked into, so were those before.
	s.react(sandbox.Colleague, second, yes)
	s.told(sandbox.Colleague)
	if r := s.last(); r.State != rotation.Asking || r.Card.Number != 2 || r.Card.State != rotation.CardOpen {
		t.Errorf("marks on the old request counted: %s, %+v", r.State, r.Card)
	}
	s.kept()

	s.react(sandbox.Approver, second, yes)
	s.finishes(sandbox.Approver)
}

// closed waits until a request has lost its call to act, and says why.
func (s *scene) closed(card slack.Message, why string) {
	s.Helper()
	s.until("the request is closed", func(now slack.Snapshot) bool {
		m, found := now.Find(func(m slack.Message) bool { return m.TS == card.TS })
		return found && strings.Contains(m.Text, why) && !strings.Contains(m.Text, "React ✅")
	})
}

// TestExpiry lets a request run out. Whoever approves it afterwards is told,
// and nothing is ended.
func TestExpiry(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "expiry", "2s")
	asked := make(chan string, 2)
	s.world.OnWrite(func(w sandbox.Write) {
		if w.Kind == sandbox.ApprovalCard {
			asked <- w.What
		}
	})
	s.shows(s.rotate("FAL_KEY"), "started")
	card := slack.Message{Channel: sandbox.Channel, TS: <-asked}
	s.says("*expired*")
	s.says("Revocation pending: both keys live")
	s.closed(card, "request expired")
	s.react(sandbox.Approver, card, yes)
	if why := s.told(sandbox.Approver); !strings.Contains(why, "has expired; marks on it are not counted any more. Old key still valid") {
		t.Errorf("the late approver was told: %s", why)
	}
	if r := s.last(); r.State != rotation.Pending || len(r.Card.Approved) > 0 {
		t.Errorf("after a late mark the rotation is %s: %+v", r.State, r.Card)
	}
	s.kept()
}

// ground is something that changes under a request, and what comes of it.
type ground struct {
	change func(*scene, slack.Message) error
	mend   func(*scene, slack.Message) // before the next request is approved
	look   string                      // the call that sees it; reactions.get if empty
	says   string                      // in the thread
	state  rotation.CardState          // of the first request
	retry  bool                        // a person must ask for the next one
}

// grounds are changes that void a request, whether it is open or approved.
func grounds() map[string]ground {
	channel := func(change func(*slack.Channel)) func(*scene, slack.Message) {
		return func(s *scene, m slack.Message) { s.slack.ChangeChannel(m.Channel, change) }
	}
	quiet := func(fn func(*scene, slack.Message)) func(*scene, slack.Message) error {
		return func(s *scene, m slack.Message) error { fn(s, m); return nil }
	}
	return map[string]ground{
		"the channel becomes shared with another company": {
			change: quiet(channel(func(c *slack.Channel) { c.ExtShared = true })),
			mend:   channel(func(c *slack.Channel) { c.ExtShared = false }),
			look:   "conversations.info",
			says:   "shared with another company", state: rotation.CardVoid,
		},
		"an administrator deletes the request": {
			change: func(s *scene, m slack.Message) error { return s.slack.Remove(m.Channel, m.TS) },
			says:   "was deleted", state: rotation.CardVoid,
		},
	}
}

// TestGroundLostBeforeApproval changes the ground under an open request: it no
// longer counts, nothing is ended, and a new one can be asked for.
func TestGroundLostBeforeApproval(t *testing.T) {
	t.Parallel()
	for name, g := range grounds() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{})
			card := s.asked()
			if err := g.change(s, card); err != nil {
				t.Fatal(err)
			}
			_ = s.slack.React(sandbox.Approver, card.Channel, card.TS, yes) // the message may be gone
			if r := s.becomes(rotation.Pending); r.Card.State != g.state {
				t.Errorf("the request is %s", r.Card.State)
			}
			s.says(g.says)
			s.says("Revocation pending: both keys live")
			s.kept()
			if g.mend != nil {
				g.mend(s, card)
			}
			s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
			s.react(sandbox.Approver, s.card(2), yes)
			s.finishes(sandbox.Approver)
		})
	}
}

// TestGroundLostBeforeTheAct approves a request and changes the ground before
// the key is deleted: at the moment when the bot looks for the second time,
// which is the look before the act. Nothing is ended under the old approval.
func TestGroundLostBeforeTheAct(t *testing.T) {
	t.Parallel()
	all := grounds()
	all["the approval is withdrawn"] = ground{
		change: func(s *scene, m slack.Message) error { return s.slack.Unreact(sandbox.Approver, m.Channel, m.TS, yes) },
		says:   "an approval was withdrawn", state: rotation.CardVoid,
	}
	all["another approver vetoes"] = ground{
		change: func(s *scene, m slack.Message) error { return s.slack.React(sandbox.Second, m.Channel, m.TS, no) },
		says:   "*denied* request 1", state: rotation.CardDenied, retry: true,
	}
	all["the approver is deactivated"] = ground{
		change: func(s *scene, _ slack.Message) error {
			s.slack.ChangeUser(sandbox.Approver, func(u *slack.User) { u.Deleted = true })
			return nil
		},
		says: "somebody who approved is not entitled to any more", state: rotation.CardVoid,
	}
	all["the approver becomes a guest"] = ground{
		change: func(s *scene, _ slack.Message) error {
			s.slack.ChangeUser(sandbox.Approver, func(u *slack.User) { u.Guest = true })
			return nil
		},
		says: "somebody who approved is not entitled to any more", state: rotation.CardVoid,
	}
	all["the approver leaves the group"] = ground{
		change: func(s *scene, _ slack.Message) error {
			s.slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = []string{sandbox.Second} })
			return nil
		},
		says: "somebody who approved is not entitled to any more", state: rotation.CardVoid,
	}
	for name, g := range all {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openCalm(t, "poll_cards", "1h", "group_cache", "1ms")
			card := s.asked()
			stop := s.onCall(cmp.Or(g.look, "reactions.get"), 2, func() {
				if err := g.change(s, card); err != nil {
					t.Error(err)
				}
			})
			s.react(sandbox.Approver, card, yes)
			s.says("*approved* request 1")
			s.says(g.says)
			stop()
			if g.retry {
				if r := s.becomes(rotation.Pending); r.Card.State != g.state {
					t.Errorf("the request is %s", r.Card.State)
				}
				s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
			}
			next := s.card(2)
			s.kept()
			if g.mend != nil {
				g.mend(s, card)
			}
			s.react(sandbox.Second, next, yes)
			s.finishes(sandbox.Second)
		})
	}
}
