package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// endByHand asks a person to end the old credential, under an approval that
// stands now, and again when it is still accepted later. It may be entered
// again: asking twice ends nothing twice. What proves the end is confirm dead,
// as ever.
func (w *run) endByHand(ctx context.Context, s Step) (outcome, error) {
	guide, err := capability[providers.EndGuide](ctx, w, "asking a person to end the old credential")
	if err != nil {
		return outcome{}, err
	}
	if err := w.standing(ctx, s); err != nil {
		return w.fallen(ctx, s, err)
	}
	id, err := w.certain(s)
	if err != nil {
		return outcome{}, err
	}
	told, err := guide.GuideEnd(scopeOf(s), id)
	if err != nil {
		return outcome{}, err
	}
	e := w.r.Ends[s.Environment]
	e.revived() // what was proved before proves nothing of this end
	e.Tries++
	e.ID, e.Sent = id, time.Now()
	w.ending(s, e)
	w.r.visits(Visit{Environment: s.Environment, Ends: true, Console: told.Console, Key: w.oldOf(s).Shown(), Asked: e.Sent})
	if !telling(e.Tries) {
		return finished("")
	}
	return outcome{done: true, events: []event.Event{w.farewell(s, told)}}, nil
}

// farewell is what people are told to do, click by click.
func (w *run) farewell(s Step, g providers.Guidance) event.Event {
	var text strings.Builder
	fmt.Fprintf(&text, "A person has to end %s: %s has no other way. The approval for it stands.", w.oldOf(s).Shown(), w.r.Traits.Service)
	for i, step := range append([]string{"Open " + g.Console}, g.Steps...) {
		fmt.Fprintf(&text, "\n%d. %s", i+1, step)
	}
	text.WriteString("\nNobody needs to tell Rekey: it asks the service now and then whether the old key is dead. ")
	if w.r.Wrote(scopeOf(s)) {
		text.WriteString("Until then it lives beside the new one, which is in use.")
	} else {
		text.WriteString("Until then whoever has it can use it. Do not make a new key yet.")
	}
	facts := map[string]string{"console": g.Console, "id": string(w.oldOf(s).ID), "ends": scopeOf(s)}
	return event.Event{Kind: event.Guide, Step: w.at(), Text: text.String(), Facts: facts}
}

// spared holds that the person who ended a credential did not take the new one
// for it: both are asked for at once, because the application may not notice
// for a while.
func (w *run) spared(ctx context.Context, s Step) error {
	if !w.r.Traits.EndByHand || !w.r.Wrote(scopeOf(s)) {
		return nil // or there is none yet
	}
	scope := scopeOf(s)
	current, err := w.expect(ctx, scope, w.r.Places[scope].After)
	if err != nil {
		return err
	}
	found, err := w.probe(ctx, valuesOf(current))
	if err != nil || found.Liveness != providers.Refused {
		return err
	}
	return fault.New("asking whether the new credential was spared", fault.Failing,
		"the service refuses the new key ("+found.Answer+"): perhaps it was ended in the place of the old one. Look at the console before anything else is ended there")
}

// lists reports whether the service tells what exists. Where people end
// credentials it may not.
func (w *run) lists(ctx context.Context) (bool, error) {
	kind, err := w.found(ctx)
	if err != nil {
		return false, err
	}
	_, ok := kind.(providers.Lister)
	return ok || !w.r.Traits.EndByHand, nil
}
