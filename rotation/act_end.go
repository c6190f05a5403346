package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// scopeOf is the environment whose credential a step ends; production stands
// for both where they share one.
func scopeOf(s Step) string {
	if s.Environment == "" {
		return Production
	}
	return s.Environment
}

func (w *run) oldOf(s Step) Known { return w.r.Places[scopeOf(s)].Old }

// end ends the old credential by its explicit id, under an approval that
// stands now. It may be entered again with the same id: the service is asked
// again, and what proves the end is confirm dead alone. Whatever takes time
// comes before the approval is looked up: only our own note stands between that
// and the act.
func (w *run) end(ctx context.Context, s Step) (outcome, error) {
	if w.r.Traits.EndByHand {
		return w.endByHand(ctx, s)
	}
	act, err := w.ender(ctx, s)
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
	before, asked := w.r.Ends[s.Environment]
	e := before
	if s.Act == End {
		e.revived() // what was proved before proves nothing of this end
	}
	e.Tries++
	e.ID, e.Sent, e.Disabled = id, time.Now(), s.Act == End && w.r.Traits.UndoOfEnd
	w.r.counted(&e)
	w.ending(s, e)
	// The record knows of the end before the service does: whoever finds it
	// after a crash must not call the credential untouched.
	if err := w.note(ctx); err != nil {
		return outcome{}, err
	}
	if err := act(ctx, id); err != nil {
		if fault.Of(err).Class != fault.Lost {
			w.notEnded(s, before, asked)
		}
		return outcome{}, err // sent, answer lost: asked again
	}
	if s.Act == Delete {
		return w.deleted(ctx, s)
	}
	w.opensGap(e.Sent)
	if w.r.Cell.Lingers && !w.r.outlived(e) {
		return w.uncontained(s, e), nil
	}
	if !telling(e.Tries) {
		return finished("")
	}
	verb := "end"
	if e.Disabled {
		verb = "switch off"
	}
	return finished(fmt.Sprintf("Asked %s to %s %s. %s", w.r.Traits.Service, verb, w.oldOf(s).Brief(), w.r.thenProved(e)))
}

// fallen is what follows when an approval does not stand.
func (w *run) fallen(ctx context.Context, s Step, err error) (outcome, error) {
	void, ok := errors.AsType[*voided](err)
	switch {
	case w.r.Cell.RevokeFirst && len(w.r.Ends) == 0:
		return w.fallenAhead(err)
	case ok && void.failing && w.healable():
		return w.healNow(ctx, void.why, err)
	case ok && void.revived:
		delete(w.r.Ends, s.Environment) // it lives again, by somebody's hand
	}
	return w.notStanding(err)
}

func (w *run) ending(s Step, e Ending) {
	if w.r.Ends == nil {
		w.r.Ends = make(map[string]Ending)
	}
	w.r.Ends[s.Environment] = e
}

// notEnded takes back what the record says of an end that was clearly not
// done, unless an earlier one may have been.
func (w *run) notEnded(s Step, before Ending, asked bool) {
	if asked {
		w.ending(s, before)
	} else {
		delete(w.r.Ends, s.Environment)
	}
}

// deleted makes sure that what was switched off is gone for good: the service
// no longer lists it.
func (w *run) deleted(ctx context.Context, s Step) (outcome, error) {
	e := w.r.Ends[s.Environment]
	gone, err := w.unlisted(ctx, s)
	if err != nil {
		return outcome{}, err
	}
	if !gone {
		return outcome{}, &fault.Error{Op: "deleting the old credential for good", Class: fault.Again, Reason: fault.StillAlive, Detail: "still listed"}
	}
	e.Unlisted = true
	w.ending(s, e)
	return finished(fmt.Sprintf("Ended %s for good: %s no longer lists it among the keys that can live.", w.oldOf(s).Brief(), w.r.Traits.Service))
}

// certain is the id to be ended: named, and not in use anywhere.
func (w *run) certain(s Step) (providers.ID, error) {
	id := w.oldOf(s).ID
	for _, p := range w.r.Places {
		if id == "" || id == p.New.ID || p.New.ID == "" && !w.r.Cell.RevokeFirst {
			return "", fault.New("naming the credential to end", fault.Ambiguous, "old and new cannot be told apart")
		}
	}
	return id, nil
}

// ender is how a step ends a credential: it is switched off first, where that
// can be undone. Finding it asks the service.
func (w *run) ender(ctx context.Context, s Step) (func(context.Context, providers.ID) error, error) {
	if s.Act == End && w.r.Traits.UndoOfEnd {
		d, err := capability[providers.Disabler](ctx, w, "disabling the old credential")
		if err != nil {
			return nil, err
		}
		return d.Disable, nil
	}
	return w.killer(ctx)
}

// stillOff reports that the credential a delete is about is refused. Who switched
// it on again wants it: deleting it would take that back for good.
func (w *run) stillOff(ctx context.Context, s Step) error {
	if s.Act != Delete || w.r.Cell.Mode == Emergency {
		return nil // a thief may have the old key: nobody has to want it dead twice
	}
	old, err := w.stale(ctx, scopeOf(s))
	if err != nil {
		return err
	}
	switch found, err := w.probe(ctx, old); {
	case err != nil:
		return err
	case found.Liveness == providers.Alive:
		return &voided{why: "somebody switched the old key on again", revived: true}
	case found.Liveness != providers.Refused:
		return &fault.Error{Op: "asking whether the old credential is still switched off", Class: fault.Again, Reason: fault.CannotMeasure, Detail: "the service answered " + found.Answer}
	}
	return nil
}

// notStanding goes back to asking, on a new card, or stops at a veto. After a
// disable the credential stays as it is: nothing is undone by a withdrawal.
func (w *run) notStanding(err error) (outcome, error) { return w.notStandingOn(w.r.approval(), err) }

func (w *run) notStandingOn(c *Card, err error) (outcome, error) {
	var void *voided
	var veto *denied
	switch {
	case errors.As(err, &veto):
		c.State, c.Denied = CardDenied, &veto.veto
		return outcome{back: Approve, state: Pending, events: []event.Event{w.vetoed(veto.veto, "Vetoed. ")}}, nil
	case errors.As(err, &void):
		n := w.cardNumber()
		if c != nil {
			n, c.State = c.Number, CardVoid
		}
		return outcome{back: Approve, events: []event.Event{
			{Kind: event.Void, Card: n, Text: "The approval no longer stands: " + void.why + ". A new card follows. " + w.r.Safe()},
		}}, nil
	default:
		return outcome{}, err
	}
}

// confirmDead probes the old credential on the provider's schedule until it
// has been refused without a break for the whole of it and the service's list
// no longer has it. An answer that cannot be told (429, 5xx) counts for
// neither side.
func (w *run) confirmDead(ctx context.Context, s Step) (outcome, error) {
	if w.inApplication(s) {
		return w.shut(ctx, s)
	}
	e, waits := w.r.Ends[s.Environment], w.r.Traits.Waits
	if early := w.r.early(e); early > 0 {
		return lookAgain(early)
	}
	alive, err := w.heard(ctx, s, &e)
	if err != nil {
		return outcome{}, err
	}
	if err := w.spared(ctx, s); err != nil {
		return outcome{}, err
	}
	if alive != "" {
		return w.stillAlive(s, alive)
	}
	w.ending(s, e)
	if w.r.Traits.EndByHand {
		w.opensGap(e.Refused)
	}
	if !e.ListOnly && (e.Refused.IsZero() || e.Last.Sub(e.Refused) < waits.ProbeFor) {
		return lookAgain(waits.ProbeEvery)
	}
	listed, err := w.lists(ctx)
	if err != nil {
		return outcome{}, err
	}
	if gone, err := w.unlisted(ctx, s); err != nil || !gone {
		if err == nil {
			return w.stillAlive(s, "still listed")
		}
		return outcome{}, err
	}
	e.Unlisted, e.Dead = listed && !e.Disabled, time.Now()
	w.ending(s, e)
	return w.liveOn(ctx, s, e)
}

// heard probes the old credential once and notes the answer. alive is the
// answer of a service that still accepts it when it should no longer.
func (w *run) heard(ctx context.Context, s Step, e *Ending) (alive string, err error) {
	old, err := w.stale(ctx, scopeOf(s))
	if err != nil {
		return "", err
	}
	found, err := w.probe(ctx, old)
	if err != nil {
		return "", err
	}
	e.ListOnly = old == nil
	listed, err := w.lists(ctx)
	if err != nil {
		return "", err
	}
	late := time.Since(e.Sent) > w.r.Traits.Waits.ProbeFor
	switch {
	case e.ListOnly && !listed:
		return "", fault.New(provingDead, fault.Unproved, "its old value can no longer be read in the vault, and the service has no list to look at")
	case e.ListOnly && e.Disabled:
		return "", fault.New(provingDead, fault.Unproved, "its old value can no longer be read in the vault, and a service lists what it only switched off")
	case e.ListOnly:
	case found.Liveness == providers.Refused:
		e.refused(found.Answer)
	case found.Liveness == providers.Alive && late:
		return cmp.Or(found.Answer, "accepted"), nil
	case found.Liveness == providers.Alive:
		e.revived()
	case late && time.Since(e.Last) > w.r.Traits.Waits.ProbeFor:
		// Nothing can be told for as long as a whole proof takes: ever less
		// often, and people hear of it.
		return "", &fault.Error{Op: provingDead, Class: fault.Again, Reason: fault.CannotMeasure, Detail: "the service answered " + found.Answer}
	}
	return "", nil
}

const provingDead = "proving that the old credential is dead"

func (e *Ending) refused(answer string) {
	now := time.Now()
	if e.Refused.IsZero() {
		e.Refused = now
	}
	e.Last, e.Answer = now, answer
	e.Probes++
}

// revived forgets refusals: the credential is accepted.
func (e *Ending) revived() {
	e.Refused, e.Last, e.Dead, e.Shut, e.Answer, e.Probes, e.Unlisted = time.Time{}, time.Time{}, time.Time{}, time.Time{}, "", 0, false
}

// certificate says how the death was proved.
func (e Ending) certificate() string {
	if e.ListOnly {
		return "the service no longer lists it (its old value can no longer be read in the vault, so it was not probed)"
	}
	text := fmt.Sprintf("refused %d times (%s) over %s, first %s after the end", e.Probes, e.Answer, human(e.Last.Sub(e.Refused)), human(e.Refused.Sub(e.Sent)))
	switch {
	case e.Unlisted:
		return text + "; the service no longer lists it"
	case e.Disabled:
		return text + "; it is switched off, which can still be undone"
	default:
		return text
	}
}

func (w *run) probe(ctx context.Context, old providers.Values) (providers.Finding, error) {
	if old == nil {
		return providers.Finding{Liveness: providers.Unclear}, nil
	}
	prober, err := capability[providers.Prober](ctx, w, "probing the old credential")
	if err != nil {
		return providers.Finding{}, err
	}
	return prober.Probe(ctx, old)
}

// unlisted asks the service's list. A disabled credential stays listed.
func (w *run) unlisted(ctx context.Context, s Step) (bool, error) {
	if listed, err := w.lists(ctx); err != nil || !listed || w.r.Ends[s.Environment].Disabled {
		return true, err
	}
	lister, err := capability[providers.Lister](ctx, w, "listing credentials")
	if err != nil {
		return false, err
	}
	all, err := lister.List(ctx)
	if err != nil {
		return false, err
	}
	for _, c := range all {
		if c.ID == w.oldOf(s).ID {
			return false, nil
		}
	}
	return true, nil
}

// stillAlive goes back to ending: a failed end is a lasting duty. The end
// holds the approval against its source once more.
func (w *run) stillAlive(s Step, answer string) (outcome, error) {
	e := w.r.Ends[s.Environment]
	e.revived()
	w.ending(s, e)
	f := &fault.Error{Op: provingDead, Class: fault.Again, Reason: fault.StillAlive, Detail: answer}
	wait := w.e.config.Retry.pause(e.Tries)
	ev := event.Event{Kind: event.Retrying, Step: s.String(), Reason: string(f.Reason)}
	if telling(e.Tries) && !w.r.Traits.EndByHand { // a person is asked again, in words of its own
		ev.Text = what(w.r, f) + w.r.again()
	}
	return outcome{back: End, wake: time.Now().Add(wait), events: []event.Event{ev}}, nil
}

// liveOn takes the life certificate once more, now that the old credential is
// gone. A failing application is healed at once where that is possible.
func (w *run) liveOn(ctx context.Context, s Step, e Ending) (outcome, error) {
	for _, env := range w.r.witnessed() {
		cert, err := w.certify(ctx, env)
		if err != nil {
			return w.heal(ctx, e, err)
		}
		w.certified(env, cert)
	}
	text := fmt.Sprintf("%s is dead: %s. %s", w.oldOf(s).Brief(), e.certificate(), w.r.stillWorks())
	return outcome{done: true, events: []event.Event{{Kind: event.Dead, Step: s.String(), Text: text, Facts: map[string]string{"id": string(e.ID), "answer": e.Answer}}}}, nil
}

// heal re-enables a credential that was only disabled, in a routine rotation
// whose application fails without it.
func (w *run) heal(ctx context.Context, e Ending, cause error) (outcome, error) {
	if !e.Disabled || !w.healable() || !fault.Is(cause, fault.Failing) {
		return outcome{}, cause
	}
	return w.healNow(ctx, fault.Of(cause).Detail, cause)
}

// healable reports whether a failing application may be helped by switching
// the old credential on again: never by itself in an emergency.
func (w *run) healable() bool { return w.r.Cell.Mode == Routine && w.r.SwitchedOff() }

func (w *run) healNow(ctx context.Context, detail string, cause error) (outcome, error) {
	if err := w.switchOn(ctx); err != nil {
		return outcome{}, errors.Join(cause, err)
	}
	return w.healed(detail), nil
}

// switchOn re-enables every credential that was only disabled. Acts towards
// safety do not wait for the journal.
func (w *run) switchOn(ctx context.Context) error {
	d, err := capability[providers.Disabler](ctx, w, "re-enabling the old credential")
	if err != nil {
		return err
	}
	for _, scope := range sortedKeys(w.r.Ends) {
		if e := w.r.Ends[scope]; e.Disabled {
			if err := d.Enable(ctx, e.ID); err != nil {
				return err
			}
			delete(w.r.Ends, scope)
		}
	}
	return nil
}

func (w *run) healed(detail string) outcome {
	w.r.Card.State = CardVoid
	return outcome{back: Approve, state: Pending, events: []event.Event{
		{Kind: event.Void, Card: w.cardNumber(), Text: strings.TrimSpace("The application failed without the old key, so it was switched on again. " + detail)}, w.pending(),
	}}
}
