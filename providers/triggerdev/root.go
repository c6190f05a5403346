package triggerdev

import (
	"context"
	"fmt"
	"net/http"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// root is the kind of an environment's own key, of which there is one at a
// time. What was before lives on for the grace and cannot be ended sooner.
type root struct{ *keys }

var (
	_ providers.Kind         = (*root)(nil)
	_ providers.PlacedIssuer = (*root)(nil)
	_ providers.Current      = (*root)(nil)
	_ providers.Prober       = (*root)(nil)
	_ providers.Continuer    = (*Provider)(nil)
	_ providers.Urgent       = (*root)(nil)
)

const rootKind = "Trigger.dev root key"

// outlives is what else hangs on a root key.
const outlives = "public access tokens that were signed with it live until their own expiry or its death, whichever is sooner; frontends that embed the environment's public key, pk_…, which is replaced at once"

// Traits of a root key.
func (k *root) Traits() providers.Traits {
	t := k.traits()
	t.Kind, t.Shape = rootKind, providers.Grace
	t.EndIs = "dead by itself a day after its successor was made; Trigger.dev ends it no sooner"
	t.Drain = k.drain(outlives)
	return t
}

// Urgent has the application move to an additional key: who holds a root key may
// read its successor with it (apps/webapp/app/routes/api.v1.whoami.ts of
// https://github.com/triggerdotdev/trigger.dev).
func (k *root) Urgent() providers.Kind { return &moving{byHand{k.keys}} }

// Identify names a root key.
func (k *root) Identify(values providers.Values) (providers.ID, error) {
	return k.identify(values, func(own key) bool { return own.root })
}

// IssueIn regenerates the environment's root key, unless that has happened
// since the survey: an earlier request of ours may have arrived late, or a
// person was faster. What is there then is the successor, and making another one
// would only leave a further old key alive. No label is taken.
func (k *root) IssueIn(ctx context.Context, environment, _ string) (providers.Credential, error) {
	const op = "regenerating a root key at Trigger.dev"
	at, old, err := k.surveyed(op, environment)
	if err != nil {
		return providers.Credential{}, err
	}
	now, err := k.p.root(ctx, op, at)
	if err != nil {
		return providers.Credential{}, err
	}
	if now.value.Equal(old.value) {
		if now, err = k.p.regenerate(ctx, op, at); err != nil {
			return providers.Credential{}, err
		}
	}
	return k.credential(now), nil
}

// Current reads the environment's root key back.
func (k *root) Current(ctx context.Context, environment string) (providers.Credential, error) {
	const op = "reading a root key back at Trigger.dev"
	at, _, err := k.surveyed(op, environment)
	if err != nil {
		return providers.Credential{}, err
	}
	now, err := k.p.root(ctx, op, at)
	if err != nil {
		return providers.Credential{}, err
	}
	return k.credential(now), nil
}

func (k *keys) credential(own key) providers.Credential {
	return providers.Credential{ID: k.p.name(own.value), Values: k.p.spread(own.value)}
}

// surveyed is where an environment's key is, and which it was.
func (k *keys) surveyed(op, environment string) (Place, key, error) {
	old, known := k.inUse[environment]
	if !known {
		return Place{}, key{}, fault.New(op, fault.NotFound, fmt.Sprintf("no key of %q was looked at", environment))
	}
	return k.places[environment], old, nil
}

// rootPage is an answer that holds a root key.
type rootPage struct {
	Key secret.Value `json:"apiKey"`
}

// key is the root key of an answer, which must be the environment's.
func (r rootPage) key(at Place) (key, bool) {
	own, ok := parse(r.Key)
	return own, ok && own.root && own.prefix == prefixes[at.Environment]
}

// root reads the environment's present root key.
func (p *Provider) root(ctx context.Context, op string, at Place) (key, error) {
	var page rootPage
	_, err := p.asAdmin(ctx, rest.Call{Op: op, Path: at.path()}, &page)
	if fault.Is(err, fault.NotFound) {
		return key{}, detailed(err, "the access token may not see environment "+at.Environment+" of project "+at.Project)
	}
	if err != nil {
		return key{}, err
	}
	own, ok := page.key(at)
	if !ok {
		return key{}, &fault.Error{Op: op, Reason: fault.Garbled, Status: http.StatusOK, Detail: "the answer holds no root key of environment " + at.Environment}
	}
	return own, nil
}

// regenerate makes another root key. It must not be repeated: what became of
// a request without an answer is read back.
func (p *Provider) regenerate(ctx context.Context, op string, at Place) (key, error) {
	var page rootPage
	_, err := p.asAdmin(ctx, rest.Call{Op: op, Method: http.MethodPost, Path: at.path() + "/regenerate-api-key", Write: true}, &page)
	if fault.Is(err, fault.NotFound) {
		return key{}, detailed(err, "the server has no route that regenerates keys, as before July 2026: regenerate it in its dashboard, or update the server")
	}
	if err != nil {
		return key{}, fault.Settled(err, "it is not sent again before the present key has been read: a second one would leave a further old key alive")
	}
	own, ok := page.key(at)
	if !ok {
		return key{}, &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer holds no root key of environment " + at.Environment}
	}
	return own, nil
}
