package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// Where issuing has started a clock, going back wins time and nothing else: the
// service keeps the new credential, and the old one dies by itself. So the way
// back does not end. It comes to rest at [Forward], with the moment at which the
// old one dies, reminds people ever more often until then, calls them when the
// margin begins and when it is dead, and goes forward again when they say so.

// closes is the moment from which on an environment is not sent back to an old
// credential that dies by itself; zero where it does not.
func (r *Rotation) closes(env string) time.Time {
	t := r.TurnOf(env)
	if r.Cell.Shape != providers.Grace || t.Dies.IsZero() {
		return time.Time{}
	}
	return t.Dies.Add(-r.Traits.Waits.Margin)
}

// late reports that this moment has come.
func (r *Rotation) late(env string) bool {
	at := r.closes(env)
	return !at.IsZero() && !time.Now().Before(at)
}

// returns reports that an environment was written, and can go back.
func (r *Rotation) returns(env string) bool { return r.Wrote(env) && !r.late(env) }

// tooLate refuses a way back for which the time is over: production's, or that of
// all there is.
func (r *Rotation) tooLate() error {
	for _, env := range []string{Production, Staging} {
		switch {
		case !r.Wrote(env):
			continue
		case !r.late(env):
			return nil
		}
		return &Refusal{Code: NotNow, Other: r, Sentence: fmt.Sprintf("%s So there is no time to go back to it. Nothing was changed. Go forward: mend what fails with the new key, which %s keeps, then `/rotate retry %s`.",
			r.mortal(env), r.Traits.Service, r.Secret)}
	}
	return nil
}

// stopped says what can be done with what was stopped after the old credential was
// replaced.
func (r *Rotation) stopped() string {
	for _, env := range []string{Production, Staging} {
		if r.Wrote(env) && r.tooLate() == nil && r.Cell.Shape == providers.Grace {
			return fmt.Sprintf("`/rotate retry %s` goes on; until %s `/rotate rollback %s` goes back to the old key.", r.Secret, clock(r.closes(env)), r.Secret)
		}
	}
	return "There is no way back to the old key: `/rotate retry " + r.Secret + "` goes on."
}

// mortal says when an environment's old key dies by itself, or did.
func (r *Rotation) mortal(env string) string {
	dies := r.TurnOf(env).Dies
	if time.Now().Before(dies) {
		return fmt.Sprintf("The old key of %s dies by itself at %s, whatever happens.", env, clock(dies))
	}
	return fmt.Sprintf("The old key of %s died by itself at %s.", env, clock(dies))
}

func clock(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// inTime holds, before an environment is sent back, that it is not too late for
// that.
func (r *Rotation) inTime(env string) error {
	if !r.late(env) {
		return nil
	}
	return fault.New("restoring the old key in "+env, fault.TooLate, "it dies at "+clock(r.TurnOf(env).Dies))
}

// borrowed are the environments that are back on a credential that dies by
// itself, or on their way there.
func (r *Rotation) borrowed() (all []string) {
	if r.Cell.Mode != Rollback || r.Cell.Shape != providers.Grace {
		return nil
	}
	for _, env := range r.environments() {
		if slices.Contains(r.Plan, Step{Restore, env}) {
			all = append(all, env)
		}
	}
	return all
}

// dies is when the first of the borrowed credentials dies.
func (r *Rotation) dies() (first time.Time) {
	for _, env := range r.borrowed() {
		first = sooner(first, r.TurnOf(env).Dies)
	}
	return first
}

// dwell is where a way back rests whose old credential dies by itself, once every
// environment is seen to be on it.
func (w *run) dwell(ctx context.Context) (outcome, error) {
	r := w.r
	for _, env := range r.borrowed() {
		cert, err := w.vouch(ctx, env)
		if err != nil {
			return outcome{}, err
		}
		w.certified(env, cert)
	}
	p := Problem{Step: w.at(), Reason: rolledBack, What: fmt.Sprintf("Rolled back in %s: the application runs on the old key in %s again.", human(time.Since(r.Back.At)), both(r.borrowed())),
		Safe: r.Safe(), Next: r.onward()}
	r.Problem = &p
	r.Back.Told = time.Now()
	return outcome{state: Stuck, events: []event.Event{w.dwindling(p.What + " " + p.Safe)}}, nil
}

// rolledBack is the reason of that rest.
const rolledBack = "rolled back for a while"

// Dwells reports that it rests there.
func (r *Rotation) Dwells() bool {
	return r.State == Stuck && r.Problem != nil && r.Problem.Reason == rolledBack
}

// onward is how to go forward from there.
func (r *Rotation) onward() string {
	if slices.ContainsFunc(r.borrowed(), r.late) {
		return "Go forward now: `/rotate retry " + r.Secret + "` writes the new key again, deploys and proves it. It needs no new approval for that."
	}
	return fmt.Sprintf("Mend what failed with the new key, and before %s `/rotate retry %s`: Rekey writes the new key again, deploys and proves it. It needs no new approval for that.",
		clock(r.dies().Add(-r.Traits.Waits.Margin)), r.Secret)
}

func (w *run) dwindling(text string) event.Event {
	return event.Event{Kind: event.Dwindling, Step: w.at(), Text: text, Facts: map[string]string{"dies": w.r.dies().UTC().Format(time.RFC3339)}}
}

// mostReminders is how many times people are reminded before the margin begins:
// after half of the time that is left, and so on.
const mostReminders = 4

// callAt is when people are called next: a margin begins, or an old credential
// dies. Zero when all of that is over, or nothing is borrowed.
func (r *Rotation) callAt() (at time.Time) {
	for _, env := range r.borrowed() {
		for _, due := range []time.Time{r.closes(env), r.TurnOf(env).Dies} {
			if due.After(r.Back.Called) {
				at = sooner(at, due)
			}
		}
	}
	return at
}

// remindAt is when people hear next of a credential that an application has
// borrowed; zero when nothing is left to be said.
func (r *Rotation) remindAt() time.Time {
	at := r.callAt()
	if b := r.Back; b.Told.IsZero() || !b.Called.IsZero() || b.Reminders >= mostReminders {
		return at
	}
	half := r.Back.Told.Add(at.Sub(r.Back.Told) / 2)
	return sooner(half.Truncate(time.Millisecond), at) // as exact as a timer is stored
}

// reminds is what people hear of it now.
func (w *run) reminds() []event.Event {
	r, now := w.r, time.Now()
	at, call := r.remindAt(), r.callAt()
	switch {
	case at.IsZero() || now.Before(at):
		return nil
	case !call.IsZero() && !now.Before(call):
		r.Back.Called = now
		if r.Problem != nil {
			r.Problem.Safe, r.Problem.Next = r.Safe(), r.onward()
		}
		return []event.Event{w.deadline(r.dies(), "There is no more time to wait. "+r.Safe())}
	default:
		r.Back.Told, r.Back.Reminders = now, r.Back.Reminders+1
		return []event.Event{w.dwindling(fmt.Sprintf("The application is still on the old key, which dies in %s. %s", human(time.Until(r.dies())), r.Safe()))}
	}
}

func (w *run) deadline(dies time.Time, text string) event.Event {
	return event.Event{Kind: event.Deadline, Step: w.at(), Text: text, Facts: map[string]string{"dies": dies.UTC().Format(time.RFC3339)}}
}

// safeBorrowed says where each environment stands on a way back whose old
// credential dies by itself.
func (r *Rotation) safeBorrowed() string {
	var all []string
	for _, env := range []string{Production, Staging} {
		p, there := r.Places[env]
		switch {
		case !there:
		case !slices.Contains(r.borrowed(), env) && r.Wrote(env):
			all = append(all, title(env)+" stays on the new key.")
		case !r.Wrote(env):
			all = append(all, title(env)+" was not changed.")
		case r.Proofs[env].Kind != "":
			all = append(all, title(env)+" runs on the old key, proved.", r.mortal(env))
		case len(p.Restored) > 0:
			all = append(all, title(env)+": the vault holds the old key again; the application is not yet proved to run on it.", r.mortal(env))
		case !p.HeldSince.IsZero():
			all = append(all, title(env)+": the write of the old key waits in the vault to be merged; until then it holds the new one.", r.mortal(env))
		default:
			all = append(all, title(env)+": the vault still holds the new key.", r.mortal(env))
		}
	}
	return strings.Join(all, " ") + " The new key is not ended: " + r.Traits.Service + " has no other."
}

// nextBorrowed is what to do when such a way back stopped.
func (r *Rotation) nextBorrowed(f *fault.Error) string {
	switch {
	case f.Reason == fault.HeldForApproval:
		return "Merge the request in the vault."
	case f.Reason == fault.TooLate:
		return "`/rotate retry " + r.Secret + "` goes forward: Rekey writes the new key again, deploys and proves it."
	default:
		return fmt.Sprintf("Look into it, then `/rotate retry %s` goes on with the rollback; `/rotate cancel %s` gives it up, and `/rotate retry` goes forward then. What is on the old key is to be off it before %s.",
			r.Secret, r.Secret, clock(r.dies().Add(-r.Traits.Waits.Margin)))
	}
}

// onwards reports that a retry goes forward and not on with the way back: it has
// arrived where it rests, somebody gave it up, or there is no time for it.
func (w *run) onwards() bool {
	r := w.r
	if len(r.borrowed()) == 0 {
		return false
	}
	gaveUp := r.Problem != nil && r.Problem.Reason == givenUp
	return r.Dwells() || gaveUp || slices.ContainsFunc(r.borrowed(), r.late)
}

// givenUp is the reason of a stop after which a retry goes forward.
const givenUp = "the rollback was given up"

// goForward makes the record that of the way forward again: what was restored gets
// the new value once more, read by its version, and what the plan had not come to
// follows. No approval is needed for what was allowed and done before.
func (w *run) goForward(ctx context.Context, by Person) error {
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, w.wentBack)
	if w.lease = lease; err != nil {
		return &Refusal{Code: NotNow, Other: w.r, Err: err, Sentence: "It did not go forward. " + what(w.r, fault.Of(err)) + " " + w.r.Safe() + " Ask again when that is mended."}
	}
	if err := w.turnForward(); err != nil {
		return err
	}
	text := "Going forward again: the new key is written once more where the old one was restored. " + w.r.Safe()
	return w.commit(ctx, []event.Event{{Kind: event.Retried, By: by.ID, Text: text, Facts: map[string]string{"plan": w.r.PlanHash}}}, state.Change{Timer: time.Now(), Release: true})
}

func (w *run) turnForward() error {
	r := w.r
	before := r.PlanHash
	cell := r.Cell
	cell.Mode = r.Back.From
	steps, err := PlanFor(cell)
	if err != nil {
		return err
	}
	proved := r.Proofs
	r.aheadAgain()
	for env := range proved {
		if !r.Wrote(env) {
			delete(proved, env) // it was of the old one
		}
	}
	r.Proofs = proved
	r.Cell, r.Plan = cell, r.yetToGo(steps)
	if r.PlanHash, err = hashOf(struct {
		Before string
		Cell   Cell
		Steps  []Step
	}{before, cell, r.Plan}); err != nil {
		return err
	}
	for _, env := range r.environments() {
		if r.late(env) && !r.proved(env) {
			w.turn(env, func(t *Turn) { t.Paged = time.Now() }) // people know
		}
	}
	r.Back, r.Problem = nil, nil
	w.advance(0)
	r.State, r.Wake = Running, time.Time{}
	return nil
}

// yetToGo are the steps of the plan forward that are still to be gone: an
// environment that has the new one is left as it is, one that had it gets it once
// more, and people are asked where another one is to be made.
func (r *Rotation) yetToGo(steps []Step) []Step {
	var left []Step
	for _, s := range steps {
		again := len(r.Places[s.Environment].Again) > 0
		brings := slices.Contains([]Act{Issue, Write, Backfill}, s.Act)
		switch {
		case s.Act == Preflight, s.Act == Approve, brings && r.Wrote(s.Environment):
			continue
		case s.Environment != "" && s.Act != DurableProbe && r.proved(s.Environment):
			continue
		case s.Act == Issue && again:
			s.Act = Write
		case s.Act == Issue && !slices.Contains(left, Step{Act: Approve}):
			left = append(left, Step{Act: Approve})
		}
		left = append(left, s)
	}
	return left
}

// giveUp stops a way back at a person's wish. What is restored stays so until
// somebody goes on, one way or the other.
func (w *run) giveUp(ctx context.Context, by Person) error {
	r := w.r
	if r.Dwells() {
		return &Refusal{Code: NotNow, Other: r, Sentence: "It went back already, so there is nothing left to cancel. " + r.Safe() + " " + r.onward()}
	}
	look := ""
	if w.kept() {
		look = "Turn down what waits for approval in the vault. Then "
	}
	w.writeAgain(turnedDown)
	p := Problem{Step: w.at(), Reason: givenUp, What: "The rollback was stopped by <@" + user(by) + ">.", Safe: r.Safe(),
		Next: look + "`/rotate retry " + r.Secret + "` goes forward: Rekey writes the new key again where it was replaced, deploys and proves it. `/rotate rollback " + r.Secret + "` goes on with the rollback."}
	r.State, r.Problem = Stuck, &p
	r.Wake = w.choreAt()
	return w.commit(ctx, []event.Event{{Kind: event.Cancelled, By: by.ID, Text: p.Safe + " " + p.Next}}, state.Change{Timer: r.Wake, Release: true})
}

// takesUp reports that somebody wants to go on with a way back that was given up.
func (r *Rotation) takesUp() bool {
	return r.Cell.Mode == Rollback && r.State == Stuck && r.Problem != nil && r.Problem.Reason == givenUp && r.tooLate() == nil
}

// takeUp goes on with it.
func (w *run) takeUp(ctx context.Context, by Person) error {
	w.r.State, w.r.Problem, w.r.Attempt, w.r.Begun = Running, nil, 0, false
	return w.commit(ctx, []event.Event{{Kind: event.Retried, By: by.ID}}, state.Change{Timer: time.Now(), Release: true})
}

// stands are the proofs that a way back leaves as they are: of environments that
// stay on the new credential, because it is too late for them.
func (r *Rotation) stands() map[string]Certificate {
	kept := make(map[string]Certificate)
	for env, cert := range r.Proofs {
		if r.Wrote(env) && !r.returns(env) {
			kept[env] = cert
		}
	}
	return kept
}
