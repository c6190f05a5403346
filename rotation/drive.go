package rotation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/state"
)

// run is one holder's work on one rotation, from claim to release.
type run struct {
	e       *Engine
	subject Subject
	lease   state.Lease
	rev     int64
	r       *Rotation
	was     State            // as it is stored
	stood   string           // as its batch sees it
	kind    providers.Kind   // found by a survey during this run
	begun   bool             // the intent of the step at the cursor was committed by this run, and the act not entered since
	untold  bool             // the last proof failed, and nothing speaks against the new credential
	over    bool             // the lease was given up with a commit
	made    providers.Values // what this run has in hand of a new credential, before any vault holds it
}

// outcome is what an act came to.
type outcome struct {
	done   bool          // the step is finished
	text   string        // sentence for people when done; "" says nothing
	wake   time.Time     // when to look again if not done
	state  State         // new state; "" keeps Running
	back   Act           // go back to this step instead
	undo   string        // turn around, and why
	events []event.Event // beside the step's own
	facts  map[string]string
}

func finished(text string) (outcome, error) { return outcome{done: true, text: text}, nil }

func lookAgain(d time.Duration) (outcome, error) { return outcome{wake: time.Now().Add(d)}, nil }

// drive claims a rotation and executes steps until one waits. A panic ends
// this drive and not the process.
func (e *Engine) drive(ctx context.Context, key string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			e.logPanic(key, "driving", p)
			err = fmt.Errorf("driving %s: %w", key, errPanic)
		}
	}()
	if IsBatch(key) {
		e.heeded(key)
		return e.driveBatch(ctx, key)
	}
	w, err := e.hold(ctx, key)
	if err != nil {
		return err
	}
	defer w.release(ctx)
	if w.resting() {
		return w.chores(ctx)
	}
	w.beside(ctx)
	for ctx.Err() == nil && (w.r.State == Running || w.r.State == Asking) {
		on, err := w.step(ctx)
		if err != nil || !on {
			return err
		}
	}
	return ctx.Err()
}

var errPanic = errors.New("a panic, see above")

// hold claims and loads a rotation.
func (e *Engine) hold(ctx context.Context, key string) (*run, error) {
	lease, err := e.config.Store.Claim(ctx, key, e.config.Replica, e.config.Lease)
	if err != nil {
		return nil, fmt.Errorf("claiming %s: %w", key, err)
	}
	w := &run{e: e, lease: lease}
	record, err := e.config.Store.Load(ctx, key)
	if err == nil {
		w.rev = record.Revision
		w.r, err = decodeRecord(key, record.Body)
	}
	if err == nil {
		w.was, w.stood = w.r.State, stands(w.r)
	}
	if err == nil {
		var ok bool
		if w.subject, ok = e.subjects[w.r.Secret]; !ok {
			err = w.unknown(ctx, record.Timer)
		}
	}
	if err != nil {
		w.release(ctx)
		return nil, fmt.Errorf("loading %s: %w", key, err)
	}
	return w, nil
}

// unknown is the error for a rotation of a secret that is not configured here.
// A replica with another configuration may know it; when none has taken it up
// for a while, people are told and the rotation rests.
func (w *run) unknown(ctx context.Context, due time.Time) error {
	err := fmt.Errorf("%s is not in the configuration", w.r.Secret)
	if (w.r.State != Running && w.r.State != Asking) || due.IsZero() || time.Since(due) < w.e.config.Retry.Max {
		return err
	}
	p := Problem{Step: w.at(), Reason: "not configured", What: w.r.Secret + " is no longer in the configuration of Rekey.", Safe: w.r.Safe(),
		Next: "Put it back, then `/rotate retry " + w.r.Secret + "` goes on from here."}
	w.withdraw()
	w.r.State, w.r.Problem, w.r.Wake = Stuck, &p, time.Time{}
	if w.r.held() { // its hooks are not known here, either: whoever knows them again has the work go on
		w.r.Wake = time.Now().Add(w.e.config.Retry.Max)
	}
	return errors.Join(err, w.commit(ctx, []event.Event{{Kind: event.Stopped, Step: p.Step, Reason: p.Reason, Text: p.Text()}}, state.Change{Timer: w.r.Wake, Release: true}))
}

// release gives the lease up, even when ctx has ended: the next holder would
// have to wait for it to run out.
func (w *run) release(ctx context.Context) {
	if w.over {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := w.e.config.Store.Release(ctx, w.lease); err != nil {
		w.e.config.Log.Warn("giving up a lease", "rotation", w.lease.Key, "error", err)
	}
}

// step executes the step at the cursor: intent, act, outcome. Where the next
// step follows at once, its intent is part of the outcome's commit, so that a
// plan costs one commit per step. It returns false when the rotation has to
// wait.
func (w *run) step(ctx context.Context) (bool, error) {
	step, ok := w.r.Step()
	if !ok {
		return false, fmt.Errorf("driving %s: the plan has no step %d", w.r.Key(), w.r.Cursor)
	}
	if !w.r.Begun {
		if err := w.note(ctx, w.begin(step)...); err != nil {
			w.anyway(ctx, err, step)
			return false, err
		}
	}
	var out outcome
	lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, func(ctx context.Context) error {
		var err error
		out, err = w.guarded(ctx, step)
		return err
	})
	w.lease, w.begun = lease, false
	if stopNow(ctx, err) {
		return false, err
	}
	if err != nil {
		return false, w.failed(ctx, step, err)
	}
	return w.finish(ctx, step, out)
}

// guarded turns a panic of an act, or of an adapter in it, into a failure
// that asks a person: one rotation stops, the others go on. What it panicked
// with may hold a value and is not logged, unless it is the runtime's own.
func (w *run) guarded(ctx context.Context, step Step) (out outcome, err error) {
	defer func() {
		if p := recover(); p != nil {
			w.e.logPanic(w.r.Key(), step.String(), p)
			out, err = outcome{}, fault.New("executing "+step.String(), fault.Unexplained, "")
		}
	}()
	out, err = w.act(ctx, step)
	return out, w.heardOut(ctx, err)
}

func (e *Engine) logPanic(key, where string, p any) {
	said := fmt.Sprintf("%T", p)
	if own, ok := p.(runtime.Error); ok {
		said = own.Error()
	}
	e.config.Log.Error("a panic", "rotation", key, "in", where, "panic", said, "stack", string(debug.Stack()))
}

// stopNow reports errors after which nothing may be committed: whoever holds
// the lease next finds the intent and looks.
func stopNow(ctx context.Context, err error) bool {
	return err != nil && (lost(err) || errors.Is(err, errNotStored) || ctx.Err() != nil)
}

// errNotStored marks a commit that may not have arrived. In the middle of an
// act it says nothing about the step: another holder loads what is stored.
var errNotStored = errors.New("it may not be stored")

func lost(err error) bool {
	return errors.Is(err, state.ErrLost) || errors.Is(err, state.ErrConflict)
}

// maxTimes bounds how many timings a record keeps.
const maxTimes = 200

// begin makes the step's intent, for the journal, and what people hear of its
// beginning. It has to be committed before any effect of the step.
func (w *run) begin(step Step) []event.Event {
	w.r.Begun, w.r.Attempt, w.r.Throttles = true, 0, 0
	w.begun = true
	switch step.Act {
	case Issue:
		w.r.Limit = w.r.Issues + maxIssues
		w.nextIssue()
	case Make:
		w.r.Issues++ // the service learns of it when the vault has it, not before
	case Deploy:
		w.ask(step.Environment)
	case Rehearse:
		w.reserve(Rehearse)
	case PauseHook:
		w.reserve(PauseHook)
		delete(w.r.Hooks, ResumeHook) // of an earlier pause
		if w.subject.Pause != nil {
			w.r.Held = time.Now()
		}
	case ResumeHook:
		if w.r.held() && w.r.Hooks[ResumeHook].Request == "" {
			w.reserve(ResumeHook)
		}
	case Watch, WatchAfter:
		delete(w.r.Vigils, step.Act)
	}
	if n := len(w.r.Times) - maxTimes; n >= 0 {
		w.r.Times = slices.Delete(w.r.Times, 0, n+1) // of a duty that lasts
	}
	w.r.Times = append(w.r.Times, Timing{Step: step.String(), Started: time.Now()})
	events := []event.Event{{Kind: event.Intent, Step: step.String(), Facts: w.intent(step)}}
	if step.Act == Watch || step.Act == WatchAfter {
		events = append(events, w.announce(step))
	}
	return events
}

// intent names what the step is about to do, by id, label or version, so that
// the journal tells it even if nothing else survives.
func (w *run) intent(step Step) map[string]string {
	switch step.Act {
	case Issue, Make:
		if w.r.Cell.Ahead() {
			return map[string]string{"old": string(w.oldOf(step).ID), "card": fmt.Sprint(w.cardNumber())}
		}
		return map[string]string{"label": w.label()}
	case Import, Activate, WritePrev:
		return map[string]string{"id": string(w.r.Places[step.Environment].New.ID)}
	case Rehearse, PauseHook, ResumeHook:
		return map[string]string{"request": w.r.Hooks[step.Act].Request}
	case Write:
		return map[string]string{"id": string(w.r.New().ID)}
	case Deploy:
		return map[string]string{"request": w.r.Deploys[step.Environment].Request}
	case End, Delete:
		return map[string]string{"id": string(w.oldOf(step).ID), "card": fmt.Sprint(w.cardNumber())}
	case Restore:
		return w.r.restoring(step.Environment)
	default:
		return nil
	}
}

// note commits the record with events in the middle of a step. Should this
// replica die now, the timer lets another one find the rotation.
func (w *run) note(ctx context.Context, events ...event.Event) error {
	return w.commit(ctx, events, state.Change{Timer: time.Now().Add(w.e.config.Lease), Extend: w.e.config.Lease})
}

// finish commits an act's outcome, and in the same commit the intent of the
// step that follows at once. A crash in between finds what it would find after
// two commits: the intent, and perhaps the effect. There is no moment of its
// own between an outcome and an intent that anybody could use, because the
// lease is held throughout.
func (w *run) finish(ctx context.Context, step Step, out outcome) (bool, error) {
	if out.undo != "" {
		return false, w.goBack(ctx, Person{}, out.undo, out.events)
	}
	w.r.State = Running
	if out.state != "" {
		w.r.State = out.state
	}
	if w.r.State == Running && !out.done && out.back == "" && out.wake.IsZero() {
		// Without a timer nobody would ever look again.
		out.wake = time.Now().Add(w.e.config.Retry.Max)
	}
	if !out.wake.IsZero() && w.r.State == Running || w.r.State == Asking {
		out.wake = sooner(out.wake, w.pageAt())
	}
	w.r.Wake = out.wake
	events := append(out.events, w.pages()...)
	switch {
	case out.done:
		events = append(events, event.Event{Kind: event.Done, Step: step.String(), Text: out.text, Facts: out.facts})
		w.advance(w.r.Cursor + 1)
	case out.back != "":
		w.advance(w.stepOf(out.back, step.Environment))
	}
	if w.r.Cursor >= len(w.r.Plan) {
		w.r.State, w.r.Ended = Succeeded, time.Now()
	}
	if w.r.State.Final() {
		return false, w.commit(ctx, events, state.Change{Close: true, Release: true})
	}
	return w.goneOn(ctx, step, out, events)
}

// goneOn commits an outcome after which there is something left to do: at once,
// later, or by people.
func (w *run) goneOn(ctx context.Context, step Step, out outcome, events []event.Event) (bool, error) {
	goOn := w.r.State == Running && (out.done || out.back != "") && out.wake.IsZero()
	change := state.Change{Timer: out.wake, Extend: w.e.config.Lease, Hint: w.progress(step)}
	if goOn {
		events = append(events, w.begin(w.r.Plan[w.r.Cursor])...)
		change.Timer = time.Now().Add(w.e.config.Lease)
	} else {
		change.Release = true
	}
	if w.resting() {
		change.Timer = w.choreAt()
		w.r.Wake = change.Timer
	}
	return goOn, w.commit(ctx, events, change)
}

// resting reports that people are waited for, and nothing goes on meanwhile but
// what chores there are.
func (w *run) resting() bool { return w.r.State == Stuck || w.r.State == Pending }

// advance moves the cursor and closes the step's timing.
func (w *run) advance(cursor int) {
	w.r.Cursor, w.r.Begun, w.r.Attempt, w.r.Problem = cursor, false, 0, nil
	if n := len(w.r.Times); n > 0 {
		w.r.Times[n-1].Ended = time.Now()
	}
}

// stepOf finds the last step before the cursor, or at it, with this act.
func (w *run) stepOf(act Act, environment string) int {
	found := w.r.Cursor
	for i := 0; i <= w.r.Cursor && i < len(w.r.Plan); i++ {
		s := w.r.Plan[i]
		if s.Act == act && (s.Environment == "" || s.Environment == environment) {
			found = i
		}
	}
	return found
}

// commit writes record, events and timer in one act.
func (w *run) commit(ctx context.Context, events []event.Event, c state.Change) error {
	var err error
	w.collected()
	if w.r.State != w.was {
		w.r.Since = time.Now()
	}
	if c.Events, err = journalled(events); err != nil {
		return err
	}
	if c.Body, err = encodeRecord(w.r); err != nil {
		return err
	}
	before := time.Now()
	rev, err := w.e.config.Store.Commit(ctx, w.lease, w.rev, c)
	if err != nil && !lost(err) && w.e.stored(ctx, w.r.Key(), w.rev+1, c.Body) {
		rev, err = w.rev+1, nil // its answer was lost
	}
	if err != nil {
		return fmt.Errorf("committing %s: %w: %w", w.r.Key(), errNotStored, err)
	}
	w.rev, w.over, w.was = rev, c.Release, w.r.State
	if now := stands(w.r); now != w.stood {
		w.stood = now
		w.e.nudge(w.r.Batch)
	}
	if c.Extend > 0 {
		w.lease.Until = before.Add(c.Extend)
	}
	return nil
}

// stored reports that a record is exactly this at a revision. Its body holds
// the moments of this very run, so that nobody else can have written it.
func (e *Engine) stored(ctx context.Context, key string, revision int64, body []byte) bool {
	ctx, cancel := context.WithTimeout(ctx, e.config.Lease/4)
	defer cancel()
	record, err := e.config.Store.Load(ctx, key)
	return err == nil && record.Revision == revision && bytes.Equal(record.Body, body)
}

func journalled(events []event.Event) ([]state.Event, error) {
	rows := make([]state.Event, 0, len(events))
	for _, ev := range events {
		if ev.At.IsZero() {
			ev.At = time.Now()
		}
		body, err := ev.Encode()
		if err != nil {
			return nil, err
		}
		rows = append(rows, state.Event{Body: body, Post: ev.Posted()})
	}
	return rows, nil
}

// failed decides what a failure means: again later, or a person.
func (w *run) failed(ctx context.Context, step Step, err error) error {
	f := fault.Of(err)
	w.e.config.Log.Warn("a step did not succeed", "rotation", w.r.ID, "secret", w.r.Secret, "step", step.String(), "attempt", w.r.Attempt+1, "class", f.Class.String(), "error", err)
	w.r.Attempt++
	repeatable := f.Class == fault.Again || f.Class == fault.Lost
	if repeatable && !w.unaccepted(step, f) && (w.r.Attempt < w.e.config.Retry.Attempts || w.duty(step)) {
		return w.retryLater(ctx, step, f)
	}
	if w.turnsBack(step, f.Reason) {
		stays := w.unable(ctx)
		if stays == nil {
			return w.goBack(ctx, Person{}, what(w.r, f), nil)
		}
		if stopNow(ctx, stays) {
			return stays
		}
		w.e.config.Log.Warn("a rotation that failed cannot be rolled back by itself", "rotation", w.r.ID, "error", stays)
	}
	w.overlooked()
	p := explain(w.r, step, f)
	p.offered(w.untellable(step))
	w.r.Problem, w.r.State, w.r.Wake = &p, Stuck, w.choreAt()
	return w.commit(ctx, []event.Event{{Kind: event.Stopped, Step: step.String(), Reason: p.Reason, Text: p.Text()}}, state.Change{Timer: w.r.Wake, Release: true})
}

// duty reports the steps that are never given up by themselves: an old
// credential whose end was approved must die. Once it is proved dead, what
// fails is the application, and that is for people.
func (w *run) duty(step Step) bool {
	switch step.Act {
	case End, Delete:
		return true
	case EndNew:
		return !w.r.Back.Sent.IsZero()
	case DurableProbe:
		return true
	case Report, Audit: // before either it is proved
		return w.r.Cell.Ahead()
	case ConfirmDead:
		if w.r.Cell.Ahead() {
			return false // it is proved in the end
		}
		return w.r.Ends[step.Environment].Dead.IsZero() || w.r.SwitchedOff()
	case WatchAfter:
		return w.r.SwitchedOff() // to be switched on again
	default:
		return false
	}
}

func (w *run) retryLater(ctx context.Context, step Step, f *fault.Error) error {
	wait := max(w.e.config.Retry.pause(w.r.Attempt), f.RetryAfter)
	w.r.Wake = time.Now().Add(wait)
	ev := event.Event{Kind: event.Retrying, Step: step.String(), Reason: string(f.Reason)}
	if n := w.r.Attempt; telling(n) {
		ev.Text = fmt.Sprintf("%s Attempt %d; next in %s.", what(w.r, f), n+1, human(wait))
	}
	return w.commit(ctx, []event.Event{ev}, state.Change{Timer: w.r.Wake, Release: true})
}

// telling reports the attempts people hear of: 1, 2, 4, 8 …, to nag and not to
// flood.
func telling(attempt int) bool { return attempt&(attempt-1) == 0 }

// pause doubles from First up to Max.
func (r Retry) pause(attempt int) time.Duration {
	d := r.First
	for i := 1; i < attempt && d < r.Max; i++ {
		d *= 2
	}
	return min(d, r.Max)
}

// human rounds a duration to what people want to read.
func human(d time.Duration) time.Duration {
	switch {
	case d < 20*time.Millisecond:
		return d.Round(time.Millisecond)
	case d < time.Second:
		return d.Round(10 * time.Millisecond)
	case d < time.Minute:
		return d.Round(100 * time.Millisecond)
	default:
		return d.Round(time.Second)
	}
}
