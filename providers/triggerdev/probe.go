package triggerdev

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// Probe asks for the environment's project, which is free and without effect,
// wherever the key may belong.
func (k *keys) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key at Trigger.dev"
	own, err := k.p.read(values)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	last := providers.Finding{Liveness: providers.Unclear, Answer: "not asked: no environment has keys that begin so"}
	for _, at := range k.all() {
		if prefixes[at.Environment] != own.prefix {
			continue
		}
		last = k.p.whose(ctx, op, at, own.value).finding()
		if last.Liveness != providers.Unclear {
			return last, nil
		}
	}
	return last, nil
}

// reply is an answer to the question whose key a value is.
type reply struct {
	status    int    // 0 when none came
	project   string // the service's own id of the project that accepted it
	refused   bool   // the server's own word that it does not know the key
	elsewhere bool   // the server's own word that it belongs to another place
	reason    string // why there is no usable answer
	cause     *fault.Error
}

// between is a refusal in words that are not the server's.
const between = "not in Trigger.dev's own words: something before it, such as a proxy, may have answered, and nothing is told about the key"

// whose asks with the key itself. The answer repeats the key that was asked
// with.
func (p *Provider) whose(ctx context.Context, op string, at Place, v secret.Value) reply {
	var said refusal
	var page struct {
		Key     secret.Value `json:"apiKey"`
		Project string       `json:"projectId"`
	}
	answer, err := p.api.Do(ctx, rest.Call{Op: op, Path: at.path(), Sign: bearer(v), Refusal: &said}, &page)
	r := reply{status: answer.Status}
	switch {
	case err == nil && page.Project != "" && page.Key.Equal(v):
		r.project = page.Project
	case err == nil:
		r.reason = "without the key that was asked with"
	case r.status == http.StatusUnauthorized && said.unknown():
		r.refused = true
	case r.status == http.StatusBadRequest && said.theirs():
		r.elsewhere = true
	default:
		r.cause = fault.Of(fault.Explained(err, between, fault.Unauthorized, fault.Forbidden))
		r.reason = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	}
	return r
}

func (r reply) finding() providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.status == 0:
		f.Answer = r.reason
	case r.project != "":
		f.Liveness = providers.Alive
	case r.refused:
		f.Liveness = providers.Refused
	case r.elsewhere:
		f.Answer += ", for another project or environment"
	case r.status == http.StatusUnauthorized:
		f.Answer += ", not Trigger.dev's own answer"
	default:
		f.Answer += ", " + r.reason
	}
	return f
}

// failure is an answer from which nothing can be told.
func (r reply) failure(op string) error {
	f := &fault.Error{Op: op, Reason: fault.Garbled, Status: r.status, Detail: r.reason}
	if r.cause != nil {
		f.Class, f.Reason, f.Detail, f.RetryAfter, f.Err = r.cause.Class, r.cause.Reason, r.cause.Detail, r.cause.RetryAfter, r.cause.Err
	}
	return f
}

// fewest is how many runs a page has at least.
const fewest = "10"

// usable asks for runs, as an application's own library does. A key that may
// only start tasks is refused them, and is fit all the same.
func (p *Provider) usable(ctx context.Context, op string, v secret.Value) error {
	var said refusal
	var page struct {
		Data *[]struct{} `json:"data"`
	}
	answer, err := p.api.Do(ctx, rest.Call{
		Op: op, Path: "/api/v1/runs", Query: url.Values{"page[size]": {fewest}}, Sign: bearer(v), Refusal: &said,
	}, &page)
	switch {
	case answer.Status == http.StatusForbidden && said.theirs():
		return nil
	case err == nil && page.Data == nil:
		return fault.New(op, fault.Garbled, "the answer has no member data")
	}
	return fault.Explained(err, between, fault.Unauthorized, fault.Forbidden)
}
