package webhook

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// phases are the words of the contract. Any other word is unknown: guessing
// that "done" means live would be a guess about production.
var phases = map[string]deploy.Phase{
	"queued":    deploy.Queued,
	"running":   deploy.Running,
	"succeeded": deploy.Live,
	"failed":    deploy.Failed,
	"cancelled": deploy.Cancelled,
}

// state is what a target answers.
type state struct {
	Status     *string `json:"status"`
	Detail     string  `json:"detail"`
	Deployment string  `json:"deployment"`
}

// Status asks once. Until the target has answered so many questions in a row
// with nothing that its state counts as unknown, that is an error to be tried
// again; the deployment itself is not judged by it.
func (d *Deployer) Status(ctx context.Context, h deploy.Handle) (deploy.Status, error) {
	if h.StatusURL == "" {
		return deploy.Status{Phase: deploy.Unknown, Deployment: h.Deployment, Detail: "this target tells no status; only the application's own word can prove the deployment"}, nil
	}
	const op = "asking how a deployment is going"
	target, err := d.resolve(h.StatusURL)
	if err != nil {
		return deploy.Status{}, &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Invalid, Err: err, Detail: "the stored status address is not one of the configured hosts"}
	}
	d.memory.begin(h.ID, time.Now())
	var answer state
	_, err = d.call(ctx, target, rest.Call{Op: op}, &answer)
	if err != nil {
		return d.unanswered(h, err)
	}
	d.memory.answered(h.ID)
	if answer.Status == nil {
		return deploy.Status{}, &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Garbled, Status: 200, Detail: "the answer holds no status"}
	}
	return read(h, answer), nil
}

// read makes a status of an answer. What the target names later completes the handle.
func read(h deploy.Handle, a state) deploy.Status {
	s := deploy.Status{Phase: phases[*a.Status], Deployment: deploymentName(a.Deployment), Said: secret.Quoted(a.Detail)}
	if s.Deployment == "" {
		s.Deployment = h.Deployment
	}
	if s.Phase == "" {
		s.Phase, s.Detail = deploy.Unknown, "the target names a state that is not in the contract"
		s.Said = secret.Quoted(*a.Status, a.Detail)
	}
	return s
}

// unanswered judges a question without a usable answer.
func (d *Deployer) unanswered(h deploy.Handle, err error) (deploy.Status, error) {
	unknown := deploy.Status{Phase: deploy.Unknown, Deployment: h.Deployment}
	f := fault.Of(err)
	switch {
	case f.Reason == fault.NotFound:
		d.memory.answered(h.ID)
		if d.memory.age(h.ID, time.Now()) < d.config.NotYet {
			unknown.Phase, unknown.Detail = deploy.Queued, "the target does not know it yet"
			return unknown, nil
		}
		unknown.Detail = "the target does not know this deployment (404)"
		return unknown, nil
	case f.Class != fault.Again, f.Reason == fault.Interrupted, f.Reason == fault.RateLimited:
		return deploy.Status{}, err
	}
	if n := d.memory.missed(h.ID); n >= d.config.Unreachable {
		unknown.Detail = fmt.Sprintf("the target has not answered %d times in a row (%s)", n, f.Reason)
		return unknown, nil
	}
	return deploy.Status{}, err
}

// nameForm is what a watch can be scoped to.
var nameForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// deploymentName drops what could not be used as a scope.
func deploymentName(text string) string {
	if !nameForm.MatchString(text) {
		return ""
	}
	return text
}
