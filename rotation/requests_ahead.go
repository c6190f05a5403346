package rotation

import (
	"context"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// cancelAhead calls off a plan in which issuing kills the old credential.
// Before that it is over, as soon as the application's work goes on; after it
// there is no way back, and it rests until somebody goes on.
func (w *run) cancelAhead(ctx context.Context, by Person) error {
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, w.sure)
	if w.lease = lease; err != nil {
		return &Refusal{Code: NotNow, Sentence: "It was not cancelled, because it could not be told whether the old key still lives. " + what(w.r, fault.Of(err)) + " " + w.r.Safe(), Err: err}
	}
	if w.r.settled() {
		return &Refusal{Code: NotNow, Sentence: "Every environment runs on its new key, so there is nothing left to cancel. Rekey goes on proving that the old one is dead."}
	}
	w.withdraw()
	ev := event.Event{Kind: event.Cancelled, By: by.ID}
	if !w.r.Replaced() && !w.r.unsure() {
		rest := w.leftoversAhead()
		w.r.State = w.callOff("Cancelled by <@" + user(by) + ">.")
		w.r.Wake = w.choreAt()
		ev.Text = w.r.Safe() + rest
		if w.r.Closing {
			ev.Text += " The application's work is being resumed."
		}
		return w.commit(ctx, []event.Event{ev}, state.Change{Close: w.r.State == Abandoned, Timer: w.r.Wake, Release: true})
	}
	reason := "cancelled"
	if w.kept() {
		reason = turnedDown
	}
	p := Problem{Step: w.at(), Reason: reason, What: "Cancelled by <@" + user(by) + ">.", Safe: w.r.Safe(),
		Next: w.r.stopped()}
	w.r.State, w.r.Problem = Stuck, &p
	w.r.Wake = w.choreAt()
	ev.Text = p.Safe + " " + p.Next
	return w.commit(ctx, []event.Event{ev}, state.Change{Timer: w.r.Wake, Release: true})
}

// settled reports that every environment was proved on its new key.
func (r *Rotation) settled() bool {
	for _, env := range r.environments() {
		if !r.proved(env) {
			return false
		}
	}
	return true
}

// kept reports a write that the vault keeps until a person merges it.
func (w *run) kept() bool {
	for _, p := range w.r.Places {
		if !p.HeldSince.IsZero() {
			return true
		}
	}
	return false
}

// sure finds out what became of what was asked for and never answered. What
// clearly did not happen is taken back.
func (w *run) sure(ctx context.Context) error {
	for _, env := range w.r.environments() {
		t := w.r.TurnOf(env)
		if !t.Begun() || !t.Made.IsZero() {
			continue
		}
		made, err := w.wasMade(ctx, env)
		switch {
		case err != nil:
			return err
		case made && !w.r.Traits.Guided:
			w.turned(env)
		case made:
			w.turn(env, func(t *Turn) { t.Refused = time.Now() })
		default:
			w.unturned(env)
		}
	}
	return nil
}

// wasMade asks the service whether the old credential of an environment was
// replaced.
func (w *run) wasMade(ctx context.Context, env string) (bool, error) {
	const op = "finding out whether the old key still lives"
	if !w.r.Traits.Guided {
		_, made, err := w.readBack(ctx, env)
		if err == nil && !made && time.Since(w.r.TurnOf(env).Sent) < w.r.Traits.Waits.Settle {
			err = fault.New(op, fault.Unsettled, "the service was asked moments ago and may act on it late")
		}
		return made, err
	}
	old, err := w.stale(ctx, env)
	if err != nil {
		return false, err
	}
	found, err := w.sighted(ctx, env, old)
	if err == nil && found.Liveness == providers.Unclear {
		err = fault.New(op, fault.CannotMeasure, "the service answered "+found.Answer)
	}
	return found.Liveness == providers.Refused, err
}

// leftoversAhead says what an errand that was called off must not lead to.
func (w *run) leftoversAhead() string {
	if w.r.Errand == nil {
		return ""
	}
	return " Do not replace the key in the console any more: production would stop. Rekey no longer looks into the inbox (" +
		w.subject.Stages[w.r.Errand.Environment].Inbox + "): remove what lies there."
}

// pausedAgain goes back to the pause of the application's work where a stop in
// the middle of a cutover had it go on. What was done since is found done.
func (w *run) pausedAgain() {
	from, to := -1, -1
	for i, s := range w.r.Plan {
		switch s.Act {
		case PauseHook:
			from = i
		case ResumeHook:
			to = i
		}
	}
	if w.r.Pauses && from >= 0 && w.r.Cursor > from && w.r.Cursor < to && !w.r.proved(w.r.front()) {
		w.advance(from)
	}
}

// decideAhead commits that a card before issuing came to nothing.
func (w *run) decideAhead(ctx context.Context, ev event.Event) error {
	out := w.lapsed(ev)
	w.r.State = out.state
	w.r.Wake = w.choreAt()
	return w.commit(ctx, out.events, state.Change{Close: out.state == Abandoned, Timer: w.r.Wake, Release: true})
}
