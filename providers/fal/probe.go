package fal

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/providers"
)

// Probe asks for the price of one model, which is free and, other than most
// reading here, needs a valid key. The same request without a key is the
// control: unless fal.ai itself refuses that with 401, its answer to a key
// says nothing, and Probe returns an error.
func (k *apiKey) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	const op = "probing a key at fal.ai"
	own, err := k.p.form.read(v)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	switch control := k.p.price(ctx, op, nil); {
	case control.outage():
		return control.finding(providers.Unclear), nil
	case control.status != http.StatusUnauthorized || !control.theirs:
		return providers.Finding{}, control.unfit(op)
	}
	answer := k.p.price(ctx, op, authorize(own.whole))
	return answer.finding(answer.liveness()), nil
}

// unfit is the failure of a control. An answer that is not fal.ai's own may
// be a gateway's and pass; its own will come again.
func (r reply) unfit(op string) error {
	class := fault.Again
	if r.theirs {
		class = fault.Ask
	}
	return &fault.Error{
		Op: op, Class: class, Reason: fault.Ambiguous, Status: r.status,
		Detail: "the same request without a key must be refused with fal.ai's own 401; now an answer to the key proves nothing",
	}
}

// reply is an answer of the pricing page.
type reply struct {
	status int    // 0 when none came
	theirs bool   // the body is one that fal.ai writes, not some gateway's page
	reason string // why there is no usable answer, or ""
}

func (p *Provider) price(ctx context.Context, op string, sign func(*http.Request, []byte)) reply {
	var refusal struct {
		Error struct {
			Type string `json:"type"`
		} `json:"error"`
	}
	var list struct {
		Prices []struct {
			Endpoint string `json:"endpoint_id"`
		} `json:"prices"`
	}
	answer, err := p.prices.Do(ctx, rest.Call{
		Op: op, Path: "/models/pricing", Query: url.Values{"endpoint_id": {p.endpoint}},
		Sign: sign, Refusal: &refusal,
	}, &list)
	r := reply{status: answer.Status, theirs: refusal.Error.Type != ""}
	for _, price := range list.Prices {
		r.theirs = r.theirs || price.Endpoint == p.endpoint
	}
	if err != nil && !slices.Contains([]int{http.StatusUnauthorized, http.StatusForbidden}, r.status) {
		r.reason = strings.ReplaceAll(string(fault.Of(err).Reason), "_", " ")
	}
	return r
}

// outage reports answers that would come to anybody, key or not.
func (r reply) outage() bool {
	return r.status == 0 || r.status == http.StatusTooManyRequests || r.status >= http.StatusInternalServerError
}

func (r reply) liveness() providers.Liveness {
	switch {
	case !r.theirs || r.reason != "":
		return providers.Unclear
	case r.status == http.StatusOK:
		return providers.Alive
	default: // 401; 403 comes to keys that may not be used any more
		return providers.Refused
	}
}

func (r reply) finding(l providers.Liveness) providers.Finding {
	answer := strconv.Itoa(r.status)
	switch {
	case r.status == 0:
		answer = r.reason
	case r.reason != "":
		answer += ", " + r.reason
	case !r.theirs:
		answer += ", not fal.ai's own answer"
	}
	return providers.Finding{Liveness: l, Answer: answer}
}
