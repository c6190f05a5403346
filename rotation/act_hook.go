package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/rotation/event"
	"rekey/state"
)

// reserve takes the request id of something that is asked of the application
// beside its ordinary deployments, in the step's intent.
func (w *run) reserve(a Act) {
	w.r.Triggers++
	if w.r.Hooks == nil {
		w.r.Hooks = make(map[Act]Deployment)
	}
	w.r.Hooks[a] = Deployment{Request: fmt.Sprintf("%s-%d", w.r.ID, w.r.Triggers)}
}

// trigger asks for a deployment, or for what a hook does, under the request id
// that was reserved for it.
func (w *run) trigger(ctx context.Context, by deploy.Deployer, d Deployment, env, reason string) (Deployment, error) {
	handle, err := by.Trigger(ctx, deploy.Request{
		ID: d.Request, Environment: env, Reason: reason,
		Secrets: w.subject.Variables, RequestedBy: w.r.Requester.ID, Attempt: w.r.Triggers,
	})
	if err != nil {
		return d, err
	}
	handle.URL = "" // the target's words, in a form that no mask fits; nobody is shown it
	d.Triggered, d.Handle, d.Name, d.Phase = time.Now(), handle, handle.Deployment, deploy.Queued
	return d, nil
}

// pursue asks once and then follows what was asked to its end. again is how long
// to wait before the next look; zero when it is done.
func (w *run) pursue(ctx context.Context, a Act, by deploy.Deployer, op, reason string) (again time.Duration, err error) {
	d := w.r.Hooks[a]
	if !d.Live.IsZero() {
		return 0, nil
	}
	if d.Triggered.IsZero() {
		d, err = w.trigger(ctx, by, d, Production, reason)
		w.r.Hooks[a] = d
		return w.subject.Pace.DeployPoll, err
	}
	status, err := by.Status(ctx, d.Handle)
	if err != nil {
		return 0, err
	}
	age := time.Since(d.Triggered)
	if status.Deployment != "" {
		d.Name = status.Deployment
	}
	switch d.Phase = status.Phase; {
	case status.Phase == deploy.Live, status.Phase == deploy.Unknown && d.Handle.StatusURL == "": // fire and wait
		d.Live = time.Now()
	case status.Phase == deploy.Failed, status.Phase == deploy.Cancelled:
		err = &fault.Error{Op: op, Reason: fault.Failing, Detail: "it " + string(status.Phase) + detail(status.Detail), Err: status.Said.Cause()}
	case age > w.subject.Pace.DeployDeadline:
		err = &fault.Error{Op: op, Reason: fault.Unproved, Detail: fmt.Sprintf("after %s its state is %s%s", human(age), status.Phase, detail(status.Detail)), Err: status.Said.Cause()}
	default:
		again = pollPause(age, w.subject.Pace.DeployPoll)
	}
	w.r.Hooks[a] = d
	return again, err
}

// rehearse deploys production with nothing changed and proves it as after a
// change. How long that takes is the gap that the card will state.
func (w *run) rehearse(ctx context.Context) (outcome, error) {
	again, err := w.pursue(ctx, Rehearse, w.subject.Stages[Production].Deployer, "deploying production with nothing changed", "rehearsal for the rotation of "+w.r.Secret)
	if err != nil {
		return outcome{}, err
	}
	if again > 0 {
		return lookAgain(again)
	}
	d := w.r.Hooks[Rehearse]
	if _, err := w.answers(ctx, Production); err != nil {
		if f := fault.Of(err); f.Class == fault.Again && time.Since(d.Live) < w.subject.Pace.ProveFor {
			return lookAgain(w.subject.Pace.ProveEvery)
		}
		return outcome{}, asks(err)
	}
	w.r.Gap.Rehearsed = time.Since(d.Triggered)
	return finished(fmt.Sprintf("Rehearsed: a deployment of production with nothing changed was live and proved after %s. That is about how long the gap will be.", human(w.r.Gap.Rehearsed)))
}

// asks turns a proof that was not given in time into a question.
func asks(err error) error {
	if f := fault.Of(err); f.Reason == fault.Unproved {
		f.Class = fault.Ask
	}
	return err
}

// hold asks the application to hold the work that needs the credential, where
// there is a hook for it. From its intent on the work may be held.
func (w *run) pauseHook(ctx context.Context) (outcome, error) {
	if w.subject.Pause == nil {
		return finished("")
	}
	again, err := w.pursue(ctx, PauseHook, w.subject.Pause, "pausing the application's work", "rotation of "+w.r.Secret+": pause")
	switch {
	case err != nil:
		return outcome{}, err
	case again > 0:
		return lookAgain(again)
	}
	return finished("The application's work is paused: it waits instead of failing.")
}

// held reports that the application's work may be paused on our account.
func (r *Rotation) held() bool { return !r.Held.IsZero() }

// resumed has the application go on with its work. It is done when there was
// nothing to resume.
func (w *run) resumed(ctx context.Context) (outcome, error) {
	if !w.r.held() {
		return finished("")
	}
	if w.subject.Resume == nil {
		return outcome{}, fault.New("resuming the application's work", fault.Unsupported, "the configuration has lost its resume hook")
	}
	if d := w.r.Hooks[ResumeHook]; d.Request == "" {
		w.reserve(ResumeHook)
		if err := w.note(ctx, event.Event{Kind: event.Intent, Step: string(ResumeHook), Facts: w.intent(Step{Act: ResumeHook})}); err != nil {
			return outcome{}, err
		}
	}
	again, err := w.pursue(ctx, ResumeHook, w.subject.Resume, "resuming the application's work", "rotation of "+w.r.Secret+": resume")
	switch {
	case err != nil:
		if f := fault.Of(err); f.Class != fault.Again && f.Class != fault.Lost {
			delete(w.r.Hooks, ResumeHook) // asked anew, as a request of its own
		}
		return outcome{}, err
	case again > 0:
		return lookAgain(again)
	}
	delete(w.r.Hooks, ResumeHook)
	paused := time.Since(w.r.Held)
	w.r.Held = time.Time{}
	return finished("The application's work goes on; it was paused for " + human(paused).String() + ".")
}

// choreAt is when a rotation that waits for people has something to do by
// itself: its application's work is to go on, and people are to be called before
// an old credential dies too early.
func (w *run) choreAt() time.Time {
	at := w.pageAt()
	if w.r.held() && (at.IsZero() || time.Now().Before(at)) {
		at = time.Now()
	}
	return at
}

// chores does what is left to do while a rotation waits for people.
func (w *run) chores(ctx context.Context) error {
	events := w.pages()
	var next time.Time
	if w.r.held() {
		var out outcome
		lease, err := keeper{w.e.config.Store, w.e.config.Lease}.during(ctx, w.lease, func(ctx context.Context) error {
			var err error
			out, err = w.resumed(ctx)
			return err
		})
		w.lease = lease
		switch {
		case stopNow(ctx, err):
			return err
		case err != nil:
			w.r.Chores++
			next = time.Now().Add(w.e.config.Retry.pause(w.r.Chores))
			events = append(events, w.stillHeld(err, next))
		case out.done:
			w.r.Chores = 0
			events = append(events, event.Event{Kind: event.Done, Step: string(ResumeHook), Text: out.text})
		default:
			next = out.wake
		}
	}
	change := state.Change{Release: true}
	if w.r.Closing && !w.r.held() {
		w.r.Closing, w.r.Problem, w.r.State, w.r.Ended, change.Close = false, nil, Abandoned, time.Now(), true
		return w.commit(ctx, events, change)
	}
	change.Timer = sooner(next, w.pageAt())
	w.r.Wake = change.Timer
	return w.commit(ctx, events, change)
}

// stillHeld tells now and then that resuming does not succeed.
func (w *run) stillHeld(err error, next time.Time) event.Event {
	f := fault.Of(err)
	w.e.config.Log.Warn("the application's work was not resumed", "rotation", w.r.ID, "secret", w.r.Secret, "attempt", w.r.Chores, "error", err)
	ev := event.Event{Kind: event.Retrying, Step: string(ResumeHook), Reason: string(f.Reason)}
	if telling(w.r.Chores) {
		ev.Text = what(w.r, f) + " The application's work is still paused. Next attempt in " + human(time.Until(next)).String() + "."
	}
	return ev
}

// sooner is the earlier of two moments of which either may be none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}
