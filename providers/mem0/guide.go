package mem0

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// Guide says how to make the key that an environment needs.
func (k *hosted) Guide(e providers.Errand) (providers.Guidance, error) {
	at, surveyed := k.places[e.Environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to make a key at Mem0", fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	return providers.Guidance{Console: k.p.config.Console, Steps: []string{
		fmt.Sprintf("Select the organisation `%s` and the project `%s` at the top. A key made in another project works and finds an empty memory.", at.org, at.project),
		"Press Create API Key.",
		fmt.Sprintf("Name: `%s`. Exactly that: it is how you tell it from the old one later.", e.Label),
		"Press Create and copy the key, m0-… to its end.",
	}}, nil
}

// GuideEnd says how to delete a key. Its last characters are named where the
// key is: nothing else of it is known that the dashboard shows.
func (k *hosted) GuideEnd(environment string, _ providers.ID) (providers.Guidance, error) {
	at, surveyed := k.places[environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to delete a key at Mem0", fault.NotFound, "no key of "+environment+" was looked at")
	}
	return providers.Guidance{Console: k.p.config.Console, Steps: []string{
		fmt.Sprintf("Select the organisation `%s` and the project `%s` at the top.", at.org, at.project),
		"Find the key that ends in the characters named above. What was made since this rotation began is new, and stays.",
		"Delete that key, and no other. Leave the project and the account as they are.",
	}}, nil
}

// Inspect holds a pasted key against the form and the platform. What has not
// the form of a key of the platform is shown to nobody.
func (k *hosted) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	const op = "trying a new key at Mem0"
	v := values[k.p.config.Variable].Trimmed()
	if wrong := unlike(v); wrong != "" {
		return providers.Inspection{Wrong: wrong}, nil
	}
	want, surveyed := k.places[e.Environment]
	if !surveyed {
		return providers.Inspection{}, fault.New(op, fault.NotFound, "no key of "+e.Environment+" was looked at")
	}
	r := k.p.ping(ctx, op, v)
	switch early := time.Since(e.Seen) < k.p.config.Waits.Settle; {
	case r.refused && early:
		return providers.Inspection{Wait: true}, nil // it may be known late
	case r.refused:
		return providers.Inspection{Wrong: "Mem0 refuses what was pasted: a part of it is missing or altered, or the key was deleted."}, nil
	case r.reason != "":
		return providers.Inspection{}, r.failure(op)
	}
	for env, used := range k.inUse {
		if used.Equal(v) {
			return providers.Inspection{Wrong: fmt.Sprintf("That is the key that %s uses now. A new one is needed.", env)}, nil
		}
	}
	if r.place != want {
		return providers.Inspection{Wrong: fmt.Sprintf(
			"That key works, but it belongs to %s; %s needs one of %s. The application would find an empty memory. Delete it, select the right project and make another one.",
			r.place, e.Environment, want)}, nil
	}
	return providers.Inspection{Credential: providers.Credential{
		ID: k.p.config.Name(v), Values: providers.Values{k.p.config.Variable: v}, Label: e.Label, Made: time.Now().UTC(),
	}}, nil
}

// String is a place for people.
func (p place) String() string { return "project " + p.project + " of organisation " + p.org }
