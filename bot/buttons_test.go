//go:build !release

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
)

// The buttons of a request, and the field of the modal behind the second.
const (
	approveButton = "rekey/1/approve"
	denyButton    = "rekey/1/deny"
	reasonField   = "reason"
)

// press clicks a button of a message as one who has not seen its last edit.
func (s *scene) press(user string, m slack.Message, button string) {
	s.Helper()
	p := slack.Press{Channel: m.Channel, TS: m.TS, Action: button, Value: "as it was"}
	if _, err := s.slack.Click(s.ctx, user, p); err != nil {
		s.Fatalf("%s pressing %s: %v", user, button, err)
	}
}

// asksWhy presses Deny and waits for the modal.
func (s *scene) asksWhy(user string, m slack.Message) slack.View {
	s.Helper()
	s.press(user, m, denyButton)
	var v slack.View
	s.until(user+" is asked why", func(slack.Snapshot) bool {
		open := s.slack.Views(user)
		if len(open) > 0 {
			v = open[0]
		}
		return len(open) > 0
	})
	return v
}

// denies denies with a reason.
func (s *scene) denies(user string, m slack.Message, reason string) slack.Sent {
	s.Helper()
	sent, err := s.slack.Submit(s.ctx, user, s.asksWhy(user, m).ID, map[string]string{reasonField: reason})
	if err != nil {
		s.Fatalf("%s denying: %v", user, err)
	}
	return sent
}

// answeredWith waits for what a person is told after a click.
func (s *scene) answeredWith(user, text string) {
	s.Helper()
	s.until(user+" is answered", func(now slack.Snapshot) bool {
		got := answers(now, user)
		return len(got) > 0 && strings.Contains(got[len(got)-1].Text, text)
	})
}

// hears waits until a person was told something privately, among other things.
func (s *scene) hears(user, text string) {
	s.Helper()
	s.until(fmt.Sprintf("%s hears %q", user, text), func(now slack.Snapshot) bool {
		return slices.ContainsFunc(whispers(now, user), func(m slack.Message) bool { return strings.Contains(m.Text, text) })
	})
}

// bare holds that a request has lost its buttons.
func (s *scene) bare(m slack.Message) {
	s.Helper()
	if now, _ := s.slack.Message(m.Channel, m.TS); len(now.Actions()) > 0 {
		s.Errorf("a request that is over still has buttons: %s", now.Blocks)
	}
}

// by holds on which paths a request was approved.
func (s *scene) by(paths ...string) {
	s.Helper()
	var got []string
	for _, v := range s.last().Card.Approved {
		got = append(got, v.Path)
	}
	if fmt.Sprint(got) != fmt.Sprint(paths) {
		s.Errorf("approved by %v, not by %v", got, paths)
	}
}

// TestClicksThatDoNotCount lets everybody press both buttons of a request who
// may not decide it. Each is told why once; then it is approved by a click.
func TestClicksThatDoNotCount(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	s.slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = append(g.Users, sandbox.Requester, sandbox.Guest) })
	card := s.asked()
	for user, why := range map[string]string{
		sandbox.Requester: "whoever asked for a rotation does not approve it",
		sandbox.Colleague: "you are not on the approver list",
		sandbox.Guest:     "you are seen as: guest",
		sandbox.Robot:     "you are seen as: bot",
		sandbox.Outsider:  "you are seen as: external",
	} {
		s.press(user, card, approveButton)
		if got := s.told(user); !strings.Contains(got, why) {
			t.Errorf("%s was told: %s", user, got)
		}
	}
	for _, user := range []string{sandbox.Colleague, sandbox.Guest, sandbox.Outsider} {
		s.denies(user, card, "I would rather not")
	}
	if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen || r.Card.Number != 1 {
		t.Errorf("the request is %s and counted as %+v", r.State, r.Card)
	}
	s.kept()

	s.press(sandbox.Second, card, approveButton)
	s.finishes(sandbox.Second)
	s.by("button")
	s.bare(card)
	s.toldOnce(sandbox.Requester, sandbox.Colleague, sandbox.Guest, sandbox.Robot, sandbox.Outsider)
	if got := whispers(s.slack.Snapshot(), sandbox.Second); len(got) > 0 {
		t.Errorf("whoever approved was told %v", got)
	}
	s.press(sandbox.Approver, card, approveButton)
	s.answeredWith(sandbox.Approver, "This rotation is over. Your click did nothing.")
}

// TestDenyByModal denies with a reason what somebody has approved by emoji. The
// next request is approved by two: one of them by both paths, who counts once.
func TestDenyByModal(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "quorum", "2")
	first := s.asked()
	s.react(sandbox.Approver, first, yes)

	view := s.asksWhy(sandbox.Second, first)
	key := "sk-ant-api03-" + strings.Repeat("Zm9vYmFy", 5)
	s.pasted = append(s.pasted, scan.Secret{Name: "a reason", Value: key})
	sent, err := s.slack.Submit(s.ctx, sandbox.Second, view.ID, map[string]string{reasonField: "it was " + key})
	if err != nil || !sent.Open || !strings.Contains(sent.Errors[reasonField], "treat it as leaked") {
		t.Errorf("a key in a reason: %+v, %v", sent, err)
	}
	sent, err = s.slack.Submit(s.ctx, sandbox.Second, view.ID, map[string]string{reasonField: "A release is\n*going out* <@U0ANN> & <!here>"})
	if err != nil || sent.Open {
		t.Fatalf("denying: %+v, %v", sent, err)
	}
	said := s.says("*denied* request 1 (button)")
	s.shows(said, "Reason: “A release is ∗going out∗ &lt;@U0ANN&gt; &amp; &lt;!here&gt;”", "Revocation pending: both keys live")
	s.closed(first, "denied")
	s.bare(first)
	s.kept()
	if r := s.becomes(rotation.Pending); r.Card.Denied.Reason != "A release is\n*going out* <@U0ANN> & <!here>" || r.Card.Denied.Path != "button" {
		t.Errorf("denied by %+v", r.Card.Denied)
	}
	s.press(sandbox.Approver, first, approveButton)
	s.answeredWith(sandbox.Approver, "was denied; marks on it are not counted any more. Old key still valid")

	s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
	second := s.card(2)
	s.press(sandbox.Approver, first, approveButton)
	s.answeredWith(sandbox.Approver, "A later request in this thread took the place of this one")
	s.react(sandbox.Approver, second, yes)
	s.press(sandbox.Approver, second, approveButton)
	s.hears(sandbox.Approver, "Your approval is counted. More approvers are needed")
	s.kept()
	s.press(sandbox.Second, second, approveButton)
	s.finishes(sandbox.Approver, sandbox.Second)
	s.by("button", "button")
	s.bare(second)
}

// TestALateClick lets a request run out. A click afterwards does nothing and
// says so, and the modal of somebody who was slower than the request as well.
func TestALateClick(t *testing.T) {
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
	s.closed(card, "request expired")
	s.bare(card)
	for _, button := range []string{approveButton, denyButton} {
		s.press(sandbox.Approver, card, button)
		s.answeredWith(sandbox.Approver, "has expired; marks on it are not counted any more. Old key still valid")
	}
	if r := s.last(); r.State != rotation.Pending || len(r.Card.Approved) > 0 {
		t.Errorf("after a late click the rotation is %s: %+v", r.State, r.Card)
	}
	s.kept()
}

// decided is what is stored of the clicks of a rotation, and a way to change it
// as somebody could who holds the store.
func (s *scene) decided(change func(stored map[string][]byte) (name string, body []byte)) {
	s.Helper()
	_, store, err := s.reader(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	defer closing(quiet, "Redis", store)
	key := s.last().Key()
	stored, err := store.Decisions(s.ctx, key)
	if err != nil {
		s.Fatal(err)
	}
	name, body := change(stored)
	if err := store.Decide(s.ctx, key, name, body); err != nil {
		s.Error(err)
	}
}

// TestForgedClicks has somebody write clicks into the store: one of their own
// making, and an honest one of an earlier request under the name of the next.
// Neither counts, both are logged.
func TestForgedClicks(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "quorum", "2")
	first := s.asked()
	s.press(sandbox.Approver, first, approveButton)
	s.told(sandbox.Approver)
	s.denies(sandbox.Second, first, "once more, please")
	s.becomes(rotation.Pending)
	s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
	second := s.card(2)

	s.decided(func(stored map[string][]byte) (string, []byte) {
		return "2/" + sandbox.Approver, stored["1/"+sandbox.Approver]
	})
	s.decided(func(stored map[string][]byte) (string, []byte) {
		forged := bytes.ReplaceAll(stored["1/"+sandbox.Approver], []byte(`card\":1`), []byte(`card\":2`))
		return "2/" + sandbox.Second, bytes.ReplaceAll(forged, []byte(sandbox.Approver), []byte(sandbox.Second))
	})
	s.press(sandbox.Colleague, second, approveButton) // so that somebody looks
	s.told(sandbox.Colleague)
	if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen {
		t.Errorf("forged clicks counted: %s, %+v", r.State, r.Card)
	}
	s.kept()
	s.logged("it was made on another request", "its seal is wrong")

	s.react(sandbox.Second, second, yes)
	s.press(sandbox.Approver, second, approveButton)
	s.finishes(sandbox.Approver, sandbox.Second)
	s.by("button", "emoji")
}

// logged holds that the bot logged what it did not count, and why.
func (s *scene) logged(whys ...string) {
	s.Helper()
	out, err := io.ReadAll(s.bot.output())
	if err != nil {
		s.Fatal(err)
	}
	for _, why := range whys {
		if !strings.Contains(string(out), "a stored click is not counted") || !strings.Contains(string(out), why) {
			s.Errorf("the bot did not log %q", why)
		}
	}
}

// TestClickLostBeforeTheAct approves by a click and changes the ground before
// the key is deleted. Nothing is ended under the old approval.
func TestClickLostBeforeTheAct(t *testing.T) {
	t.Parallel()
	for name, g := range map[string]ground{
		"the approver leaves the group": {
			change: func(s *scene, _ slack.Message) error {
				s.slack.ChangeGroup(sandbox.Approvers, func(g *slack.Group) { g.Users = []string{sandbox.Second} })
				return nil
			},
			says: "somebody who approved is not entitled to any more",
		},
		"the approver is deactivated": {
			change: func(s *scene, _ slack.Message) error {
				s.slack.ChangeUser(sandbox.Approver, func(u *slack.User) { u.Deleted = true })
				return nil
			},
			says: "somebody who approved is not entitled to any more",
		},
		"the click is replaced in the store": {
			change: func(s *scene, _ slack.Message) error {
				s.decided(func(stored map[string][]byte) (string, []byte) {
					return "1/" + sandbox.Approver, bytes.Replace(stored["1/"+sandbox.Approver], []byte(`"seal":"`), []byte(`"seal":"00`), 1)
				})
				return nil
			},
			says: "an approval was withdrawn",
		},
		"whoever clicked reacts with a no": {
			change: func(s *scene, m slack.Message) error { return s.slack.React(sandbox.Approver, m.Channel, m.TS, no) },
			says:   "*denied* request 1 (emoji)", retry: true,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openCalm(t, "poll_cards", "1h", "group_cache", "1ms")
			card := s.asked()
			stop := s.onCall("reactions.get", 2, func() {
				if err := g.change(s, card); err != nil {
					t.Error(err)
				}
			})
			s.press(sandbox.Approver, card, approveButton)
			s.says("*approved* request 1 (button)")
			s.says(g.says)
			stop()
			if g.retry {
				s.becomes(rotation.Pending)
				s.shows(s.rotate("retry FAL_KEY"), "Retry noted")
			}
			next := s.card(2)
			s.kept()
			s.press(sandbox.Second, next, approveButton)
			s.finishes(sandbox.Second)
			s.by("button")
		})
	}
}

// TestClicksThatComeTwiceOrBarely delivers one click twice, and one whose socket
// breaks with its arrival: the person sees a failure, and what was stored counts.
func TestClicksThatComeTwiceOrBarely(t *testing.T) {
	t.Parallel()
	s := openCalm(t, "quorum", "2")
	card := s.asked()
	s.slack.Disturb(slack.Disturbance{Kind: "interactive", How: slack.Redeliver})
	s.press(sandbox.Approver, card, approveButton)
	s.hears(sandbox.Approver, "Your approval is counted")
	s.slack.Disturb(slack.Disturbance{Kind: "interactive", How: slack.LoseAck})
	p := slack.Press{Channel: card.Channel, TS: card.TS, Action: approveButton}
	if _, err := s.slack.Click(s.ctx, sandbox.Second, p); !errors.Is(err, slack.ErrOperationTimeout) {
		t.Errorf("a click whose acknowledgement is lost: %v", err)
	}
	s.finishes(sandbox.Approver, sandbox.Second)
	s.by("button", "button")
}

// TestAModalThatSlackDoesNotOpen tells the person of the other way, which works.
func TestAModalThatSlackDoesNotOpen(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{})
	card := s.asked()
	s.slack.Faults.Inject("views", wire.Fault{Match: wire.Match{Path: "/api/views.open"}, Limit: 1, Do: instead(status(http.StatusInternalServerError))})
	s.press(sandbox.Approver, card, denyButton)
	s.answeredWith(sandbox.Approver, "React ❌ on the request: that denies it as well.")
	s.react(sandbox.Approver, card, no)
	s.becomes(rotation.Pending)
	s.kept()
}
