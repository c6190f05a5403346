package command

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
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

// answer is what a status program prints. The word is a known one, or "".
type answer struct {
	word, deployment string
	said             secret.Quote
}

// Status asks once.
func (d *Deployer) Status(ctx context.Context, h deploy.Handle) (deploy.Status, error) {
	a, err := d.ask(ctx, h.ID)
	if err != nil {
		return deploy.Status{}, err
	}
	s := deploy.Status{Phase: phases[a.word], Deployment: a.deployment, Said: a.said}
	switch {
	case a.word == unstarted:
		s.Phase, s.Detail = deploy.Unknown, "the status command does not know this deployment"
	case s.Phase == "":
		s.Phase, s.Detail = deploy.Unknown, "the status command names a state that is not in the contract"
	}
	return s, nil
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
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.ServerError, Detail: fmt.Sprintf("the status command ended with %d", end.code), Err: end.said().Cause()}
	}
	first, _, whole := strings.Cut(end.first, "\n")
	switch {
	case !whole && len(first) >= kept:
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Garbled, Detail: "the status command printed a line that is too long"}
	case strings.TrimSpace(first) == "":
		return answer{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Garbled, Detail: "the status command printed nothing"}
	}
	return read(first), nil
}

// named is a deployment's name as a watch can be scoped to it.
var named = regexp.MustCompile(`^deployment=([A-Za-z0-9._-]{1,64})$`)

// read takes a line apart. What the contract does not know is quoted whole.
func read(line string) answer {
	word, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
	if _, known := phases[word]; !known && word != unstarted {
		return answer{said: secret.Quoted(line)}
	}
	rest = strings.TrimSpace(rest)
	first, further, _ := strings.Cut(rest, " ")
	if m := named.FindStringSubmatch(first); m != nil {
		return answer{word, m[1], secret.Quoted(further)}
	}
	return answer{word, "", secret.Quoted(rest)}
}
