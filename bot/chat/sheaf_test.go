package chat

import (
	"strings"
	"testing"
	"time"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/rotation/event"
)

const otherKey = "rotation/b7xq2m3k9a"

// asksTogether puts a batch into the outbox whose two rotations are asked about on
// one card. The second one's approver is U0DAN, who may not approve the first.
func (l *live) asksTogether(t *testing.T) (ts string) {
	t.Helper()
	l.engine.mu.Lock()
	other := record()
	other.ID, other.Secret = "b7xq2m3k9a", "MEM0_API_KEY"
	l.engine.all[otherKey] = other
	b := &rotation.Batch{ID: "k3v9q2m7xb", Requester: other.Requester, Reason: "a laptop", Started: time.Now(), Members: []rotation.Member{{Secret: "FAL_KEY"}, {Secret: "MEM0_API_KEY"}}}
	s := rotation.Sheaf{Batch: severalKey, Number: 1, Asked: time.Now()}
	for i, r := range []*rotation.Rotation{l.engine.all[key], other} {
		r.Batch, r.State = severalKey, rotation.Asking
		r.Card = &rotation.Card{Number: 1, State: rotation.CardOpen, Evidence: strings.Repeat("e", i+1), Together: true}
		s.Sheets = append(s.Sheets, rotation.Sheet{Rotation: r.ID, Secret: r.Secret, Card: 1, Plan: r.PlanHash, Evidence: r.Card.Evidence})
	}
	s.Seal()
	b.Cards = []rotation.Sheaf{s}
	l.engine.several = func() *rotation.Progress {
		p := &rotation.Progress{Batch: b}
		for i, r := range []*rotation.Rotation{l.engine.all[key], other} {
			p.Parts = append(p.Parts, rotation.Part{Member: &b.Members[i], Rotation: copied(r), Stand: rotation.Asks})
		}
		return p
	}
	l.engine.mu.Unlock()
	l.store.tell(severalKey, event.Event{Kind: event.Started}, event.Event{Kind: event.Card, Card: 1, Text: "May they end?"})
	ref := func() string {
		l.store.mu.Lock()
		defer l.store.mu.Unlock()
		at, _ := placeOf(l.store.refs[severalKey]["card/1"])
		return at.ts
	}
	l.slack.await(t, "the request is posted and seeded", func() bool {
		m := l.slack.at(channel, ref())
		return m != nil && len(m.reactions["x"]) == 1
	})
	return ref()
}

func (l *live) cardOf(k string) rotation.Card {
	l.engine.mu.Lock()
	defer l.engine.mu.Unlock()
	return *l.engine.all[k].Card
}

func perSecret(c *Config) {
	c.PerSecret = func(secret string) People {
		if secret == "MEM0_API_KEY" {
			return People{Users: []string{"U0DAN"}}
		}
		return People{}
	}
}

// TestASheafCountsForEachSecret: one request, and of whom it counts is each
// secret's own: by emoji for one, by button for the other.
func TestASheafCountsForEachSecret(t *testing.T) {
	l := newLive(t, perSecret)
	l.run(t)
	ts := l.asksTogether(t)
	l.slack.react(ts, "white_check_mark", "U0BEN")
	l.line.send(t, "e1", "events_api", reaction("reaction_added", "U0BEN", "white_check_mark", ts, nil))
	l.slack.await(t, "the first is approved", func() bool { return l.cardOf(key).State == rotation.CardApproved })
	if c := l.cardOf(otherKey); c.State != rotation.CardOpen {
		t.Fatalf("whoever may not approve it approved the other: %+v", c)
	}
	l.press(t, "e2", "U0DAN", render.Approve, ts)
	l.slack.await(t, "the other is approved", func() bool { return l.cardOf(otherKey).State == rotation.CardApproved })
	if c := l.cardOf(otherKey); c.Approved[0].Person.ID != "T1/U0DAN" || c.Approved[0].Path != "button" {
		t.Errorf("approved by %+v", c.Approved)
	}
	l.slack.await(t, "the request has no controls", func() bool {
		m := l.slack.at(channel, ts)
		return m.edits > 0 && !strings.Contains(m.blocks, "rekey/1/")
	})
	r, _ := l.engine.Load(t.Context(), otherKey)
	for name, change := range map[string]func(*rotation.Rotation){
		"as approved":    func(*rotation.Rotation) {},
		"other evidence": func(r *rotation.Rotation) { r.Card.Evidence = "f" },
		"no sheaf":       func(r *rotation.Rotation) { r.Sheaf = nil },
	} {
		again := copied(r)
		again.Sheaf = &l.engine.several().Cards[0]
		change(again)
		m, err := l.chat.Ballot().Marks(t.Context(), again, 1)
		stands := err == nil && m.Live && len(m.Marks) > 0
		if stands != (name == "as approved") {
			t.Errorf("%s: %+v, %v", name, m, err)
		}
	}
}

// TestASheafIsDenied: one no, with a reason, keeps what the person may decide.
func TestASheafIsDenied(t *testing.T) {
	l := newLive(t, perSecret)
	l.run(t)
	ts := l.asksTogether(t)
	l.line.send(t, "e1", "interactive", modalOf("U0BEN", render.ControlID(render.Deny), channel+"/"+ts, render.ReasonBlock, "a release is going out"))
	l.slack.await(t, "the first is denied", func() bool { return l.cardOf(key).State == rotation.CardDenied })
	if c := l.cardOf(key); c.Denied.Reason != "a release is going out" || l.cardOf(otherKey).State != rotation.CardOpen {
		t.Errorf("%+v, the other is %s", c, l.cardOf(otherKey).State)
	}
}
