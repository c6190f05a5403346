package triggerdev

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The forms of keys. Root keys of old have fewer characters than new ones.
var (
	rootForm       = regexp.MustCompile(`^tr_(dev|stg|prod|preview)_[0-9A-Za-z]{20,24}$`)
	additionalForm = regexp.MustCompile(`^tr_(dev|stg|prod|preview)_sk_[0-9A-Za-z]{24}$`)
	tokenForm      = regexp.MustCompile(`^tr_pat_[0-9A-Za-z]{8,128}$`)
)

// prefixes of an environment's keys, by the name that the API has for it. Those
// of dev are each developer's own, and no application runs on one.
var prefixes = map[string]string{"staging": "stg", "prod": "prod", "preview": "preview"}

// key is a value of either kind.
type key struct {
	value  secret.Value
	prefix string // of its environment
	root   bool
}

// parse takes a value apart, if it has the form of a key.
func parse(v secret.Value) (key, bool) {
	text := v.Reveal()
	if m := additionalForm.FindStringSubmatch(text); m != nil {
		return key{v, m[1], false}, true
	}
	if m := rootForm.FindStringSubmatch(text); m != nil {
		return key{v, m[1], true}, true
	}
	return key{}, false
}

// unlike says why a text is no key, in a sentence without it; "" when it has
// the form of one.
func unlike(v secret.Value) string {
	if _, ok := parse(v); ok {
		return ""
	}
	switch text := v.Reveal(); {
	case strings.HasPrefix(text, "tr_pat_"):
		return "That is a personal access token, which may do everything its person may; no application runs on one. Revoke it if others can read this place, and paste a key of the environment."
	case strings.HasPrefix(text, "tr_oat_"):
		return "That is an access token of the organisation, not a key of an environment."
	case strings.HasPrefix(text, "pk_"):
		return "That is a public key, which starts no tasks from a server. Paste the secret one, tr_…_sk_…."
	case strings.HasPrefix(text, "tr_"):
		return "That is a part of a key, or something else of Trigger.dev's. A key is copied whole, at the moment it is made."
	default:
		return "That has not the form of a Trigger.dev key. The dashboard shows the whole key once, with a button to copy it."
	}
}

// read takes the one value out of all variables that carry it. Its errors name
// variables only.
func (p *Provider) read(values providers.Values) (key, error) {
	names := p.config.Variables
	for name := range values {
		if !slices.Contains(names, name) {
			return key{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	for _, name := range names {
		switch v := values[name]; {
		case v.IsZero():
			return key{}, errors.New(name + " has no value")
		case !v.Equal(values[names[0]]):
			return key{}, fmt.Errorf("%s and %s hold different values, and are names of the same key", names[0], name)
		}
	}
	k, ok := parse(values[names[0]])
	switch {
	case ok:
		return k, nil
	case tokenForm.MatchString(values[names[0]].Reveal()):
		return key{}, errors.New(names[0] + " holds a personal access token in the place of a key")
	default:
		return key{}, errors.New(names[0] + " has not the form of a Trigger.dev key")
	}
}

// spread puts a value into all variables.
func (p *Provider) spread(v secret.Value) providers.Values {
	values := make(providers.Values, len(p.config.Variables))
	for _, name := range p.config.Variables {
		values[name] = v
	}
	return values
}
