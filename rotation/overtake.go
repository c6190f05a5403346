package rotation

import (
	"context"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// What an emergency takes over is kept where it is sound. A rotation that has
// asked for a replacement which kills the old credential cannot be begun anew: it
// goes on from where it stands, and asks for nothing twice.

// overtakable refuses what an emergency cannot take the place of.
func overtakable(r *Rotation) error {
	if r.Cell.Mode == Emergency || r.State.Final() {
		return inTheWay(r)
	}
	return nil
}

// forward finds out how far what is open has come.
func (w *run) forward(ctx context.Context) error {
	back := w.r.Cell.Mode == Rollback
	switch {
	case back && w.r.deployFirst():
		return w.keysForward(ctx)
	case back && w.r.Cell.Ahead():
		if err := w.wentBack(ctx); err != nil {
			return err
		}
		if err := w.turnForward(); err != nil {
			return err
		}
		return w.hurried(ctx)
	case back:
		return w.wentBack(ctx)
	case w.r.deployFirst():
		return w.landedKeys(ctx)
	case w.r.Cell.Ahead():
		return w.hurried(ctx)
	default:
		return w.landed(ctx)
	}
}

// keysForward turns signing keys that are on their way back once more, while every
// application still holds both values: the service only has to be told again.
func (w *run) keysForward(ctx context.Context) error {
	for _, env := range w.r.environments() {
		place := w.r.Places[env]
		if !w.r.Wrote(env) {
			continue
		}
		entries, err := w.entries(ctx, env)
		if err != nil {
			return err
		}
		if !place.HeldSince.IsZero() {
			return unsettled(env, place.Old)
		}
		if len(place.Restored) > 0 || !moved(w.e.held(entries), place.After) {
			return &Refusal{Code: NotNow, Other: w.r, Sentence: "The application is nearly back on the old key of " + w.r.Secret + ": the vault of " + env + " holds that alone already. " + w.r.Safe() +
				" Cry again as soon as the rollback is over, which is minutes away; where it has stopped, `/rotate retry " + w.r.Secret + "` goes on with it."}
		}
		if !place.Activated.IsZero() { // perhaps it is not any more; the service knows it
			place.Activated, place.Reactivated = time.Time{}, time.Now()
			w.r.Places[env] = place
		}
	}
	return nil
}

// landedKeys finds out what became of writes of signing keys that were begun. One
// of staging's that is not there waits for its turn: production goes first.
func (w *run) landedKeys(ctx context.Context) error {
	for _, env := range w.r.environments() {
		p := w.r.Places[env]
		if p.New.ID == "" {
			continue
		}
		entries, err := w.entries(ctx, env)
		if err != nil {
			return err
		}
		switch now := w.e.held(entries); {
		case w.r.Wrote(env):
			if retired(p.After, now, w.subject.signs(), w.subject.Previous) {
				w.wrote(env, entries, p.New)
			}
		case later(now, p.Before) && w.e.fingerprint(valuesOf(entries)) == p.New.Fingerprint:
			w.wrote(env, entries, p.New)
		case env == Production:
			return unsettled(env, p.New)
		}
	}
	return nil
}

// remaining are the steps of an emergency that are not done yet, and those that staging
// still needs where that was begun.
func (w *run) remaining(steps []Step) []Step {
	switch {
	case w.r.deployFirst():
		return w.keysLeft()
	case w.r.Cell.Ahead():
		return w.r.turnsLeft(steps)
	case w.r.Cell.Lingers && len(w.r.Turns) > 0:
		return w.r.urgentLeft(steps)
	default:
		return w.r.shortened(steps)
	}
}

// keysLeft is what signing keys still need: production is contained whole before
// staging is gone on with.
func (w *run) keysLeft() []Step {
	front := w.r.front()
	steps := plan(only(Preflight), w.toActivate(front), only(Approve), revoked(front))
	if place, begun := w.r.Places[Staging]; begun && !w.r.Cell.OnlyStaging {
		steps = plan(steps, w.toActivate(Staging))
		if place.Activated.IsZero() {
			steps = plan(steps, in(Staging, Prove)) // once more: the service signs with it
		}
		steps = plan(steps, revoked(Staging))
	}
	return plan(steps, only(Watch, Audit, Report))
}

// toActivate is what is left until a service signs with the new key. One that does
// already is only proved again: whatever is asked next rests on that.
func (w *run) toActivate(env string) []Step {
	switch {
	case w.alone(env):
		return in(env, Sync, Deploy, Prove)
	case !w.r.Places[env].Activated.IsZero():
		return in(env, Prove)
	}
	known := !w.r.Places[env].Reactivated.IsZero() // the service signed with it before
	return slices.DeleteFunc(deployFirst(env), func(s Step) bool { return s.Act == Make && w.r.Wrote(env) || s.Act == Import && known })
}

// turnsLeft adds what staging needs where its credential was, or may have been,
// replaced already: that has begun to kill the old one there.
func (r *Rotation) turnsLeft(steps []Step) []Step {
	if r.Cell.Shared || !r.TurnOf(Staging).Begun() {
		return steps
	}
	var rest []Step
	if !r.Wrote(Staging) || r.Errand != nil && r.Errand.Environment == Staging {
		rest = in(Staging, Issue)
	}
	if r.Cell.Shape == providers.Cutover {
		rest = plan(rest, in(Staging, ConfirmDead))
	}
	if !r.proved(Staging) {
		rest = plan(rest, in(Staging, Sync, Deploy, Prove))
	}
	steps = slices.Insert(slices.Clone(steps), slices.Index(steps, Step{Act: Watch}), rest...)
	if at := slices.Index(steps, Step{DurableProbe, Production}); at >= 0 {
		steps = slices.Insert(steps, at, Step{DurableProbe, Staging})
	}
	return steps
}

// following reports that an environment is gone on with after production: it was
// begun by the rotation that an emergency took over, and nothing waits for it.
func (r *Rotation) following(env string) bool {
	if r.Cell.Mode != Emergency || env != Staging || r.Cell.Shared || r.Cell.OnlyStaging || r.past(Step{Prove, env}) {
		return false
	}
	return r.TurnOf(env).Begun() || r.Cell.RevokeFirst && r.Wrote(env)
}

// unpark comes back to what a person was asked for before production went first.
func (w *run) unpark(env string) {
	if p := w.r.Parked; p != nil && w.r.Errand == nil && p.Environment == env {
		w.r.Errand, w.r.Parked = p, nil
		p.anew(time.Now())
	}
}

// past reports that a plan has come by a step.
func (r *Rotation) past(s Step) bool {
	at := slices.Index(r.Plan, s)
	return at >= 0 && at < r.Cursor
}

// unmade takes back a new credential that no environment holds, before the old one
// is ended first. One that production's vault has may be known to whoever reads
// there: ending the old one alone would not be what was asked for.
func (w *run) unmade(ctx context.Context, o Order) error {
	read := w.r.Wrote(o.wish().front()) || w.r.Cell.Shared && w.r.Wrote(Staging)
	if read || w.r.Cell.Mode == Rollback {
		return &Refusal{Code: AlreadyRunning, Other: w.r, Sentence: "A routine rotation of " + w.r.Secret + " has written a new key to the vault already, and whoever reads there may have that one, too. " +
			"`/rotate-emergency " + w.r.Secret + "` without the flag takes it over and ends the old key, with no outage; `--revoke-first`, as soon as that is over, ends the one that is there then."}
	}
	if w.r.Issues == 0 {
		return nil
	}
	return w.sweep(ctx)
}

// irrevocable reports that production's old credential was, or may have been,
// replaced already where that kills it.
func (r *Rotation) irrevocable() bool { return r.Cell.Ahead() && r.TurnOf(Production).Begun() }

// goesOn makes the running rotation itself the emergency. Whoever asked for it
// stays who asked: the approval under which a person may be at the console right
// now was given on that, and calling them off would only keep the leaked one alive.
func (w *run) goesOn(o Order) error {
	r := w.r
	if r.State == Stuck {
		w.writeAgain(turnedDown, string(fault.Unsettled))
	}
	before := r.PlanHash
	r.Cell.Mode = Emergency
	r.Plan = slices.Insert(slices.Clone(r.Plan), slices.Index(r.Plan, Step{Act: Report}), Step{Act: Audit})
	if err := r.rehashed(before); err != nil {
		return err
	}
	if r.Plan[r.Cursor].Act == Audit {
		r.Begun = false // it was at its report
	}
	if r.State != Running { // it begins again where it stopped, as at a retry
		r.Limit, r.Begun = r.Issues+maxIssues, r.Begun && r.Plan[r.Cursor].Act == Issue
		r.Errand.anew(time.Now())
		w.pausedAgain()
	}
	r.alarmed(o)
	return nil
}

// rehashed binds what is approved from here on to the plan as it is now, and to
// what it came from.
func (r *Rotation) rehashed(before string) (err error) {
	r.PlanHash, err = hashOf(struct {
		Before string
		Cell   Cell
		Steps  []Step
	}{before, r.Cell, r.Plan})
	return err
}

// alarmed notes who cried for help, and that it goes on at once.
func (r *Rotation) alarmed(o Order) {
	r.Reason, r.Attempt, r.Problem, r.Closing = o.Reason, 0, nil, false
	if !o.Exposed.IsZero() {
		r.Exposed = o.Exposed
	}
	r.Batch = o.batch
	r.Alarmed, r.State, r.Wake = time.Now(), Running, time.Time{}
}

// takeOver commits the emergency.
func (w *run) takeOver(ctx context.Context, o Order) error {
	r, over, dying := w.r, w.overtaken, w.r.dying()
	if err := r.succeeded(o); err != nil {
		return err
	}
	// What goes through staging first has begun to end staging's, too.
	goesOn := r.irrevocable() || r.Cell.Ahead() && o.Environment == Staging && r.TurnOf(Staging).Begun()
	if goesOn {
		over = w.goesOn
	}
	if err := over(o); err != nil {
		return w.planned(err)
	}
	text := "What is done is kept; " + r.goesFirst() + "."
	switch {
	case goesOn:
		text = "The running rotation has asked for the successor of the leaked key already. It goes on from there, and nothing is asked for twice."
	case r.Cell.Ahead():
		text = "Nothing was replaced in " + r.front() + " yet; it goes first, and people are asked before."
	case dying:
		text = "Its successor may be known, too: production leaves both for a key that a person makes."
	case r.deployFirst():
		text = strings.TrimSuffix(text, ".") + ", and nobody waits for tokens to run out."
	}
	text = strings.TrimSpace("This is an emergency now: " + o.Reason + ". " + text + " " + r.Safe() + " " + r.Inherited())
	taken := event.Event{Kind: event.Overtaken, By: o.Requester.ID, Text: text, Facts: map[string]string{"plan": r.PlanHash}}
	return w.commit(ctx, append([]event.Event{taken}, w.notContained()...), state.Change{Timer: time.Now(), Release: true})
}

// approved is what an environment held when people were asked.
func (p Place) approved() map[string]Held {
	if len(p.Paired) > 0 {
		return p.Paired
	}
	return p.After
}
