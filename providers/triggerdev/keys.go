package triggerdev

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/providers"
)

// keys is what all kinds have in common.
type keys struct {
	p        *Provider
	places   map[string]Place  // by environment
	inUse    map[string]key    // by environment, as surveyed
	projects map[string]string // the service's own ids of projects, by environment
	ended    bool              // the keys that were in use are revoked
}

func (p *Provider) keys() *keys {
	return &keys{p: p, places: p.config.Places, inUse: make(map[string]key), projects: make(map[string]string)}
}

// signatures are what a refused key leaves in an application's log: the
// library's own error, or the service's sentence beside the library's name. A
// bare 401 may be a duration or a request's id.
var signatures = []string{
	`\bTriggerApiError: 401\b`,
	`(?i)\btrigger(\.dev|_api_key|_secret_key|dev)?\b[^\n]{0,200}\binvalid (or missing )?api key\b`,
	`(?i)\btrigger\.dev\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus([ _]?code)?\W{1,4}401\b)`,
}

// traits that all kinds have.
func (k *keys) traits() providers.Traits {
	return providers.Traits{
		Service: "Trigger.dev", Shape: providers.Overlap, FreeProbe: true, Notice: k.notice(),
		Waits: k.p.config.Waits, Signatures: slices.Clone(signatures),
	}
}

// forgotten is the name that the second version's library read. The third and
// the fourth read another.
const forgotten, readToday = "TRIGGER_API_KEY", "TRIGGER_SECRET_KEY"

// notice says that a variable may be dead weight.
func (k *keys) notice() string {
	names := k.p.config.Variables
	if k.p.config.ReadBy != "" || !slices.Contains(names, forgotten) || slices.Contains(names, readToday) {
		return ""
	}
	return forgotten + " is what version 2 of Trigger.dev's library read, and that version has ended. The library of today reads " + readToday + ": either the application reads " + forgotten + " by itself, which trigger.read_by in the configuration can say, or nobody does"
}

// drain says what else an old key may be in.
func (k *keys) drain(tokens string) string {
	text := "a deployment in CI that passes it as TRIGGER_ACCESS_TOKEN, and Vercel's copy, which the API does not renew; " + tokens
	for _, at := range k.all() {
		if at.Environment == "preview" {
			return text + "; all preview branches, which use this one key"
		}
	}
	return text
}

// all are the different places, in the order of their environments.
func (k *keys) all() []Place {
	var all []Place
	for _, env := range slices.Sorted(maps.Keys(k.places)) {
		if at := k.places[env]; !slices.Contains(all, at) {
			all = append(all, at)
		}
	}
	return all
}

// identify names a key that is of the right kind.
func (k *keys) identify(values providers.Values, fits func(key) bool) (providers.ID, error) {
	const op = "identifying a key of Trigger.dev"
	own, err := k.p.read(values)
	switch {
	case err != nil:
		return "", fault.New(op, fault.Ambiguous, err.Error())
	case !fits(own):
		return "", fault.New(op, fault.Ambiguous, fmt.Sprintf("%s holds a key of the other kind", strings.Join(k.p.config.Variables, " and ")))
	}
	return k.p.name(own.value), nil
}
