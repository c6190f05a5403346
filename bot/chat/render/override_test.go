package render

import (
	"testing"

	"rekey/rotation"
	"rekey/rotation/event"
)

// TestOverriddenProof: a stop at a proof that cannot be had has a button, others
// have none; the word that was taken stands on the card, and calls nobody.
func TestOverriddenProof(t *testing.T) {
	r := stuck()
	r.State, r.Problem = rotation.Stuck, &rotation.Problem{Step: "prove(production)", What: "It could not be measured.", Next: "Look."}
	e := event.Event{Kind: event.Stopped, Step: "prove(production)", Text: "It could not be measured."}
	if overridden(r, e) != nil {
		t.Error("a stop that was disproved can be taken over")
	}
	r.Problem.Untold = true
	holds(t, "the stop", Urgent(r, e, Audience{}), "Go on without this proof …", "rekey/1/override")
	if e.Step = "deploy(production)"; overridden(r, e) != nil {
		t.Error("an earlier stop can be taken over")
	}
	asked := asking(true)
	asked.Proofs[rotation.Production] = rotation.Certificate{Kind: rotation.Overridden, Affected: "not proved: <@U9> took it over because “its endpoint is off”"}
	card := event.Event{Kind: event.Card, Card: asked.Card.Number}
	holds(t, "the card", Card(asked, card, Audience{}), "not proved:", "took it over because “its endpoint is off”")
	holds(t, "the line", Lines(r, []event.Event{{Kind: event.Overridden, By: "T1/U9", Step: "watch", Facts: map[string]string{"reason": "*off*"}}}), "went on without", "∗off∗")
}
