package anthropic

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// apiKey is the one kind that Anthropic has: a key of one workspace.
type apiKey struct {
	p     *Provider
	inUse map[string]wireKey // by environment, as surveyed
	told  []holding          // what the environments hold, where no survey knows it any more

	mu    sync.Mutex
	known []wireKey // the last whole list
}

var (
	_ providers.Kind     = (*apiKey)(nil)
	_ providers.Guide    = (*apiKey)(nil)
	_ providers.Lister   = (*apiKey)(nil)
	_ providers.Prober   = (*apiKey)(nil)
	_ providers.Disabler = (*apiKey)(nil)
	_ providers.Ender    = (*apiKey)(nil)
	_ providers.Usage    = (*apiKey)(nil)
)

// signatures are what a refused key leaves in an application's log: the
// vendor's libraries print the error body, others the host beside the status.
// A bare 401 is not enough, it may be a duration or a request's id.
var signatures = []string{
	`(?i)\binvalid x-api-key\b`,
	`(?i)\banthropic\b[^\n]{0,300}\bauthentication_error\b`,
	`(?i)\banthropic\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)`,
	`(?i)(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)[^\n]{0,200}\bapi\.anthropic\.com\b`,
}

// Traits of an API key.
func (k *apiKey) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "Anthropic API key",
		Service:    "Anthropic",
		Shape:      providers.Overlap,
		PublicID:   true,
		UndoOfEnd:  true,
		Guided:     true,
		FreeProbe:  true,
		EndIs:      "switched off first, which can be undone, and archived after one more watch, which cannot",
		Notice:     k.notice(),
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// notice says that a key is a person's, and so is its successor: it dies with
// their membership, and nobody else would know why.
func (k *apiKey) notice() string {
	var whose []string
	for _, env := range slices.Sorted(maps.Keys(k.inUse)) {
		if user := k.inUse[env].actor().User; user != "" {
			whose = append(whose, env+" that of user "+user)
		}
	}
	if len(whose) == 0 {
		return ""
	}
	return "personal keys are in use, which die when their person leaves the organisation: in " + strings.Join(whose, ", in ") + ". So will the new ones; a service account's key, put into the vault by hand once, is followed by its own kind"
}

// refresh takes the whole list anew.
func (k *apiKey) refresh(ctx context.Context) ([]wireKey, error) {
	all, err := k.p.keys(ctx)
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = all
	return all, nil
}

// fitting are the known keys whose hint fits the value.
func (k *apiKey) fitting(v secret.Value) []wireKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	var found []wireKey
	for _, w := range k.known {
		if fits(w.Hint, v) {
			found = append(found, w)
		}
	}
	return found
}

// one finds the key of a value; an archived one is dead and stands in nobody's
// way. Two that fit cannot be told apart.
func (k *apiKey) one(v secret.Value) (wireKey, error) {
	const op = "finding a key at Anthropic"
	found := slices.DeleteFunc(k.fitting(v), func(w wireKey) bool { return w.Status == archived })
	switch len(found) {
	case 1:
		return found[0], nil
	case 0:
		return wireKey{}, fault.New(op, fault.NotFound, "no key that the Admin API key sees fits the value: it was archived, or the Admin API key belongs to another organisation")
	default:
		return wireKey{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("%d keys fit the value, among them %s and %s; archive those that are not in use", len(found), found[0].ID, found[1].ID))
	}
}

// Identify returns the id that the last list has for the value.
func (k *apiKey) Identify(values providers.Values) (providers.ID, error) {
	const op = "identifying a key of Anthropic"
	v, err := k.p.read(values)
	if err != nil {
		return "", fault.New(op, fault.Ambiguous, err.Error())
	}
	if id, known := k.held(v); known {
		return id, nil
	}
	found, err := k.one(v)
	if err != nil {
		return "", err
	}
	return providers.ID(found.ID), nil
}

// List returns the keys that live or can be made to live again.
func (k *apiKey) List(ctx context.Context) ([]providers.Credential, error) {
	keys, err := k.refresh(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]providers.Credential, 0, len(keys))
	for _, w := range keys {
		if w.Status == archived || w.Status == expired {
			continue
		}
		until, _ := w.expires() // in another form: unknown
		all = append(all, providers.Credential{ID: providers.ID(w.ID), Label: w.Name, Made: w.made(), Expires: until})
	}
	return all, nil
}

// Disable makes a key inactive. One that is archived or expired is refused
// anyway.
func (k *apiKey) Disable(ctx context.Context, id providers.ID) error {
	return k.p.set(ctx, "switching off a key at Anthropic", id, inactive)
}

// Enable makes a key active again.
func (k *apiKey) Enable(ctx context.Context, id providers.ID) error {
	return k.p.set(ctx, "switching on a key at Anthropic", id, active)
}

// End archives a key; there is no deleting.
func (k *apiKey) End(ctx context.Context, id providers.ID) error {
	return k.p.set(ctx, "archiving a key at Anthropic", id, archived)
}
