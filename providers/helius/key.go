package helius

import (
	"fmt"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// keys is what all kinds of Helius have: keys inside values.
type keys struct {
	p     *Provider
	inUse map[string]taken // by environment, as surveyed
	// anywhere are the environments whose key works from any site.
	anywhere map[string]bool
	ended    bool // the keys that were in use are deleted
}

// The kinds by their names, which are stored.
const (
	kindByHand = "Helius API key, made by hand"
	kindListed = "Helius API key"
)

// unseen is what only the dashboard shows of a key, and a deleted one no more.
const unseen = "its access rules (section RPCs)"

// signatures are what a refused key leaves in an application's log. A bare 401
// is not enough, it may be a duration or a request's id.
var signatures = []string{
	`(?i)\bhelius\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b|\binvalid api[- ]key\b)`,
	`(?i)\bhelius-rpc\.com\b[^\n]{0,200}(\b401\b|\bunauthorized\b)`,
	`(?i)(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)[^\n]{0,200}\bhelius\b`,
}

// traits are those that all kinds share.
func (k *keys) traits(kind string) providers.Traits {
	return providers.Traits{
		Kind:       kind,
		Service:    "Helius",
		Shape:      providers.Overlap,
		EndByHand:  true,
		EndIs:      "deleted in the dashboard by a person, who is told how; Helius cannot undo it",
		Drain:      "tabs that are open, caches and service workers, which go on with the scripts of the old build for hours",
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// Identify returns the fingerprint of the key that the values carry.
func (k *keys) Identify(values providers.Values) (providers.ID, error) {
	const op = "identifying a key of Helius"
	own, err := k.p.read(values)
	if err != nil {
		return "", fault.New(op, fault.Ambiguous, err.Error())
	}
	id := k.p.config.Name(own.key)
	if id == "" {
		return "", fault.New(op, fault.Unsupported, "nothing names it")
	}
	return id, nil
}

// Tail is the last four characters of the key, wherever in the value it is.
func (k *keys) Tail(values providers.Values) string {
	own, err := k.p.read(values)
	if err != nil {
		return ""
	}
	return own.key.Last4()
}

// Disguises is the key without its URL: it may stand in other ones, of
// WebSockets or of another network, and by itself.
func (k *keys) Disguises(values providers.Values) []secret.Value {
	own, err := k.p.read(values)
	if err != nil {
		return nil
	}
	return []secret.Value{own.key}
}

// known finds the environment whose key has an id.
func (k *keys) known(id providers.ID) (secret.Value, bool) {
	for _, own := range k.inUse {
		if k.p.config.Name(own.key) == id {
			return own.key, true
		}
	}
	return secret.Value{}, false
}

// farewell is how people delete a key, which is described in words that fit
// behind "the key". Where that is the one in use, none stays.
func (k *keys) farewell(environment string, id providers.ID, described string) (providers.Guidance, error) {
	if id == "" {
		return providers.Guidance{}, &fault.Error{Op: "saying how to delete a key at Helius", Class: fault.Never, Reason: fault.Invalid, Detail: "there is no id"}
	}
	steps := []string{"Find the key " + described + ". No other one."}
	switch own, known := k.inUse[environment]; {
	case known && k.p.config.Name(own.key) == id:
		note := "Note its access rules (section RPCs): the next key needs them, and nobody can look them up afterwards."
		if k.anywhere[environment] {
			note += " None of them keeps it to your sites: Helius takes it from any site."
		}
		steps = append(steps, note)
	case k.anywhere[environment]:
		steps = append(steps, "Look at the access rules of the key that stays: Helius takes it from any site, and whoever reads the page can read it there.")
	}
	steps = append(steps, "Delete it, and confirm.")
	return providers.Guidance{Console: k.p.config.Console, Steps: steps}, nil
}

// date is a day for people; "" when it is not known.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 January 2006")
}

// ending names a key by its last four characters.
func ending(key secret.Value) string {
	return fmt.Sprintf("whose last four characters are `%s`", key.Last4())
}
