package command

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rekey/deploy"
	"rekey/internal/fault"
)

// unstarted is the word for an id that was never started.
const unstarted = "none"

// phases are the other words of the contract. Any further word is unknown:
// guessing that "done" means live would be a guess about production.
var phases = map[string]deploy.Phase{
	"queued":    deploy.Queued,
	"running":   deploy.Running,
	"succeeded": deploy.Live,
	"failed":    deploy.Failed,
	"cancelled": deploy.Cancelled,
}

// answer is what a status program prints.
type answer struct{ word, deployment, detail string }

// Status asks once.
func (d *Deployer) Status(ctx context.Context, h deploy.Handle) (deploy.Status, error) {
	a, err := d.ask(ctx, h.ID)
	if err != nil {
		return deploy.Status{}, err
	}
	s := deploy.Status{Phase: phases[a.word], Deployment: a.deployment, Detail: a.detail}
	switch {
	case a.word == unstarted:
		s.Phase, s.Detail = deploy.Unknown, "the status command does not know this deployment"
	case s.Phase == "":
		s.Phase, s.Detail = deploy.Unknown, strings.TrimSpace(fmt.Sprintf("the status command says %q. %s", a.word, a.detail))
	}
	return s, nil
}

// Ready asks about an id that nobody started. It tells whether the status
// program answers, and changes nothing.
func (d *Deployer) Ready(ctx context.Context) error {
	a, err := d.ask(ctx, "doctor-0")
	if err == nil && a.word != unstarted {
		return fault.New("asking about an id that was never started", fault.Garbled,
			fmt.Sprintf("the status command must say %q to it and says %q", unstarted, a.word))
	}
	return err
}

// ask runs the status program. Without an answer that can be read nothing is
// known, which is no state of the deployment.
func (d *Deployer) ask(ctx context.Context, id string) (answer, error) {
	const op = "asking how a deployment is going"
	end, err := d.start(ctx, d.config.Status, d.config.StatusTimeout, []string{
		"REKEY_REQUEST_ID=" + id, "REKEY_ENVIRONMENT=" + d.config.Environment,
	})
	switch {
	case err != nil:
		return answer{}, unstartable(op, err)
	case end.cut && ctx.Err() != nil:
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Interrupted, Err: context.Cause(ctx)}
	case end.cut:
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.TimedOut, Detail: "the status command did not end in time and was ended"}
	case end.code != 0:
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.ServerError, Detail: end.said(fmt.Sprintf("the status command ended with %d", end.code))}
	}
	first, _, _ := strings.Cut(end.first, "\n")
	a := read(first)
	if a.word == "" {
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Garbled, Detail: "the status command printed nothing"}
	}
	return a, nil
}

// named is a deployment's name as a watch can be scoped to it.
var named = regexp.MustCompile(`^deployment=([A-Za-z0-9._-]{1,64})$`)

// read takes a line apart.
func read(text string) answer {
	word, rest, _ := strings.Cut(strings.TrimSpace(line(text)), " ")
	a := answer{word: word, detail: strings.TrimSpace(rest)}
	first, further, _ := strings.Cut(a.detail, " ")
	if m := named.FindStringSubmatch(first); m != nil {
		a.deployment, a.detail = m[1], strings.TrimSpace(further)
	}
	return a
}
