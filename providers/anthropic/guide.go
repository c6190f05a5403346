package anthropic

import (
	"context"
	"fmt"
	"regexp"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// Guide says how to make the key that an environment needs: like the one in
// use, under the name that was chosen.
func (k *apiKey) Guide(e providers.Errand) (providers.Guidance, error) {
	old, known := k.inUse[e.Environment]
	if !known {
		return providers.Guidance{}, fault.New("saying how to make a key at Anthropic", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	return providers.Guidance{Console: k.p.config.Console, Steps: []string{
		"Press Create key. (If the button is grey, you lack the right in that workspace.)",
		fmt.Sprintf("Name: `%s`. Exactly that: it is how the key is found again.", e.Label),
		fmt.Sprintf("Workspace: `%s`.", old.workspace()),
		"Linked account: " + old.actor().shown() + ".",
		fmt.Sprintf("Expiry: none, or at least %d days.", days(k.p.config.MinExpiry)),
		"Press Create and copy the key. It is shown this once.",
	}}, nil
}

// shown is a principal for people.
func (a principal) shown() string {
	switch {
	case a.ServiceAccount != "":
		return "the service account `" + a.ServiceAccount + "`"
	case a.User != "":
		return "the user `" + a.User + "`, as the key in use"
	default:
		return "none, as the key in use; better, a service account of the application"
	}
}

func days(d time.Duration) int { return int((d + 24*time.Hour - 1) / (24 * time.Hour)) }

// Inspect holds a pasted value against the form, the list and the service.
func (k *apiKey) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	v := values[k.p.config.Variable].Trimmed()
	if wrong := unlike(v); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	if _, err := k.refresh(ctx); err != nil {
		return providers.Inspection{}, err
	}
	early := time.Since(e.Seen) < k.p.config.Waits.Settle
	found, wrong := k.listed(v)
	switch {
	case wrong != "" && found.ID == "" && early:
		return providers.Inspection{Wait: true}, nil // it may be listed late
	case wrong == "":
		wrong = k.unfit(e, found)
	}
	if wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	return k.tried(ctx, e, v, found)
}

// listed finds the key in the list, or says why none is certain. The id of
// the key found comes with a complaint about it.
func (k *apiKey) listed(v secret.Value) (wireKey, string) {
	var live, dead []wireKey
	for _, w := range k.fitting(v) {
		if w.Status == archived {
			dead = append(dead, w)
		} else {
			live = append(live, w)
		}
	}
	switch {
	case len(live) == 1:
		return live[0], ""
	case len(live) > 1:
		return live[0], "More than one key at Anthropic fits what was pasted, so it cannot be told which it is. Make another one."
	case len(dead) > 0:
		return dead[0], fmt.Sprintf("That is key %s, which is archived: it is dead. Make a new one.", dead[0].ID)
	default:
		return wireKey{}, "Anthropic lists no such key in this organisation: it belongs to another one, or a part of it is missing."
	}
}

// unfit says in what a key differs from the one that was asked for.
func (k *apiKey) unfit(e providers.Errand, w wireKey) string {
	old := k.inUse[e.Environment]
	for env, used := range k.inUse {
		if used.ID == w.ID {
			return fmt.Sprintf("That is key %s, which %s uses now. A new one is needed.", w.ID, env)
		}
	}
	until, err := w.expires()
	soonest := time.Now().Add(k.p.config.MinExpiry)
	switch {
	case w.Status != active:
		return fmt.Sprintf("Key %s is %s at Anthropic. Switch it on, or make another one.", w.ID, w.Status)
	case w.workspace() == "":
		return fmt.Sprintf("Key %s belongs to no workspace, and the application does not say with each request which one it means. Make one in workspace %s.", w.ID, old.workspace())
	case w.workspace() != old.workspace():
		return fmt.Sprintf("Key %s belongs to workspace %s; %s needs one of %s.", w.ID, w.workspace(), e.Environment, old.workspace())
	case !old.succeededBy(w):
		return fmt.Sprintf("Key %s acts as %s; the key in use acts as %s.", w.ID, w.actor().named(), old.actor().named())
	case w.Name != e.Label:
		return fmt.Sprintf("Key %s is called %s. Rename it to `%s` in the Console, or make another one.", w.ID, harmless(w.Name), e.Label)
	case w.made().Before(e.Asked.Add(-k.p.config.Skew)):
		return fmt.Sprintf("Key %s was made before it was asked for, so others may know it. Make a new one.", w.ID)
	case err != nil:
		return fmt.Sprintf("When key %s expires cannot be read. Make one without an expiry.", w.ID)
	case !until.IsZero() && until.Before(soonest):
		return fmt.Sprintf("Key %s expires on %s, which is too soon: none, or at least %d days from now.", w.ID, until.UTC().Format("2 January 2006"), days(k.p.config.MinExpiry))
	}
	return ""
}

// succeededBy reports whether a key may stand in for this one: it acts as the
// same principal, or a service account takes the place of nobody.
func (k wireKey) succeededBy(w wireKey) bool {
	return k.actor() == w.actor() || k.Principal == nil && w.actor().ServiceAccount != ""
}

// named is a principal in running text.
func (a principal) named() string {
	switch {
	case a.ServiceAccount != "":
		return "service account " + a.ServiceAccount
	case a.User != "":
		return "user " + a.User
	default:
		return "nobody (a workspace key)"
	}
}

var plainName = regexp.MustCompile(`^[A-Za-z0-9_. -]{1,64}$`)

// harmless makes a name that people gave fit for the thread: anything may
// have been pasted into it.
func harmless(name string) string {
	if !plainName.MatchString(name) || unlike(secret.New(name)) == "" {
		return "something else"
	}
	return "“" + name + "”"
}

// tried asks the service itself. Its header names the key's workspace.
func (k *apiKey) tried(ctx context.Context, e providers.Errand, v secret.Value, w wireKey) (providers.Inspection, error) {
	const op = "trying a new key at Anthropic"
	r := k.p.models(ctx, op, v)
	until, err := w.expires()
	switch {
	case r.refused && time.Since(e.Seen) >= k.p.config.Waits.Settle:
		return providers.Inspection{Wrong: fmt.Sprintf("Anthropic refuses what was pasted, although it looks like key %s: a part of it is missing or altered.", w.ID)}, nil
	case r.accepted && r.workspace != "" && r.workspace != w.workspace():
		return providers.Inspection{Wrong: fmt.Sprintf("Anthropic takes the key for one of workspace %s; %s needs one of %s.", r.workspace, e.Environment, w.workspace())}, nil
	case !r.accepted:
		return providers.Inspection{Wait: true}, nil
	case err != nil:
		return providers.Inspection{}, fault.New(op, fault.Garbled, "its expiry cannot be read")
	}
	return providers.Inspection{Credential: providers.Credential{
		ID: providers.ID(w.ID), Values: providers.Values{k.p.config.Variable: v}, Label: w.Name, Made: w.made(), Expires: until,
	}}, nil
}
