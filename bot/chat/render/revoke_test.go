package render

import (
	"strings"
	"testing"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
)

// TestRevokeFirstCards: the request says what the outage costs, the one about the
// vault takes three answers, and each has an end form of its own.
func TestRevokeFirstCards(t *testing.T) {
	r := asking(true)
	r.Cell = rotation.Cell{Mode: rotation.Emergency, Shape: r.Cell.Shape, Shared: true, RevokeFirst: true}
	r.Proofs = nil
	for env, p := range r.Places {
		p.New, p.After = rotation.Known{}, nil
		r.Places[env] = p
	}
	r.Reason = "the vault is open"
	r.Card = &rotation.Card{Number: 1, State: rotation.CardOpen, Outage: "It fails for a while.", Harm: "Browsers fail, too."}
	first := Card(r, event.Event{Kind: event.Card, Card: 1, Facts: map[string]string{"outage": "It fails for a while."}}, Audience{})
	holds(t, "the request", first, "before there is a new one?", "It fails for a while.", "*Breaks with it:* Browsers fail, too.", "Old key still valid. Nothing was changed.", "somebody has to say that the vault is closed", "does not expire")

	r.Allowed = r.Card
	r.Allowed.State = rotation.CardApproved
	r.Ends = map[string]rotation.Ending{"": {ID: "key-old", Sent: time.Now(), Dead: time.Now()}}
	r.Card = &rotation.Card{Number: 2, State: rotation.CardOpen, About: rotation.AboutVault}
	about := Card(r, event.Event{Kind: event.Card, Card: 2, Facts: map[string]string{"about": rotation.AboutVault}}, Audience{})
	holds(t, "the question", about, "vault is closed to whoever", "⚪", "The vault was not the leak", "no working key", "Still open")
	if m := DenyModal(r, "x"); m.Title.Text != "The vault is open" {
		t.Errorf("a no is called %q", m.Title.Text)
	}
	holds(t, "the first, closed", Closed(r, 1), "approved")
	for state, want := range map[rotation.CardState]string{
		rotation.CardApproved: "The vault was not the leak, said", rotation.CardDenied: "said that it is still open", rotation.CardVoid: "no longer counts",
	} {
		r.Card.State = state
		r.Card.Approved = []rotation.Vote{{Person: r.Requester, Answer: rotation.VaultNotLeak}}
		r.Card.Denied = &r.Card.Approved[0]
		holds(t, string(state), Closed(r, 2), want)
	}
}

func holds(t *testing.T, name string, m Message, parts ...string) {
	t.Helper()
	all := m.Text + string(asSent(t, m))
	for _, p := range parts {
		if !strings.Contains(all, p) {
			t.Errorf("%s does not say %q:\n%s", name, p, all)
		}
	}
}
