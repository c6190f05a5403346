package rotation

import (
	"context"
	"errors"
	"slices"
	"time"

	"rekey/internal/fault"
)

// supersede turns the routine rotation, or the rollback, of a leaked secret into the emergency,
// where it stands: two beside each other would disturb one another. What it has
// made is used where an environment holds it, and is swept where none does.
func (e *Engine) supersede(ctx context.Context, r *Rotation, o Order) (*Rotation, error) {
	if err := overtakable(r); err != nil {
		return nil, err
	}
	if o.RevokeFirst {
		if err := e.firstInstead(r); err != nil {
			return nil, err
		}
	}
	w, err := e.holdSoon(ctx, r.Key())
	if err != nil {
		return nil, err
	}
	defer w.release(ctx)
	if err := overtakable(w.r); err != nil {
		return nil, err
	}
	if p := w.r.Problem; w.r.State == Stuck && p != nil && p.Reason == turnedDown {
		w.writeAgain(turnedDown) // whoever cancelled was asked to look into the vault, and cries again
	}
	lease, err := keeper{e.config.Store, e.config.Lease}.during(ctx, w.lease, func(ctx context.Context) error {
		if err := w.forward(ctx); err != nil || !o.RevokeFirst {
			return err
		}
		return w.unmade(ctx, o)
	})
	if w.lease = lease; err != nil {
		return nil, w.notOvertaken(err)
	}
	return w.r, w.takeOver(ctx, o)
}

// notOvertaken says why a rotation could not be taken over now, and what to do.
func (w *run) notOvertaken(err error) error {
	if refusal, ok := errors.AsType[*Refusal](err); ok {
		return refusal
	}
	f := fault.Of(err)
	if f.Reason == fault.Unsettled {
		return &Refusal{Code: NotNow, Other: w.r, Err: err, Sentence: "The rotation that is open has sent a write of a new key to the vault, and it is not known what became of it. " +
			"Look into the vault, turn down what waits there, `/rotate cancel " + w.r.Secret + "`, and cry again."}
	}
	// As for a survey: what may be mended by waiting is tried again by a batch.
	return &Refusal{Code: SurveyStopped, Other: w.r, Err: err, Sentence: "The rotation that is open was not taken over, because it could not be told how far it has come. " + what(w.r, f) + " " + w.r.Safe() + " Cry again when that is mended."}
}

// firstInstead refuses to end first what lives until it has a successor.
func (e *Engine) firstInstead(r *Rotation) error {
	cell := r.Cell
	cell.Mode, cell.RevokeFirst, cell.Lingers = Emergency, true, r.Traits.Lingers != ""
	_, err := PlanFor(cell)
	if err == nil {
		err = revocable(e.subjects[r.Secret], r.Traits)
	}
	if err != nil {
		return surveyRefusal(e.subjects[r.Secret], err)
	}
	return nil
}

// wentBack finds out which environments hold the old value again.
func (w *run) wentBack(ctx context.Context) error {
	for _, env := range w.r.environments() {
		p := w.r.Places[env]
		if !w.r.Wrote(env) || len(p.Restored) > 0 {
			continue
		}
		entries, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
		if err != nil {
			return err
		}
		switch todo, err := p.toRestore(env, w.e.held(entries)); {
		case err != nil:
			return err
		case !p.HeldSince.IsZero():
			return unsettled(env, p.Old)
		case len(todo) == 0:
			w.restored(env, w.e.held(entries))
		}
	}
	return nil
}

// aheadAgain takes what a rollback has restored as the beginning: the new value
// is written once more, from the versions that held it. Where its end was asked
// for already another one is made, and what may be left of it is swept.
func (r *Rotation) aheadAgain() {
	for env, p := range r.Places {
		if len(p.Restored) == 0 {
			continue
		}
		p.Before, p.Again, p.After, p.Restored = p.Restored, p.After, nil, nil
		if !r.Back.Sent.IsZero() {
			p.Again, p.New = nil, Known{}
		}
		r.Places[env] = p
	}
	r.Proofs = nil
}

// landed finds out what became of writes that were begun.
func (w *run) landed(ctx context.Context) error {
	for _, env := range w.r.environments() {
		if err := w.brought(ctx, env); err != nil {
			return err
		}
		p := w.r.Places[env]
		if p.New.ID == "" || w.r.Wrote(env) {
			continue
		}
		if done, err := w.alreadyIssued(ctx, env); err != nil || !done {
			return orUnsettled(err, env, p.New)
		}
	}
	return nil
}

func orUnsettled(err error, env string, k Known) error {
	if err != nil {
		return err
	}
	return unsettled(env, k)
}

// overtaken makes the record that of the emergency.
func (w *run) overtaken(o Order) error {
	r := w.r
	before := r.PlanHash
	w.withdraw()
	if r.Cell.Mode == Rollback {
		r.aheadAgain()
	}
	r.Cell.Mode, r.Cell.RevokeFirst, r.Cell.Lingers = Emergency, o.RevokeFirst, r.Traits.Lingers != ""
	r.narrowed(o)
	steps, err := PlanFor(r.Cell)
	if err != nil {
		return err
	}
	r.Plan = w.remaining(steps)
	if err := r.rehashed(before); err != nil {
		return err
	}
	if r.following(Staging) {
		r.Parked = r.Errand // somebody may be at it, and is not asked twice
	}
	r.Requester, r.Cursor, r.Begun, r.Errand, r.Throttles = o.Requester, 0, false, nil, 0
	r.alarmed(o)
	return nil
}

// shortened leaves out of an emergency's steps what a routine rotation has done
// already, and adds what staging still needs where that was begun.
func (r *Rotation) shortened(steps []Step) []Step {
	steps = slices.Clone(steps)
	if again := len(r.Places[r.front()].Again) > 0; again || r.Cell.Shared && r.Wrote(Staging) && !r.Wrote(Production) {
		steps[slices.Index(steps, Step{Issue, r.front()})].Act = Write
	}
	steps = slices.DeleteFunc(steps, func(s Step) bool {
		return (s.Act == Issue || s.Act == Write) && r.Wrote(s.Environment)
	})
	if _, begun := r.Places[Staging]; r.Cell.Shared || !begun || r.Cell.OnlyStaging {
		return steps
	}
	at := slices.IndexFunc(steps, func(s Step) bool { return s.Act == Watch })
	var again []Step
	if len(r.Places[Staging].Again) > 0 {
		again = in(Staging, Write)
	}
	rest := plan(again, in(Staging, Sync, Deploy, Prove, End), r.deletedAtOnce(Staging))
	if !r.Cell.Lingers {
		return slices.Insert(steps, at, plan(rest, in(Staging, ConfirmDead))...)
	}
	steps = slices.Insert(steps, at, rest...) // the watch and the audit do not wait for what lives on
	return slices.Insert(steps, slices.Index(steps, Step{ConfirmDead, Production}), Step{ConfirmDead, Staging})
}

func (r *Rotation) deletedAtOnce(env string) []Step {
	if r.Cell.UndoOfEnd {
		return in(env, Delete)
	}
	return nil
}

// openOf is the open rotation of a secret, or nil.
func (e *Engine) openOf(ctx context.Context, s Subject) (*Rotation, error) {
	open, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	for _, r := range open {
		if r.Secret == s.Name {
			return r, nil
		}
	}
	return nil, nil
}

// alarm begins an emergency: at once, in the place of a routine rotation that is
// under way.
func (e *Engine) alarm(ctx context.Context, s Subject, o Order) (*Rotation, error) {
	if o.Reason == "" {
		return nil, &Refusal{Code: NotNow, Sentence: "An emergency needs a reason: whoever approves has to know what happened."}
	}
	if err := o.named(s); err != nil {
		return nil, err
	}
	open, err := e.openOf(ctx, s)
	switch {
	case err != nil:
		return nil, err
	case o.Drill:
		if err := e.drillable(s, o, open); err != nil {
			return nil, err
		}
	case open != nil:
		return e.supersede(ctx, open, o)
	}
	found, err := e.survey(ctx, s, o.wish())
	if err != nil {
		return nil, surveyRefusal(s, err)
	}
	r := found.rotation(orElse(o.id, newID()), o, time.Now())
	r.Alarmed = r.Started
	return r, e.create(ctx, s, r)
}
