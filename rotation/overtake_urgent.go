package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/providers"
	"rekey/rotation/event"
)

// A kind whose successor is no safer than itself is left for another one when it
// has leaked. Where a routine rotation has made that successor already, the old one
// dies at its own time, and is not replaced once more: that would only leave a
// further one alive. The application leaves the successor, too.

// hurried turns to the kind that an emergency moves to, where there is one, and
// finds out what became of the successors that were asked for.
func (w *run) hurried(ctx context.Context) error {
	if w.r.Cell.Shape != providers.Grace {
		return nil // its own steps read back what they asked for
	}
	kind, err := w.found(ctx)
	u, urgent := kind.(providers.Urgent)
	if err != nil || !urgent {
		return err
	}
	for _, env := range w.r.environments() {
		if !w.r.TurnOf(env).Begun() {
			continue
		}
		if err := w.successor(ctx, env); err != nil {
			return err
		}
	}
	w.kind = u.Urgent()
	w.r.Traits = w.kind.Traits()
	w.r.Cell.Shape, w.r.Cell.UndoOfEnd = w.r.Traits.Shape, w.r.Traits.UndoOfEnd
	for _, env := range w.r.environments() {
		w.leave(env)
	}
	if !w.r.Traits.Guided {
		return nil
	}
	return w.subject.reachable(ctx, Production, []string{Production})
}

// successor finds out whether an environment's successor was made, which it is, and
// whether the vault has it.
func (w *run) successor(ctx context.Context, env string) error {
	if w.r.Wrote(env) {
		return nil
	}
	now, made, err := w.readBack(ctx, env)
	switch late := w.r.Traits.Waits.Settle - time.Since(w.r.TurnOf(env).Sent); {
	case err != nil:
		return err
	case !made && late > 0:
		return &Refusal{Code: Busy, Other: w.r, Sentence: fmt.Sprintf("%s was asked for the successor of the leaked key moments ago, and may act on that late. Cry again in %s.", w.r.Traits.Service, max(human(late), time.Second))}
	case !made:
		w.unturned(env)
		return nil
	}
	w.turned(env)
	place := w.r.Places[env]
	if !place.HeldSince.IsZero() {
		return unsettled(env, place.New)
	}
	place.New = w.known(now)
	w.r.Places[env] = place
	_, err = w.arrived(ctx, env)
	return err
}

// leave notes that an old credential is dying, and that its successor is left for
// another one, where staging was not moved to it already.
func (w *run) leave(env string) {
	t := w.r.TurnOf(env)
	if t.Made.IsZero() {
		return
	}
	if e := w.endOf(env); e.Dead.IsZero() {
		e.Sent, e.From = t.Made, t.Made
		w.endIs(env, e)
	}
	place := w.r.Places[env]
	if env == Staging && w.r.Wrote(env) {
		return
	}
	place.Left, place.Between, place.After, place.Again = place.New, place.After, nil, nil
	w.r.Places[env] = place
	delete(w.r.Proofs, env)
}

// from is what a write begins at.
func (p Place) from() map[string]Held {
	if len(p.Between) > 0 {
		return p.Between
	}
	return p.Before
}

// prior is the credential that a write takes the place of.
func (p Place) prior() Known {
	if len(p.Between) > 0 {
		return p.Left
	}
	return p.Old
}

// dying reports that production's old credential dies by a successor that was made
// before the alarm.
func (r *Rotation) dying() bool { return r.Traits.Lingers != "" && !r.TurnOf(r.front()).Made.IsZero() }

// urgentLeft is what is left to do where credentials live on after their end. What
// was asked to end is not asked again.
func (r *Rotation) urgentLeft(steps []Step) []Step {
	steps = slices.Clone(steps)
	if r.dying() {
		steps = slices.DeleteFunc(steps, func(s Step) bool { return s.Act == Approve || s.Act == End })
	}
	if _, begun := r.Places[Staging]; !begun || r.Cell.OnlyStaging {
		return steps
	}
	var rest []Step
	if !r.Wrote(Staging) {
		rest = in(Staging, Issue)
	}
	if !r.proved(Staging) {
		rest = plan(rest, in(Staging, Sync, Deploy, Prove))
	}
	steps = slices.Insert(steps, slices.Index(steps, Step{Act: Watch}), rest...)
	if r.Ends[Staging].Dead.IsZero() {
		steps = slices.Insert(steps, slices.Index(steps, Step{ConfirmDead, Production}), in(Staging, ConfirmDead)...)
	}
	return steps
}

// notContained calls people when a credential lives on that was replaced before the
// alarm: all that could end it was done.
func (w *run) notContained() []event.Event {
	dies := w.r.Dies().UTC()
	if !w.r.dying() || !time.Now().Before(dies) {
		return nil
	}
	old := w.r.Old()
	text := fmt.Sprintf("Not contained. %s was replaced before the alarm and lives until %s, %s more, and then dies by itself: nothing of Rekey's can hasten that, and replacing it again would only leave a further one alive. %s. Production moves to a key that a person makes; Rekey watches and audits then, proves the death at that time, and reports.",
		old.Brief(), dies.Format("2006-01-02 15:04:05 UTC"), human(time.Until(dies).Round(time.Minute)), w.r.Traits.Lingers)
	facts := map[string]string{"contained": "false", "old_key_dead_at": dies.Format(time.RFC3339), "id": string(old.ID)}
	return []event.Event{{Kind: event.Uncontained, Text: text, Facts: facts}}
}

// inItsPlace says what stands in the place of an old credential that has ended.
func (r *Rotation) inItsPlace() string {
	if r.dying() && !r.Wrote(Production) {
		return " Production moves to a key that a person makes, and works until then if it was deployed with what took its place."
	}
	return " Rekey wrote the new key to " + r.every() + "."
}

// forsaken names what the application has left although nothing ends it.
func (r *Rotation) forsaken() string {
	text := ""
	for _, env := range r.environments() {
		if left := r.Places[env].Left; left.ID != "" {
			text += fmt.Sprintf(" In %s, %s had taken its place before the alarm. Nothing uses it any more, it lives on, and whoever held the old one may have read it: replace it once more at %s, by hand.", env, left.Brief(), r.Traits.Service)
		}
	}
	return text
}

// planned puts a cell that has no plan into a refusal.
func (w *run) planned(err error) error {
	if _, ok := errors.AsType[*PlanError](err); ok {
		return surveyRefusal(w.subject, err)
	}
	return err
}
