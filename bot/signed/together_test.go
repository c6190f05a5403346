package signed_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"rekey/bot/signed"
	"rekey/rotation"
	"rekey/state"
)

// batched is an emergency of two secrets that ask on one request: one whose
// approver bob is, and one whose approver nobody is.
func (g *rig) batched() *rotation.Progress {
	g.Helper()
	b := &rotation.Batch{ID: "bbbbbbbbbb", Requester: g.engine.r.Requester, Reason: "the laptop is gone"}
	p := &rotation.Progress{Batch: b}
	var sheets []rotation.Sheet
	for i, name := range []string{"FAL_KEY", "OTHER_KEY"} {
		r := waiting()
		r.ID, r.Secret, r.Batch, r.Cell.Mode = strings.Repeat(string(rune('x'+i)), 10), name, b.Key(), rotation.Emergency
		r.Card.Together = true
		sheets = append(sheets, rotation.Sheet{Rotation: r.ID, Secret: name, Card: 1, Plan: r.PlanHash, Evidence: r.Card.Evidence})
		p.Parts = append(p.Parts, rotation.Part{Member: &rotation.Member{Secret: name, Rotation: r.ID, Begun: true}, Rotation: r, Stand: rotation.Asks})
		g.stores(r.Key())
	}
	b.Cards = []rotation.Sheaf{{Batch: b.Key(), Number: 1, Sheets: sheets}}
	b.Cards[0].Seal()
	g.stores(b.Key())
	g.engine.batch = p
	g.engine.r.State, g.engine.r.Card = rotation.Succeeded, nil
	return p
}

func (g *rig) stores(key string) {
	g.Helper()
	if err := g.store.Create(g.Context(), state.Creation{Key: key, Change: state.Change{Body: []byte("{}")}}); err != nil {
		g.Fatal(err)
	}
}

// decidesAll has somebody decide a batch's request.
func (g *rig) decidesAll(name string, act signed.Act, change ...func(*signed.Statement)) signed.Answer {
	g.Helper()
	c, b := g.as(name), g.engine.batch
	s := c.Fresh(signed.Statement{Act: act, Batch: b.ID, Card: 1, Plan: b.Cards[0].Plans(), Evidence: b.Cards[0].Hash})
	for _, f := range change {
		f(&s)
	}
	return g.send(c, s)
}

// TestTogether: one word for a batch's request counts for each secret by that
// secret's own policy, and is looked at again for each.
func TestTogether(t *testing.T) {
	g := newRig(t)
	p := g.batched()
	status := g.send(g.as("carol"), g.as("carol").Fresh(signed.Statement{Act: signed.Status}))
	if len(status.Requests) != 3 {
		t.Fatalf("%+v", status.Requests)
	}
	q := status.Requests[0]
	if q.Name() != "all" || q.Batch != p.ID || !slices.Equal(q.Secrets, []string{"FAL_KEY", "OTHER_KEY"}) || q.Evidence != p.Cards[0].Hash || status.Requests[1].Within != "all" || !strings.Contains(strings.Join(q.Words, "\n"), "the laptop is gone") {
		t.Errorf("%+v", status.Requests)
	}
	g.says(g.decidesAll("carol", signed.Approve), true, "Your decision does not count")
	g.says(g.decidesAll("alice", signed.Approve), true, "whoever asked")
	g.says(g.decidesAll("bob", signed.Approve), false, "FAL_KEY: approved.")
	one, other := p.Parts[0].Rotation, p.Parts[1].Rotation
	if one.Card.State != rotation.CardApproved || other.Card.State != rotation.CardOpen {
		t.Errorf("%s and %s", one.Card.State, other.Card.State)
	}
	for r, may := range map[*rotation.Rotation]bool{one: true, other: false} {
		m, err := g.desk.Signed(t.Context(), r, 1)
		at := slices.IndexFunc(m, func(m rotation.Mark) bool { return m.Person.ID == "T0ACME/"+bob })
		if err != nil || at < 0 || m[at].Standing.Approver != may || !m[at].Yes {
			t.Errorf("%s: %v, %+v", r.Secret, err, m)
		}
	}
	g.says(g.decidesAll("bob", signed.Deny), false, "FAL_KEY: denied") // in time until the act
	m, err := g.desk.Signed(t.Context(), one, 1)
	if err != nil || slices.ContainsFunc(m, func(m rotation.Mark) bool { return m.Person.ID == "T0ACME/"+bob && m.Yes }) {
		t.Errorf("%v: %+v", err, m)
	}
}

// TestTogetherIsBound: a word for a batch's request counts for that very request,
// and for no card on other evidence.
func TestTogetherIsBound(t *testing.T) {
	g := newRig(t)
	p := g.batched()
	for name, change := range map[string]func(*signed.Statement){
		"another request": func(s *signed.Statement) { s.Card = 2 },
		"another plan":    func(s *signed.Statement) { s.Plan = strings.Repeat("b", 64) },
		"other evidence":  func(s *signed.Statement) { s.Evidence = strings.Repeat("b", 64) },
	} {
		if a := g.decidesAll("bob", signed.Approve, change); !a.Failed || !strings.Contains(strings.Join(a.Lines, ""), "not the one that was asked") {
			t.Errorf("%s: %+v", name, a)
		}
	}
	g.says(g.decidesAll("bob", signed.Approve, func(s *signed.Statement) { s.Batch = "cccccccccc" }), true, "no such emergency")
	g.says(g.decidesAll("bob", signed.Approve), false, "FAL_KEY: approved.")
	one := p.Parts[0].Rotation
	one.Card.Evidence = strings.Repeat("f", 64) // things have changed since
	if m, err := g.desk.Signed(t.Context(), one, 1); err != nil || len(m) > 0 {
		t.Errorf("an approval of other evidence: %v, %v", err, m)
	}
	one.Card.Evidence, one.Card.Together = strings.Repeat("e", 64), false // asked by itself
	if m, err := g.desk.Signed(t.Context(), one, 1); err != nil || len(m) > 0 {
		t.Errorf("an approval of another request: %v, %v", err, m)
	}
}

// TestOneOfTogether: a secret that is asked about on a batch's request may be
// decided by itself, and a no to it beats the yes to all.
func TestOneOfTogether(t *testing.T) {
	g := newRig(t)
	p := g.batched()
	g.engine.policy.Quorum = 2
	one := p.Parts[0].Rotation
	c := g.as("bob")
	by := func(act signed.Act) signed.Answer {
		return g.send(c, c.Fresh(signed.Statement{Act: act, Secret: "FAL_KEY", Rotation: one.ID, Card: 1, Plan: one.PlanHash, Evidence: one.Card.Evidence}))
	}
	g.says(g.decidesAll("bob", signed.Approve), false, "FAL_KEY: your approval is counted")
	g.says(by(signed.Approve), false, "More approvers are needed") // one person, whichever way
	g.says(by(signed.Deny), false, "Denied")
	if one.Card.State != rotation.CardDenied || p.Parts[1].Rotation.Card.State != rotation.CardOpen {
		t.Errorf("%s and %s", one.Card.State, p.Parts[1].Rotation.Card.State)
	}
}

// TestTogetherKeptAndCountedLater: a word for several that could not be counted is
// counted by itself.
func TestTogetherKeptAndCountedLater(t *testing.T) {
	g := newRig(t)
	p := g.batched()
	g.engine.fails = errors.New("in the middle of an act")
	g.says(g.decidesAll("bob", signed.Approve), false, "kept")
	g.engine.fails = nil
	if err := g.desk.SettleOnce(t.Context()); err != nil || p.Parts[0].Rotation.Card.State != rotation.CardApproved {
		t.Errorf("%v; the request is %s", err, p.Parts[0].Rotation.Card.State)
	}
}
