package rotation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// backward is what a step does otherwise on the way back; nil where it does the
// same, and on the way forward.
func (w *run) backward(s Step) func(context.Context) (outcome, error) {
	if w.r.Cell.Mode != Rollback {
		return nil
	}
	of := func(act func(context.Context, string) (outcome, error)) func(context.Context) (outcome, error) {
		return func(ctx context.Context) (outcome, error) { return act(ctx, s.Environment) }
	}
	switch {
	case s.Act == Restore:
		return of(w.restore)
	case s.Act == EndNew:
		return w.endNew
	case s.Act == Forward:
		return w.dwell
	case s.Act == Activate:
		return of(w.reactivate)
	case s.Act == Hold && w.r.deployFirst():
		return of(w.outlast)
	default:
		return nil
	}
}

// reactivate makes the service sign with the old key again, where the new one
// was activated. What the new one signed stays valid, in the application and at
// the service. Neither is asked whether it works before: while tokens of the new
// key are what fails, this is what mends it.
func (w *run) reactivate(ctx context.Context, env string) (outcome, error) {
	a, err := capability[providers.Activator](ctx, w, "activating the old key again")
	if err != nil {
		return outcome{}, err
	}
	place := w.r.Places[env]
	active, err := a.Active(ctx, env)
	switch {
	case err != nil:
		return outcome{}, err
	case active == place.Old.ID:
		return w.reactivated(env), nil
	case active != place.New.ID:
		return outcome{}, fault.New("activating the old key in "+env+" again", fault.ChangedByOther, w.r.Traits.Service+" signs with "+string(active)+", which is neither the old key nor ours")
	}
	// The record knows that the new one has signed before the service is told
	// otherwise: whoever goes on waits until nothing of it is valid.
	if place.Activated.IsZero() || !place.Reactivated.IsZero() {
		place.Activated, place.Reactivated = time.Now(), time.Time{}
		w.r.Places[env] = place
	}
	if err := w.note(ctx, event.Event{Kind: event.Intent, Step: w.at(), Facts: map[string]string{"id": string(place.Old.ID)}}); err != nil {
		return outcome{}, err
	}
	if err := a.Activate(ctx, env, place.Old.ID); err != nil {
		return w.patient(err)
	}
	now, err := a.Active(ctx, env)
	if err == nil && now != place.Old.ID {
		err = &fault.Error{Op: "asking " + w.r.Traits.Service + " which key it signs with in " + env, Class: fault.Again, Reason: fault.Unproved, Detail: "it is " + string(now)}
	}
	if err != nil {
		return outcome{}, err
	}
	return w.reactivated(env), nil
}

// reactivated notes from when on the new key signs nothing, at the latest.
func (w *run) reactivated(env string) outcome {
	place := w.r.Places[env]
	if place.Activated.IsZero() {
		return outcome{done: true, text: fmt.Sprintf("%s signs with %s in %s, as before: the new key was not activated there.", w.r.Traits.Service, place.Old.Brief(), env)}
	}
	if place.Reactivated.IsZero() {
		place.Reactivated = time.Now()
		w.r.Places[env] = place
	}
	return outcome{done: true, text: fmt.Sprintf("%s signs with %s in %s again. What %s signed stays valid, and the application keeps both values until none of it is left: nobody is signed out.",
		w.r.Traits.Service, place.Old.Brief(), env, place.New.Brief())}
}

// outlast holds an environment's values back until nothing that the new key
// signed there is valid any more. How long that is, is asked each time.
func (w *run) outlast(ctx context.Context, env string) (outcome, error) {
	back := w.r.Places[env].Reactivated
	if back.IsZero() {
		return finished("")
	}
	a, err := capability[providers.Activator](ctx, w, "asking how long tokens live")
	if err != nil {
		return outcome{}, err
	}
	long, err := a.Lingers(ctx, env)
	if err != nil {
		return outcome{}, err
	}
	if until := back.Add(max(long, w.r.Traits.Waits.Hold)); time.Now().Before(until) {
		return outcome{wake: until}, nil
	}
	return finished("")
}

// signsOld holds, before the application is left with the old value alone, that
// the service signs with it. Where somebody activated the new one once more it
// goes back a step.
func (w *run) signsOld(ctx context.Context, env string) (outcome, bool, error) {
	if !w.r.deployFirst() {
		return outcome{}, true, nil
	}
	a, err := capability[providers.Activator](ctx, w, "asking which key signs")
	if err != nil {
		return outcome{}, false, err
	}
	active, err := a.Active(ctx, env)
	if err != nil || active == w.r.Places[env].Old.ID {
		return outcome{}, err == nil, err
	}
	return outcome{back: Activate}, false, nil
}

// onlyOld proves that an environment is back on the old key: its application lets
// in what the old one signs and turns away what the new one does, and the service
// signs with the old one.
func (w *run) onlyOld(ctx context.Context, env string) error {
	op, place, name := "proving that "+env+" is back on the old key", w.r.Places[env], w.subject.signs()
	current, err := w.expect(ctx, env, place.holds())
	if err != nil {
		return err
	}
	old := current[name].Value
	if err := w.knock(ctx, env, op, signer{"old", place.Old.ID, old}, deploy.Admitted); err != nil {
		return err
	}
	if len(place.Restored) > 0 {
		issued, err := w.byVersion(ctx, env, place.After)
		if err != nil {
			return err
		}
		if fresh := issued[name]; !fresh.IsZero() {
			if err := w.knock(ctx, env, op, signer{"new", place.New.ID, fresh}, deploy.TurnedAway); err != nil {
				return err
			}
		}
	}
	return w.signing(ctx, env, place.Old.ID, old)
}

// onlyOldWords puts such a proof into words.
func (w *run) onlyOldWords(env string, cert Certificate) string {
	place := w.r.Places[env]
	return fmt.Sprintf("%s accepts tokens of %s and no longer those of %s: %s said so, %s. %s signs with %s.",
		title(env), place.Old.Brief(), place.New.Brief(), counted(cert.Instances, "instance"), cert.Affected, w.r.Traits.Service, place.Old.Brief())
}

// firstBack puts the steps of a rollback into the order that gets production
// back soonest: where it was written and the new key never activated there, it
// waits for nothing, and goes before staging's key is touched.
func (r *Rotation) firstBack(steps []Step) []Step {
	at, _ := r.Step()
	asked := at == Step{Activate, r.front()} && r.Begun
	if !r.deployFirst() || asked || !r.Places[r.front()].Activated.IsZero() {
		return steps
	}
	order := map[string]int{Production: 0, Staging: 1, "": 2}
	slices.SortStableFunc(steps, func(a, b Step) int { return order[a.Environment] - order[b.Environment] })
	return steps
}

// signedBack says what an environment's service signs with on the way back.
func (r *Rotation) signedBack(p Place) string {
	switch {
	case !r.deployFirst() || p.Activated.IsZero() || len(p.Restored) > 0:
		return ""
	case p.Reactivated.IsZero():
		return " The service signs with the new key there, and the application accepts both."
	default:
		return " The service signs with the old key there again, and the application accepts both until nothing that the new one signed is valid."
	}
}
