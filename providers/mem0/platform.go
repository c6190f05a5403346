package mem0

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// hosted is the kind of the platform's keys: people make and delete them.
type hosted struct {
	p      *Provider
	inUse  map[string]secret.Value // by environment, as surveyed
	places map[string]place        // by environment
}

var (
	_ providers.Kind     = (*hosted)(nil)
	_ providers.Guide    = (*hosted)(nil)
	_ providers.EndGuide = (*hosted)(nil)
	_ providers.Prober   = (*hosted)(nil)
)

// signatures are what a refused key leaves in an application's log: the
// platform's own sentence, which the vendor's libraries raise when they are
// made, or the host beside the status. A bare 401 may be a duration or a
// request's id.
var signatures = []string{
	`(?i)\bInvalid API key\. You can find your API key on\b`,
	`(?i)\bmem0\b[^\n]{0,200}\binvalid api key\b`,
	`(?i)\bmem0\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus([ _]?code)?\W{1,4}401\b)`,
	`(?i)(\b401 unauthorized\b|\bstatus([ _]?code)?\W{1,4}401\b)[^\n]{0,200}\b(api\.)?mem0(\.ai)?\b`,
}

// drained says what may still hold the old key. The vendor's clients look at
// the key in their constructor.
const drained = "a process that starts with the old key after its end crashes at once, because Mem0's client checks the key when it is made: deploy everywhere first. What was accepted to be remembered is finished; what the application still retries with the old key fails"

// Traits of a key of the platform.
func (k *hosted) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "Mem0 platform API key",
		Service:    "Mem0",
		Shape:      providers.Overlap,
		Guided:     true,
		EndByHand:  true,
		FreeProbe:  true,
		EndIs:      "deleted in the dashboard by a person, who is told how; Mem0 cannot undo it",
		Drain:      drained,
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// Identify names a key by its fingerprint: the platform has no id for it.
func (k *hosted) Identify(values providers.Values) (providers.ID, error) {
	const op = "identifying a key of Mem0"
	v, _, err := k.p.read(values)
	if err != nil {
		return "", fault.New(op, fault.Ambiguous, err.Error())
	}
	id := k.p.config.Name(v)
	if id == "" {
		return "", fault.New(op, fault.Ambiguous, "no key names it, because the installation's fingerprint key is not at hand")
	}
	return id, nil
}

// Probe asks whose the key is, which needs a valid one and changes nothing. A
// key of another project is not the one that is meant.
func (k *hosted) Probe(ctx context.Context, values providers.Values) (providers.Finding, error) {
	const op = "probing a key at Mem0"
	v, _, err := k.p.read(values)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	r := k.p.ping(ctx, op, v)
	f := providers.Finding{Liveness: providers.Unclear, Answer: strconv.Itoa(r.status)}
	switch {
	case r.status == 0:
		f.Answer = r.reason
	case r.refused:
		f.Liveness = providers.Refused
	case r.reason != "":
		f.Answer += ", " + r.reason
	case !slices.Contains(slices.Collect(maps.Values(k.places)), r.place):
		f.Answer += ", for another project"
	default:
		f.Liveness = providers.Alive
	}
	return f, nil
}

// surveyPlatform asks whose each environment's key is.
func (p *Provider) surveyPlatform(ctx context.Context, values map[string]secret.Value) (providers.Kind, error) {
	k := &hosted{p: p, inUse: values, places: make(map[string]place)}
	for _, env := range slices.Sorted(maps.Keys(values)) {
		at, err := p.located(ctx, env, values[env])
		if err != nil {
			return nil, err
		}
		k.places[env] = at
	}
	return k, nil
}

func (p *Provider) located(ctx context.Context, env string, v secret.Value) (place, error) {
	r := p.ping(ctx, opSurvey, v)
	want := p.config.Projects[env]
	switch {
	case r.refused:
		return place{}, fault.New(opSurvey, fault.NotFound, fmt.Sprintf("Mem0 refuses the key of %s, so the application cannot be working: it was deleted, or is another platform's than the one at %s", env, p.config.BaseURL))
	case r.reason != "":
		return place{}, r.failure(opSurvey)
	case want != "" && want != r.place.project:
		return place{}, fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("the key of %s belongs to project %s, and the configuration names %s", env, r.place.project, want))
	case r.unclaimed:
		return place{}, fault.New(opSurvey, fault.Managed, fmt.Sprintf("the key of %s belongs to an account that no person has claimed, so nobody could delete it in a dashboard. Nothing was changed. Claim the account with `mem0 init --email` and an address of yours; the key stays the same", env))
	}
	return r.place, nil
}

// failure is an answer from which nothing can be told.
func (r reply) failure(op string) error {
	f := &fault.Error{Op: op, Reason: fault.Garbled, Status: r.status, Detail: r.reason}
	if r.cause != nil {
		f.Class, f.Reason, f.Detail, f.RetryAfter, f.Err = r.cause.Class, r.cause.Reason, r.cause.Detail, r.cause.RetryAfter, r.cause.Err
	}
	return f
}

func token(key secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Token "+key.Reveal()) }
}
