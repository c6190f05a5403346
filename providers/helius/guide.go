package helius

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// byHand is what both kinds have whose keys people make.
type byHand struct{ *keys }

// manual is the kind without a token: people make the keys and delete them.
type manual struct{ byHand }

var (
	_ providers.Kind      = (*manual)(nil)
	_ providers.Guide     = (*manual)(nil)
	_ providers.EndGuide  = (*manual)(nil)
	_ providers.Prober    = (*manual)(nil)
	_ providers.Tailer    = (*manual)(nil)
	_ providers.Disguiser = (*manual)(nil)
)

// Traits of a key that people make.
func (k *manual) Traits() providers.Traits {
	t := k.traits(kindByHand)
	t.Guided, t.Remember = true, unseen
	return t
}

// Guide says how to make the key that an environment needs, and what to do
// where the plan has no room for it.
func (k *manual) Guide(e providers.Errand) (providers.Guidance, error) {
	own, surveyed := k.inUse[e.Environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to make a key at Helius", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	create := "Press Create New API Key."
	if !k.ended {
		create += " (If it makes none, the plan has one key only: cancel, and say helius: {one_key: true} in the configuration. Delete nothing.)"
	}
	return providers.Guidance{Console: k.p.config.Console, Paste: k.p.config.Variables[:1], Steps: []string{
		create,
		fmt.Sprintf("Name: `%s`.", e.Label),
		k.rules(e.Environment, own),
		"Copy the new key. The whole RPC URL will do as well: nothing but the key is taken from it.",
	}}, nil
}

// rules is what to do about access rules, without which a key that is in a page
// is anybody's.
func (k *keys) rules(environment string, own taken) string {
	of, works := "of the key in use, "+ending(own.key), "works"
	if k.ended {
		of, works = "that the deleted key had, "+ending(own.key), "worked"
	}
	text := "Give it the access rules " + of + " (section RPCs)."
	if k.anywhere[environment] {
		text += " That one " + works + " from any site: without rules for your domains, or a proxy in front, the new key is public the moment the page is."
	}
	return text
}

// GuideEnd says how to delete a key.
func (k *manual) GuideEnd(environment string, id providers.ID) (providers.Guidance, error) {
	described := "whose last four characters stand above"
	if key, known := k.known(id); known {
		described = ending(key)
	}
	return k.farewell(environment, id, described)
}

const opInspect = "trying a new key at Helius"

// Inspect holds a pasted key, or the key of a pasted URL, against the form, what
// is in use, and the service.
func (k byHand) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	own, surveyed := k.inUse[e.Environment]
	if !surveyed {
		return providers.Inspection{}, fault.New(opInspect, fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	key, _, err := k.p.split(values[k.p.config.Variables[0]].Trimmed())
	if err != nil {
		return providers.Inspection{Wrong: "What was pasted is " + err.Error() + ". The dashboard shows keys whole, with a button to copy."}, nil
	}
	made := taken{key: key, spots: own.spots}
	sites := k.sites(e.Environment)
	switch r := k.p.ask(ctx, opInspect, made, sites...); {
	case r.refused && time.Since(e.Seen) < k.p.config.Waits.Settle:
		return providers.Inspection{Wait: true}, nil
	case r.refused:
		return providers.Inspection{Wrong: fmt.Sprintf("Helius refuses the key that was pasted, …%s: a part of it is missing or altered, it was deleted, or its access rules admit neither Rekey's address nor the site named in helius.origins.", key.Last4())}, nil
	case !r.accepted:
		return providers.Inspection{}, r.cause
	}
	if wrong := k.unfit(ctx, e, made); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	return providers.Inspection{Credential: providers.Credential{
		ID: k.p.config.Name(key), Values: own.with(key), Label: e.Label, Made: time.Now().UTC(),
	}}, nil
}

func (k *keys) sites(environment string) []string {
	if site := k.p.config.Origins[environment]; site != "" {
		return []string{site}
	}
	return nil
}

func (k *keys) uses() string {
	if k.ended {
		return "held before"
	}
	return "uses now"
}

// unfit says why a key that lives is not the one that was asked for.
func (k *keys) unfit(ctx context.Context, e providers.Errand, made taken) string {
	for _, env := range []string{e.Environment, "staging", "production"} {
		if own, surveyed := k.inUse[env]; surveyed && own.key.Equal(made.key) {
			return fmt.Sprintf("That is the key that %s %s, …%s. A new one is needed.", env, k.uses(), made.key.Last4())
		}
	}
	if !k.anywhere[e.Environment] && k.p.open(ctx, made) {
		if k.ended {
			return fmt.Sprintf("Key …%s works from any site, and the deleted one did not: give it the access rules that that one had.", made.key.Last4())
		}
		return fmt.Sprintf("Key …%s works from any site, and the key in use does not: copy its access rules to the new one.", made.key.Last4())
	}
	return ""
}

// with is the credential of a key, its values made from an environment's.
func (k *keys) with(environment string, key secret.Value) providers.Values {
	return k.inUse[environment].with(key)
}
