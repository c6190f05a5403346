package helius

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// foreign is a site that no access rule admits: what it may do, anybody may.
const foreign = "https://elsewhere.invalid"

// Probe asks for the node's health: an ordinary call without effects, counted
// against the plan. It is made without an Origin and, if that is refused, with
// that of each configured site; only when all are refused is the key.
func (k *keys) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key at Helius"
	own, err := k.p.read(values)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	return k.p.ask(ctx, op, own, slices.Sorted(maps.Values(k.p.config.Origins))...).finding(), nil
}

// ask is the answer that decides, of those without an Origin and with each of
// these: one that accepts, else one from which nothing can be told, else a
// refusal.
func (p *Provider) ask(ctx context.Context, op string, own taken, origins ...string) reply {
	var last reply
	for i, origin := range append([]string{""}, slices.Compact(origins)...) {
		switch r := p.health(ctx, op, p.at(own), own.key, origin); {
		case r.accepted:
			return r
		case i == 0 || !r.refused:
			last = r
		}
	}
	return last
}

// open reports that the key works from any site.
func (p *Provider) open(ctx context.Context, own taken) bool {
	const op = "asking Helius whether a key works from any site"
	return p.health(ctx, op, p.at(own), own.key, foreign).accepted
}

// reply is an answer to the question for health.
type reply struct {
	status   int          // 0 when none came
	accepted bool         // JSON-RPC came with 200, were it an error of the node's
	refused  bool         // JSON-RPC came with 401
	cause    *fault.Error // why there is no usable answer
}

// spoken is what JSON-RPC answers: a result or an error, in its version's name.
type spoken struct {
	Version string          `json:"jsonrpc"`
	Result  json.RawMessage `json:"result"`
	Error   *struct {
		Code int `json:"code"`
	} `json:"error"`
}

// said reports an answer of the protocol's, and not some gateway's page.
func (s spoken) said() bool { return s.Version == "2.0" && (len(s.Result) > 0 || s.failed()) }

func (s spoken) failed() bool { return s.Error != nil && s.Error.Code != 0 }

// health asks one address with one key. The status decides about the key, never
// the error in a body: a lagging node answers one with 200.
func (p *Provider) health(ctx context.Context, op string, at *url.URL, key secret.Value, origin string) reply {
	client, err := rest.New(rest.Config{Base: (&url.URL{Scheme: at.Scheme, Host: at.Host}).String(), HTTP: p.config.HTTP, Timeout: p.config.Timeout})
	if err != nil {
		return reply{cause: &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "the address cannot be asked"}}
	}
	var answered, refusal spoken
	answer, err := client.Do(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: at.EscapedPath(), Refusal: &refusal, Sign: withKey(key, origin),
		Body: map[string]string{"jsonrpc": "2.0", "id": "1", "method": "getHealth"},
	}, &answered)
	r := reply{
		status: answer.Status, accepted: err == nil && answered.said(),
		refused: answer.Status == http.StatusUnauthorized && refusal.Version == "2.0" && refusal.failed(),
	}
	switch {
	case r.accepted || r.refused:
	case err != nil:
		r.cause = fault.Of(fault.Explained(err, "not in JSON-RPC: something before Helius, such as a proxy, may have answered, and nothing is told about the key", fault.Unauthorized, fault.Forbidden))
	default:
		r.cause = &fault.Error{Op: op, Reason: fault.Garbled, Status: r.status, Detail: "the answer is not JSON-RPC"}
	}
	return r
}

// withKey puts the key where the service wants it, and names a site.
func withKey(key secret.Value, origin string) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) {
		r.URL.RawQuery = url.Values{parameter: {key.Reveal()}}.Encode()
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
	}
}

func (r reply) finding() providers.Finding {
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.accepted:
		f.Liveness = providers.Alive
	case r.refused:
		f.Liveness = providers.Refused
	case r.status == 0:
		f.Answer = strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	default:
		f.Answer += ", " + strings.ReplaceAll(string(r.cause.Reason), "_", " ")
	}
	return f
}
