package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
)

// ask reserves the request id of a deployment, in the step's intent: the same
// id is sent however often the request has to be repeated.
func (w *run) ask(env string) {
	w.r.Triggers++
	if w.r.Deploys == nil {
		w.r.Deploys = make(map[string]Deployment)
	}
	w.r.Deploys[env] = Deployment{Request: fmt.Sprintf("%s-%d", w.r.ID, w.r.Triggers)}
}

// deploy starts the environment's deployment and follows it to its end.
// Built is not live.
func (w *run) deploy(ctx context.Context, env string) (outcome, error) {
	d, stage := w.r.Deploys[env], w.subject.Stages[env]
	if d.Triggered.IsZero() {
		handle, err := stage.Deployer.Trigger(ctx, deploy.Request{
			ID: d.Request, Environment: env, Reason: w.r.errandOf() + " of " + w.r.Secret,
			Secrets: w.subject.Variables, Rebuild: w.subject.Inlined(), RequestedBy: w.r.Requester.ID, Attempt: w.r.Triggers,
		})
		if err != nil {
			return outcome{}, err
		}
		handle.URL = "" // the target's words, in a form that no mask fits; nobody is shown it
		d.Triggered, d.Handle, d.Name, d.Phase = time.Now(), handle, handle.Deployment, deploy.Queued
		w.r.Deploys[env] = d
		return lookAgain(w.subject.Pace.DeployPoll)
	}
	status, err := stage.Deployer.Status(ctx, d.Handle)
	if err != nil {
		return outcome{}, err
	}
	d.Phase = status.Phase
	if status.Deployment != "" {
		d.Name = status.Deployment
	}
	w.r.Deploys[env] = d
	return w.followed(env, d, status)
}

func (w *run) followed(env string, d Deployment, status deploy.Status) (outcome, error) {
	op, age := "deploying "+env, time.Since(d.Triggered)
	switch {
	case status.Phase == deploy.Live:
		d.Live = time.Now()
		w.r.Deploys[env] = d
		return finished("")
	case status.Phase == deploy.Unknown && d.Handle.StatusURL == "":
		// Fire and wait: nothing tells when it is live. The proof that
		// follows asks until it is given or its time is over.
		d.Live = time.Now()
		w.r.Deploys[env] = d
		return finished(title(env) + "'s deployment was asked for and cannot be followed; the proof tells whether it is live.")
	case status.Phase == deploy.Failed, status.Phase == deploy.Cancelled:
		return outcome{}, &fault.Error{Op: op, Reason: fault.Failing, Detail: "the deployment " + string(status.Phase) + detail(status.Detail), Err: status.Said.Cause()}
	case age > w.subject.Pace.DeployDeadline:
		return outcome{}, &fault.Error{Op: op, Reason: fault.Unproved, Detail: fmt.Sprintf("after %s its state is %s%s", human(age), status.Phase, detail(status.Detail)), Err: status.Said.Cause()}
	default:
		return lookAgain(pollPause(age, w.subject.Pace.DeployPoll))
	}
}

func detail(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}

// pollPause looks often at first and ever less: with the usual second as base
// each second for a quarter of a minute, every 5 s for a minute, every 15 s
// for five, then every 30 s.
func pollPause(age, base time.Duration) time.Duration {
	switch {
	case age < 15*base:
		return base
	case age < 60*base:
		return 5 * base
	case age < 300*base:
		return 15 * base
	default:
		return 30 * base
	}
}
