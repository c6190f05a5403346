package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// stillDead takes every death certificate again, last thing before the report:
// whoever may make keys at a service may bring one back to life, and a service
// may, too. What could not be asked again is told; it was proved before.
func (w *run) stillDead(ctx context.Context) (outcome, error) {
	note := ""
	for _, of := range w.r.Plan {
		e, ended := w.r.Ends[of.Environment]
		if of.Act != End || !ended || e.Dead.IsZero() {
			continue
		}
		answer, err := w.livesAgain(ctx, of, &e)
		switch {
		case ctx.Err() != nil:
			return outcome{}, ctx.Err()
		case err != nil && retriable(err) && w.r.Attempt+1 < w.e.config.Retry.Attempts:
			return outcome{}, err
		case err != nil:
			w.e.config.Log.Warn("taking a death certificate again", "rotation", w.r.ID, "error", err)
			note = " Whether the old key is still refused could not be asked again before this report; look at the service."
		case answer != "":
			return w.returned(of, e, answer, slices.Index(w.r.Plan, of)), nil
		}
		w.ending(of, e)
	}
	return finished(note)
}

// livesAgain asks for the old credential once: by its value where that can
// still be read, and in the service's list. It returns the answer of a service
// that has it among the living.
func (w *run) livesAgain(ctx context.Context, of Step, e *Ending) (answer string, err error) {
	old, err := w.stale(ctx, scopeOf(of))
	if err != nil {
		return "", err
	}
	switch found, err := w.probe(ctx, old); {
	case err != nil:
		return "", err
	case found.Liveness == providers.Alive:
		return "it answered " + found.Answer, nil
	case found.Liveness == providers.Refused:
		e.refused(found.Answer)
	case old != nil:
		return "", &fault.Error{Op: provingDead + " once more", Class: fault.Again, Reason: fault.CannotMeasure, Detail: "the service answered " + found.Answer}
	}
	switch gone, err := w.unlisted(ctx, of); {
	case err != nil:
		return "", err
	case !gone:
		return "it lists it", nil
	}
	return "", nil
}

// returned calls people, and ends a credential again that came back to life:
// the approval for its end still stands, or is asked for anew. What follows an
// end is done again, too.
func (w *run) returned(of Step, e Ending, answer string, cursor int) outcome {
	ev := w.revival(of, &e, answer, "Rekey ends it again, under the approval that stands, and watches again.")
	w.ending(of, e)
	w.advance(cursor)
	return outcome{wake: time.Now().Add(w.e.config.Retry.pause(e.Returned)), events: []event.Event{ev}}
}

// revival is the call for people, and takes back what was proved.
func (w *run) revival(of Step, e *Ending, answer, next string) event.Event {
	proved := "was refused before"
	if !e.Dead.IsZero() {
		proved = "was proved dead at " + e.Dead.UTC().Format("15:04:05 UTC")
	}
	e.revived()
	e.Returned++
	text := fmt.Sprintf("The old key lives again: %s has %s among its living keys (%s), which %s. %s Somebody who may change keys there did this, or the service did: find out who, and close that way.",
		w.r.Traits.Service, w.r.Places[scopeOf(of)].Old.Brief(), answer, proved, next)
	return event.Event{Kind: event.Revived, Step: of.String(), Text: text, Facts: map[string]string{"id": string(w.r.Places[scopeOf(of)].Old.ID), "answer": answer}}
}

// cameBack says in the report how often an old credential came back to life.
func (r *Rotation) cameBack() string {
	n := 0
	for _, e := range r.Ends {
		n += e.Returned
	}
	switch n {
	case 0:
		return ""
	case 1:
		return " The old key had come back to life once and was ended again: see above."
	default:
		return fmt.Sprintf(" The old key had come back to life %d times and was ended again: see above.", n)
	}
}

// stillGone is stillDead for a credential that its successor killed. Nothing of
// Rekey's can end it again: people are called, and it is looked at until it is
// dead.
func (w *run) stillGone(ctx context.Context, of Step) (outcome, error) {
	env := scopeOf(of)
	e := w.endOf(env)
	before := e
	found, err := w.probeOld(ctx, env, &e)
	if err != nil {
		return outcome{}, err
	}
	if found.Liveness != providers.Alive {
		w.endIs(env, e)
		return finished("")
	}
	return w.goneReturned(of, before, found.Answer), nil
}

func (w *run) goneReturned(of Step, e Ending, answer string) outcome {
	ev := w.revival(of, &e, "it answered "+answer, "Rekey has no way to end it. End it there by hand; Rekey goes on looking.")
	w.endIs(scopeOf(of), e)
	return outcome{wake: time.Now().Add(w.e.config.Retry.pause(e.Returned)), events: []event.Event{ev}}
}
