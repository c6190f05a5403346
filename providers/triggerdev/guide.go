package triggerdev

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// byHand is what kinds have whose keys people make.
type byHand struct{ *keys }

// Guide says how to make the additional key that an environment needs. It is
// pasted once, whatever the number of its names.
func (k byHand) Guide(e providers.Errand) (providers.Guidance, error) {
	at, declared := k.places[e.Environment]
	if !declared {
		return providers.Guidance{}, fault.New("saying how to make a key at Trigger.dev", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	return providers.Guidance{Console: k.p.config.Console, Paste: k.p.config.Variables[:1], Steps: []string{
		chosen(at),
		"Press New API key. (If there is no such button, the organisation does not allow it, or you lack the right.)",
		fmt.Sprintf("Name: `%s`. Exactly that: it is how the key is found again.", e.Label),
		fmt.Sprintf("Expiry: none, or at least %d days. Rekey cannot see it.", days(k.p.config.MinExpiry)),
		"Access: " + k.preset() + "; for an application that only starts tasks, Trigger only.",
		"Press Create and copy the key. It is shown this once.",
	}}, nil
}

// preset names the rights that a new key is to have, which the API does not tell.
func (k *keys) preset() string {
	if k.ended {
		return "the preset that the revoked key had"
	}
	return "the preset of the key in use"
}

func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

// Inspect holds a pasted value against the form, the environment, what is in
// use, and the service. There is no list: that the key bears the name it was
// asked for by, and when it expires, nobody can tell.
func (k byHand) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	at, declared := k.places[e.Environment]
	if !declared {
		return providers.Inspection{}, fault.New("trying a new key at Trigger.dev", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	v := values[k.p.config.Variables[0]].Trimmed()
	if wrong := unlike(v); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	own, _ := parse(v)
	r := k.p.whose(ctx, opTry, at, v)
	if r.cause != nil {
		return providers.Inspection{}, r.failure(opTry)
	}
	if wrong := k.unfit(e, at, own); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	return k.tried(ctx, e, own, r)
}

const opTry = "trying a new key at Trigger.dev"

// unfit says in what a key differs from the one that was asked for.
func (k byHand) unfit(e providers.Errand, at Place, own key) string {
	for env, used := range k.inUse {
		if own.value.Equal(used.value) {
			return fmt.Sprintf("That is the key that %s uses now. A new one is needed.", env)
		}
	}
	switch {
	case own.prefix != prefixes[at.Environment]:
		return fmt.Sprintf("That key begins with tr_%s_ and is another environment's; %s needs one that begins with tr_%s_sk_.", own.prefix, e.Environment, prefixes[at.Environment])
	case own.root:
		return "That is the root key of the environment. Make an additional one with New API key; its value begins with tr_" + own.prefix + "_sk_."
	}
	return ""
}

// tried judges the service's own answer, and asks for runs.
func (k byHand) tried(ctx context.Context, e providers.Errand, own key, r reply) (providers.Inspection, error) {
	switch known := k.projects[e.Environment]; {
	case r.refused && time.Since(e.Seen) >= k.p.config.Waits.Settle:
		return providers.Inspection{Wrong: "Trigger.dev refuses what was pasted: a part of it is missing or altered, it was revoked, or it has expired."}, nil
	case r.elsewhere, r.project != "" && known != "" && r.project != known:
		return providers.Inspection{Wrong: fmt.Sprintf("That key belongs to another project; %s needs one of `%s`.", e.Environment, k.places[e.Environment].Project)}, nil
	case r.project == "":
		return providers.Inspection{Wait: true}, nil
	}
	if err := k.p.usable(ctx, opTry, own.value); err != nil {
		return providers.Inspection{}, err
	}
	return providers.Inspection{Credential: providers.Credential{
		ID: k.p.name(own.value), Values: k.p.spread(own.value), Label: e.Label, Made: time.Now().UTC(),
	}}, nil
}
