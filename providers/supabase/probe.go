package supabase

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// largestRoot bounds the description of a project's tables, which is what its
// REST root answers.
const largestRoot = 16 << 20

// Probe asks the REST root of the value's project, which touches no table. A
// refusal counts only while another key of the project is accepted: 401 comes
// for other reasons too. A value whose project is not known any more is
// refused when every project refuses it.
func (k *secretKey) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key at Supabase"
	v, err := k.p.read(values)
	wrong := ""
	if err != nil {
		wrong = err.Error()
	} else if k.p.serviceRole(v) == "" {
		wrong = unlike(v)
	}
	if wrong != "" {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: wrong}
	}
	var found providers.Finding
	for _, ref := range k.projectsOf(v) {
		f := k.probeIn(ctx, op, ref, v)
		if f.Liveness == providers.Alive {
			return f, nil
		}
		if found.Liveness != providers.Unclear {
			found = f
		}
	}
	return found, nil
}

// projectsOf is where a value may be of: its own project if that is known.
func (k *secretKey) projectsOf(v secret.Value) []string {
	if h, sure := k.holding(v); sure {
		return []string{h.ref}
	}
	if ref := k.p.serviceRole(v); ref != "" {
		return []string{ref}
	}
	for _, ref := range k.p.refs() {
		if _, err := k.one(ref, v); err == nil {
			return []string{ref}
		}
	}
	return k.p.refs()
}

func (k *secretKey) probeIn(ctx context.Context, op, ref string, v secret.Value) providers.Finding {
	r := k.p.root(ctx, op, ref, v)
	f := r.finding()
	if f.Liveness != providers.Refused {
		return f
	}
	others := k.othersIn(ref, v)
	for _, other := range others {
		if k.p.root(ctx, op, ref, other).accepted {
			return f
		}
	}
	if len(others) > 0 {
		return providers.Finding{Liveness: providers.Unclear, Answer: f.Answer + ", and so for the other keys of the project"}
	}
	return f
}

// othersIn are other values of a project that were alive when last seen, the
// newest first.
func (k *secretKey) othersIn(ref string, v secret.Value) []secret.Value {
	k.mu.Lock()
	defer k.mu.Unlock()
	var all []secret.Value
	for _, h := range slices.Backward(k.held) {
		if h.ref == ref && !h.value.Equal(v) {
			all = append(all, h.value)
		}
	}
	return all
}

// reply is an answer of a project's REST root.
type reply struct {
	status   int    // 0 when none came
	accepted bool   // the description of the tables came
	refused  bool   // the gateway's own word that it does not take the key
	reason   string // why there is no usable answer
	cause    *fault.Error
}

// failure is an answer from which nothing can be told.
func (r reply) failure(op string) error {
	f := &fault.Error{Op: op, Reason: fault.Garbled, Status: r.status, Detail: "not Supabase's own answer"}
	if r.cause != nil {
		f.Class, f.Reason, f.Detail, f.RetryAfter, f.Err = r.cause.Class, r.cause.Reason, r.cause.Detail, r.cause.RetryAfter, r.cause.Err
	}
	return f
}

// agent is how the logs tell our requests from others'.
const agent = "rekey"

// apikey sends a key as secret keys must be sent, and as no browser.
func apikey(key secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) {
		r.Header.Set("Apikey", key.Reveal())
		r.Header.Set("User-Agent", agent)
	}
}

func (p *Provider) root(ctx context.Context, op, ref string, key secret.Value) reply {
	var said struct {
		Message string `json:"message"`
	}
	var description struct {
		Swagger string `json:"swagger"`
		OpenAPI string `json:"openapi"`
	}
	answer, err := p.gates[ref].Do(ctx, rest.Call{Op: op, Path: "/rest/v1/", Sign: apikey(key), Refusal: &said}, &description)
	r := reply{
		status: answer.Status, accepted: err == nil && description.Swagger+description.OpenAPI != "",
		refused: answer.Status == http.StatusUnauthorized && said.Message != "",
	}
	if err != nil && !r.refused {
		r.cause = fault.Of(err)
		r.reason = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	}
	return r
}

func (r reply) finding() providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.status == 0:
		f.Answer = r.reason
	case r.accepted:
		f.Liveness = providers.Alive
	case r.refused:
		f.Liveness = providers.Refused
	case r.reason != "":
		f.Answer += ", " + r.reason
	default:
		f.Answer += ", not Supabase's own answer"
	}
	return f
}
