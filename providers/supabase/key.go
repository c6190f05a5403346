package supabase

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// secretKey is the one kind that can be rotated: a secret key of a project.
type secretKey struct {
	p *Provider

	mu    sync.Mutex
	held  []holding            // in use when surveyed, then made by this kind
	known map[string][]wireKey // the last whole lists, by project
	named map[string]string    // ids as they were called when first seen
	gone  map[string]mark      // how the logs know keys, by id, also after their end
}

// holding is a value whose key is known for certain.
type holding struct {
	env   string // "" for one that was made here
	ref   string
	id    string
	value secret.Value
}

var (
	_ providers.Kind         = (*secretKey)(nil)
	_ providers.PlacedIssuer = (*secretKey)(nil)
	_ providers.Lister       = (*secretKey)(nil)
	_ providers.Prober       = (*secretKey)(nil)
	_ providers.Ender        = (*secretKey)(nil)
	_ providers.Usage        = (*secretKey)(nil)
)

// signatures are what a refused key leaves in an application's log: the
// gateway's message and hint, and the HTTP libraries' line with the host on
// either side of the status. A bare 401 is not enough, it may be a duration or
// a request's id.
var signatures = []string{
	`(?i)\bsupabase\b[^\n]{0,200}\binvalid api key\b`,
	`(?i)\bdouble check your supabase\b[^\n]{0,80}\bkey\b`,
	`(?i)\bsupabase\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)`,
	`(?i)(\b401 unauthorized\b|\bstatus(_?code)?\W{1,4}401\b)[^\n]{0,200}\bsupabase\.(co|in)\b`,
}

// Traits of a secret key.
func (k *secretKey) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "Supabase secret API key",
		Service:    "Supabase",
		Shape:      providers.Overlap,
		PublicID:   true,
		FreeProbe:  true,
		EndIs:      k.endIs(),
		Drain:      "copies inside the project are not fed by the vault: Postgres Vault, cron jobs, database webhooks and Edge Functions that hold the old key are refused after the deletion",
		Notice:     k.notice(),
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// refresh takes the whole lists of all projects anew.
func (k *secretKey) refresh(ctx context.Context) (map[string][]wireKey, error) {
	all := make(map[string][]wireKey)
	for _, ref := range k.p.refs() {
		keys, err := k.p.keys(ctx, ref)
		if err != nil {
			return nil, err
		}
		all[ref] = keys
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = all
	for ref, keys := range all {
		for _, w := range keys {
			k.note(ref, w)
			if _, seen := k.named[w.ID]; !seen {
				k.named[w.ID] = w.Name
			}
		}
	}
	return all, nil
}

// one is the key of a project that the value is of, if there is exactly one.
func (k *secretKey) one(ref string, v secret.Value) (wireKey, error) {
	const op = "identifying a key of Supabase"
	k.mu.Lock()
	defer k.mu.Unlock()
	var byPrefix, byHash []wireKey
	for _, w := range k.known[ref] {
		if w.Type != typeSecret || !w.fits(v) {
			continue
		}
		byPrefix = append(byPrefix, w)
		if w.hashed(v) {
			byHash = append(byHash, w)
		}
	}
	switch {
	case len(byHash) == 1:
		return byHash[0], nil
	case len(byPrefix) == 1:
		return byPrefix[0], nil
	case len(byPrefix) == 0:
		return wireKey{}, fault.New(op, fault.NotFound, "no secret key of project "+ref+" fits the value: it was deleted, or it belongs to another project")
	default:
		return wireKey{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("%d secret keys of project %s fit the value, among them %s (%s) and %s (%s); delete those that are not in use",
			len(byPrefix), ref, byPrefix[0].ID, byPrefix[0].Name, byPrefix[1].ID, byPrefix[1].Name))
	}
}

// Identify returns the id of a value that was surveyed or made here, or the
// one that the last lists have for it.
func (k *secretKey) Identify(values providers.Values) (providers.ID, error) {
	const op = "identifying a key of Supabase"
	v, err := k.p.read(values)
	if err != nil {
		return "", fault.New(op, fault.Ambiguous, err.Error())
	}
	if ref := k.p.serviceRole(v); ref != "" {
		return providers.ID(legacyID(ref)), nil
	}
	if wrong := unlike(v); wrong != "" {
		return "", fault.New(op, fault.Ambiguous, wrong)
	}
	if h, sure := k.holding(v); sure {
		return providers.ID(h.id), nil
	}
	var found []wireKey
	var missing error
	for _, ref := range k.p.refs() {
		w, err := k.one(ref, v)
		switch {
		case err == nil:
			found = append(found, w)
		case fault.Is(err, fault.NotFound):
			missing = err
		default:
			return "", err
		}
	}
	switch len(found) {
	case 0:
		return "", missing
	case 1:
		return providers.ID(found[0].ID), nil
	default:
		return "", fault.New(op, fault.Ambiguous, fmt.Sprintf("keys of %d projects fit the value", len(found)))
	}
}

// holding finds a value whose key is certain.
func (k *secretKey) holding(v secret.Value) (holding, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	at := slices.IndexFunc(k.held, func(h holding) bool { return h.id != "" && h.value.Equal(v) })
	if at < 0 {
		return holding{}, false
	}
	return k.held[at], true
}

// IssueIn creates a key in the environment's project, with the label as its
// name.
func (k *secretKey) IssueIn(ctx context.Context, environment, label string) (providers.Credential, error) {
	const op = "creating a key at Supabase"
	ref, known := k.p.config.Projects[environment]
	switch {
	case !known:
		return providers.Credential{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "no project is configured for " + environment}
	case !nameForm.MatchString(label):
		return providers.Credential{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "a key's name has 4 to 64 lower case letters, digits and underscores and begins with no digit"}
	}
	made, err := k.p.create(ctx, op, ref, label)
	if err != nil {
		return providers.Credential{}, err
	}
	k.mu.Lock()
	k.held = append(k.held, holding{ref: ref, id: made.ID, value: made.Value})
	k.named[made.ID] = made.Name
	k.mu.Unlock()
	at := made.made()
	if at.IsZero() {
		at = time.Now().UTC()
	}
	return providers.Credential{ID: providers.ID(made.ID), Label: label, Made: at, Values: providers.Values{k.p.config.Variable: made.Value}}, nil
}

// List returns the secret keys of all projects, and the legacy service_role
// keys where they are switched on.
func (k *secretKey) List(ctx context.Context) ([]providers.Credential, error) {
	lists, err := k.refresh(ctx)
	if err != nil {
		return nil, err
	}
	var all []providers.Credential
	for _, ref := range k.p.refs() {
		on, err := k.p.legacyOn(ctx, ref)
		if err != nil {
			return nil, err
		}
		if on {
			all = append(all, providers.Credential{ID: providers.ID(legacyID(ref)), Label: "service_role"})
		}
		for _, w := range lists[ref] {
			if w.Type == typeSecret {
				all = append(all, providers.Credential{ID: providers.ID(w.ID), Label: w.Name, Made: w.made()})
			}
		}
	}
	return all, nil
}

// End deletes the secret key with this id for good. Deleting cannot be undone,
// so the lists are looked at first: what is no secret key, belongs to the
// operator, or was renamed since this survey first saw it, is left alone. A
// legacy key ends by its project's switch.
func (k *secretKey) End(ctx context.Context, id providers.ID) error {
	const op = "deleting a key at Supabase"
	if ref := k.p.legacyOf(id); ref != "" {
		return k.switchOff(ctx, ref, false)
	}
	if !idForm.MatchString(string(id)) {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a key id"}
	}
	lists, err := k.refresh(ctx)
	if err != nil {
		return err
	}
	for _, ref := range k.p.refs() {
		at := slices.IndexFunc(lists[ref], func(w wireKey) bool { return w.ID == string(id) })
		if at < 0 {
			continue
		}
		if err := k.deletable(op, lists[ref][at]); err != nil {
			return err
		}
		return k.p.remove(ctx, op, ref, id)
	}
	return nil // gone from every whole list
}

func (k *secretKey) deletable(op string, w wireKey) error {
	k.mu.Lock()
	was := k.named[w.ID]
	k.mu.Unlock()
	switch {
	case w.Type != typeSecret:
		return fault.New(op, fault.Managed, "key "+w.ID+" is a "+w.Type+" key")
	case w.Name == operators:
		return fault.New(op, fault.Managed, "key "+w.ID+" is the one called "+operators+", which Edge Functions look up by that name")
	case w.Name != was:
		return fault.New(op, fault.ChangedByOther, fmt.Sprintf("key %s was called %s and is called %s now", w.ID, was, w.Name))
	}
	return nil
}
