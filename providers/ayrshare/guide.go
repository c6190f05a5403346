package ayrshare

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// Guide says how the account's key is replaced. The click ends the old one.
func (k *key) Guide(e providers.Errand) (providers.Guidance, error) {
	account, surveyed := k.accounts[e.Environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to replace a key of Ayrshare", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	steps := []string{
		"Have the inbox open beside it: the old key dies at the click below, and the application is without one until the new one is there.",
		"Sign in as somebody with access to the Primary Profile of the account " + account + ".",
		"Under User Profiles, switch to the Primary Profile. A user's profile shows its Profile Key instead, which is no API key.",
		"Open the page API Key.",
	}
	if k.scheduled {
		steps = append(steps, k.notice()+".")
	}
	steps = append(steps, "Now press the control that regenerates the key, and copy the new one. (If there is none, write to Ayrshare's support from the address of the account.)")
	return providers.Guidance{Console: k.p.config.Console, Steps: steps}, nil
}

const opTry = "trying a new key of Ayrshare"

// Inspect holds a pasted value against the account.
func (k *key) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	account, surveyed := k.accounts[e.Environment]
	if !surveyed {
		return providers.Inspection{}, fault.New(opTry, fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	v := values[k.p.config.Variable].Trimmed()
	if why := unlike(v); why != "" {
		return providers.Inspection{Wrong: "That cannot be an API key: " + why + "."}, nil
	}
	for env, used := range k.inUse {
		if v.Equal(used) {
			if r := k.p.whose(ctx, opTry, v); r.cause != nil {
				return providers.Inspection{}, r.cause
			}
			return providers.Inspection{Wrong: fmt.Sprintf("That is the key that %s holds now. The new one is needed, which the page API Key shows after it was regenerated.", env)}, nil
		}
	}
	switch r := k.p.whose(ctx, opTry, v); {
	case r.refused && time.Since(e.Seen) < k.p.config.Waits.Settle:
		return providers.Inspection{Wait: true}, nil
	case r.refused && strange(v):
		return providers.Inspection{Wrong: "Ayrshare refuses what was pasted, and it has not the form of an API key (four groups of seven): it may be a Profile Key. Switch to the Primary Profile and copy the value of the page API Key."}, nil
	case r.refused:
		return providers.Inspection{Wrong: "Ayrshare refuses what was pasted: a part is missing or altered, it is a Profile Key, or the key was regenerated once more. Switch to the Primary Profile and copy the value of the page API Key."}, nil
	case r.barred:
		return providers.Inspection{Wrong: "Ayrshare knows what was pasted and bars it (403): its account is suspended, or its plan does not allow it. Look at the dashboard or write to support."}, nil
	case r.cause != nil:
		return providers.Inspection{}, r.cause
	case r.account != account:
		return providers.Inspection{Wrong: fmt.Sprintf("That key belongs to another account (%s); %s needs one of %s.", r.account, e.Environment, account)}, nil
	}
	return providers.Inspection{Credential: providers.Credential{
		ID: k.p.config.Name(v), Values: providers.Values{k.p.config.Variable: v}, Label: e.Label, Made: time.Now().UTC(),
	}}, nil
}
