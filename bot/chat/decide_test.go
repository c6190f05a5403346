package chat

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"rekey/bot/chat/render"
	"rekey/internal/secret"
	"rekey/rotation"
)

// press sends a click on a message and waits for its acknowledgement.
func (l *live) press(t *testing.T, id, user, control, ts string) {
	t.Helper()
	l.line.send(t, id, "interactive", clickOn(l, user, render.ControlID(control), ts))
	l.slack.await(t, "acknowledged", l.line.acked(id))
}

func (l *live) answered(t *testing.T, what string) {
	t.Helper()
	l.slack.await(t, "answered "+what, func() bool {
		return len(l.slack.answers) > 0 && strings.Contains(l.slack.answers[len(l.slack.answers)-1], what)
	})
}

// state waits for what becomes of the request.
func (l *live) becomes(t *testing.T, want rotation.CardState) rotation.Card {
	t.Helper()
	var got rotation.Card
	l.slack.await(t, "the request is "+string(want), func() bool {
		r, _ := l.engine.Load(t.Context(), key)
		got = *r.Card
		return got.State == want
	})
	return got
}

func TestAClickApproves(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.press(t, "e1", "U0BEN", render.Approve, ts)
	if l.store.decisions() != 1 {
		t.Error("acknowledged before it was stored")
	}
	card := l.becomes(t, rotation.CardApproved)
	if card.Approved[0].Person.ID != "T1/U0BEN" || card.Approved[0].Path != "button" {
		t.Errorf("approved by %+v", card.Approved)
	}
	l.slack.await(t, "the card has no controls", func() bool {
		m := l.slack.at(channel, ts)
		return m.edits > 0 && !strings.Contains(m.blocks, "rekey/1/") && strings.Contains(m.text, "Approved by <@U0BEN> (button")
	})
	l.slack.with(func() {
		if len(l.slack.answers)+len(l.slack.whispers) > 0 {
			t.Errorf("whoever approved was told %v %v", l.slack.answers, l.slack.whispers)
		}
	})
}

// A click that cannot be stored is not acknowledged and decides nothing.
func TestAClickThatCannotBeStored(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.slack.with(func() {
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		l.store.down = errStoreDown
	})
	l.line.send(t, "e1", "interactive", clickOn(l, "U0BEN", render.ControlID(render.Approve), ts))
	l.answered(t, "could not confirm that just now")
	l.slack.with(func() {
		if l.line.acked("e1")() {
			t.Error("it was acknowledged")
		}
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		l.store.down = nil
	})
}

// Who may not decide is told once, privately, however often they click.
func TestAClickIsRefused(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	for i, user := range []string{"U0DAN", "U0ANNA", "U0DAN"} {
		l.press(t, fmt.Sprint("e", i), user, render.Approve, ts)
	}
	l.slack.await(t, "both are told", func() bool { return len(l.slack.whispers) == 2 })
	l.press(t, "e9", "U0BEN", render.Approve, ts)
	l.becomes(t, rotation.CardApproved)
	told := map[string]string{}
	l.slack.with(func() {
		for _, w := range l.slack.whispers {
			told[w.user] += w.text + "\n"
		}
	})
	if strings.Count(fmt.Sprint(told), "\n") != 2 || !strings.Contains(told["U0DAN"], "not on the approver list") || !strings.Contains(told["U0ANNA"], "does not approve it") {
		t.Errorf("told %v", told)
	}
}

// Of two approvers the first one hears that the click is counted.
func TestAClickOfTwo(t *testing.T) {
	l := newLive(t)
	l.engine.policy.Quorum = 2
	l.run(t)
	ts := l.liveCard(t)
	l.press(t, "e1", "U0BEN", render.Approve, ts)
	l.slack.await(t, "told", func() bool {
		return len(l.slack.whispers) == 1 && l.slack.whispers[0].user == "U0BEN" && l.slack.whispers[0].text == notedText
	})
	l.press(t, "e2", "U0CARA", render.Approve, ts)
	if card := l.becomes(t, rotation.CardApproved); len(card.Approved) != 2 {
		t.Errorf("approved by %+v", card.Approved)
	}
}

// A button on a message that asks nothing any more does nothing and says so.
func TestAClickOnADeadRequest(t *testing.T) {
	over := func(state rotation.CardState) func(r *rotation.Rotation) {
		return func(r *rotation.Rotation) { r.Card.State, r.State = state, rotation.Pending }
	}
	tests := map[string]struct {
		change func(r *rotation.Rotation)
		ts     string // instead of the card's
		want   string
	}{
		"denied":  {change: over(rotation.CardDenied), want: "was denied; marks on it are not counted any more. Old key still valid"},
		"expired": {change: over(rotation.CardExpired), want: "has expired"},
		"void":    {change: over(rotation.CardVoid), want: "is void"},
		"approved": {change: func(r *rotation.Rotation) {
			r.Card.State, r.State, r.Ends = rotation.CardApproved, rotation.Running, map[string]rotation.Ending{"": {}}
		}, want: "approved already"},
		"replaced": {change: func(r *rotation.Rotation) { r.Card.Number = 2 }, want: "A later request in this thread"},
		"over":     {change: func(r *rotation.Rotation) { r.State = rotation.Succeeded }, want: "This rotation is over"},
		"a copy":   {ts: "1699999999.000001", want: "Rekey waits for nothing on this message"},
		"the root": {ts: "root", want: "Rekey waits for nothing on this message"},
	}
	for name, tt := range tests {
		for _, control := range []string{render.Approve, render.Deny} {
			t.Run(name+"/"+control, func(t *testing.T) {
				l := newLive(t)
				l.run(t)
				ts := l.liveCard(t)
				switch tt.ts {
				case "":
				case "root":
					ts = l.ref("root")
				default:
					ts = tt.ts
				}
				if tt.change != nil {
					l.engine.set(key, tt.change)
				}
				l.press(t, "e1", "U0BEN", control, ts)
				l.answered(t, tt.want)
				if l.store.decisions() > 0 || len(l.slack.called("views.open")) > 0 {
					t.Error("it did something")
				}
			})
		}
	}
}

// opened presses Deny and returns the modal.
func (l *live) opened(t *testing.T, user, ts string) map[string]any {
	t.Helper()
	l.press(t, "open", user, render.Deny, ts)
	l.slack.await(t, "the modal is open", func() bool { return len(l.slack.views) == 1 })
	return l.slack.views[0]
}

func TestDenyWithAReason(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	view := l.opened(t, "U0CARA", ts)
	if view["callback_id"] != "rekey/1/deny" || view["private_metadata"] != channel+"/"+ts || l.store.decisions() > 0 {
		t.Errorf("the modal is %v; stored %d", view, l.store.decisions())
	}
	l.line.send(t, "e1", "interactive", modalOf("U0CARA", "rekey/1/deny", channel+"/"+ts, render.ReasonBlock, "  a release is\ngoing out  "))
	l.slack.await(t, "acknowledged", l.line.acked("e1"))
	if got := strings.TrimSpace(string(l.line.acks["e1"])); got != "" && got != "null" || l.store.decisions() != 1 {
		t.Errorf("acknowledged with %s; stored %d", got, l.store.decisions())
	}
	card := l.becomes(t, rotation.CardDenied)
	if card.Denied.Person.ID != "T1/U0CARA" || card.Denied.Path != "button" || card.Denied.Reason != "a release is\ngoing out" {
		t.Errorf("denied by %+v", card.Denied)
	}
	l.slack.await(t, "the card says why", func() bool {
		m := l.slack.at(channel, ts)
		return strings.Contains(m.text, "Reason: “a release is going out”") && !strings.Contains(m.blocks, "rekey/1/")
	})
}

// A modal that is not opened is told; there is another way.
func TestAModalThatDoesNotOpen(t *testing.T) {
	for name, f := range map[string]fault{
		"refused": {word: "expired_trigger_id"}, "down": {status: 500}, "a proxy": {body: `{"ok":true}`}, "lost": {body: "<html>"},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.run(t)
			ts := l.liveCard(t)
			l.slack.fail("views.open", f)
			l.press(t, "e1", "U0BEN", render.Deny, ts)
			l.answered(t, "React ❌ on the request: that denies it as well.")
		})
	}
}

// What is wrong with a reason stands under the field; nothing of it is stored.
func TestReasonsThatAreRefused(t *testing.T) {
	pasted := "sk-ant-api03-Zm9vYmFyYmF6cXV4-AA"
	tests := map[string]struct {
		reason string
		change func(r *rotation.Rotation)
		want   string
	}{
		"nothing":          {reason: " \n ", want: "Say why in a few words"},
		"too long":         {reason: strings.Repeat("é", render.ReasonLimit+1), want: "at most 500 characters"},
		"a key":            {reason: "it leaked: " + pasted, want: "treat it as leaked"},
		"denied meanwhile": {reason: "no", change: func(r *rotation.Rotation) { r.Card.State, r.State = rotation.CardDenied, rotation.Pending }, want: "was denied"},
		"another request":  {reason: "no", change: func(r *rotation.Rotation) { r.Card.Number = 2 }, want: "A later request"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.run(t)
			ts := l.liveCard(t)
			l.opened(t, "U0BEN", ts)
			if tt.change != nil {
				l.engine.set(key, tt.change)
			}
			l.line.send(t, "e1", "interactive", modalOf("U0BEN", "rekey/1/deny", channel+"/"+ts, render.ReasonBlock, tt.reason))
			l.slack.await(t, "acknowledged", l.line.acked("e1"))
			var said struct {
				Action string            `json:"response_action"`
				Errors map[string]string `json:"errors"`
			}
			if err := json.Unmarshal(l.line.acks["e1"], &said); err != nil || said.Action != "errors" || !strings.Contains(said.Errors[render.ReasonBlock], tt.want) {
				t.Errorf("acknowledged with %s (%v)", l.line.acks["e1"], err)
			}
			if l.store.decisions() > 0 {
				t.Error("something was stored")
			}
			everything := l.log.String() + l.everything("e1")
			for _, form := range secret.Forms(pasted) {
				if strings.Contains(everything, form) {
					t.Errorf("the pasted key went on")
				}
			}
		})
	}
	// An honest reason at its limit is taken.
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.line.send(t, "e1", "interactive", modalOf("U0BEN", "rekey/1/deny", channel+"/"+ts, render.ReasonBlock, strings.Repeat("no ", render.ReasonLimit/3)))
	l.becomes(t, rotation.CardDenied)
}

// everything is what went to Slack and stands among the hints.
func (l *live) everything(envelope string) string {
	hints, _ := l.store.Hints(context.Background(), 0, 100)
	l.slack.mu.Lock()
	defer l.slack.mu.Unlock()
	return fmt.Sprint(l.slack.answers, l.slack.calls, l.slack.whispers, hints, string(l.line.acks[envelope]))
}

// A private_metadata of somebody else's making denies nothing.
func TestAModalOfNoRequest(t *testing.T) {
	for _, private := range []string{"", "/", "C0OPS", channel + "/1.1", "{}"} {
		l := newLive(t)
		l.run(t)
		l.liveCard(t)
		l.line.send(t, "e1", "interactive", modalOf("U0BEN", "rekey/1/deny", private, render.ReasonBlock, "no"))
		l.slack.await(t, "acknowledged", l.line.acked("e1"))
		if got := string(l.line.acks["e1"]); !strings.Contains(got, "Rekey waits for nothing") || l.store.decisions() > 0 {
			t.Errorf("%q: acknowledged with %s", private, got)
		}
	}
}

// Until the end is under way a no is heard after an approval, too.
func TestDenyAfterTheApproval(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.press(t, "e1", "U0BEN", render.Approve, ts)
	l.becomes(t, rotation.CardApproved)
	l.line.send(t, "e2", "interactive", modalOf("U0BEN", "rekey/1/deny", channel+"/"+ts, render.ReasonBlock, "not yet"))
	l.slack.await(t, "acknowledged", l.line.acked("e2"))
	r, _ := l.engine.Load(t.Context(), key)
	r.Card.State = rotation.CardOpen // as it is counted again before the act
	m, err := l.chat.Ballot().Marks(t.Context(), r, 1)
	if err != nil {
		t.Fatal(err)
	}
	if got := l.engine.policy.Count(r.Requester, *r.Card, m, r.Started); got.State != rotation.CardDenied || got.Veto.Reason != "not yet" {
		t.Errorf("before the act: %+v", got)
	}
}
