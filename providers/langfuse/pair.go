package langfuse

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// place is where an environment's pairs are made.
type place struct {
	site    *site
	project string
	name    string
}

// pairs is what all kinds have in common: pairs of known projects.
type pairs struct {
	p      *Provider
	inUse  map[string]pair  // by environment, as surveyed
	places map[string]place // by environment
	ended  bool             // the pairs that were in use are deleted

	mu    sync.Mutex
	known []wireKey // the last whole list, of all places
}

// listed is a kind whose pairs the service lists and deletes.
type listed struct{ *pairs }

// issued is the kind whose pairs the API makes.
type issued struct{ listed }

var (
	_ providers.Kind         = (*issued)(nil)
	_ providers.PlacedIssuer = (*issued)(nil)
	_ providers.Lister       = (*issued)(nil)
	_ providers.Prober       = (*issued)(nil)
	_ providers.Ender        = (*issued)(nil)
	_ providers.Disguiser    = (*issued)(nil)
)

// signatures are what a refused pair leaves in an application's log, if its
// library says anything: the service's own sentence, or the host beside the
// status. A bare 401 may be a duration or a request's id; 403 comes when
// ingestion is suspended, 207 when some events are malformed.
var signatures = []string{
	`(?i)\bInvalid credentials\. Confirm that you've configured the correct host`,
	`(?i)\blangfuse\b[^\n]{0,200}(\b401 unauthorized\b|\bstatus([ _]?code)?\W{1,4}401\b)`,
	`(?i)(\b401 unauthorized\b|\bstatus([ _]?code)?\W{1,4}401\b)[^\n]{0,200}\blangfuse\b`,
}

// Traits of a pair.
func (k *pairs) Traits() providers.Traits {
	return providers.Traits{
		Kind:       kindIssued,
		Service:    "Langfuse",
		Shape:      providers.Overlap,
		PublicID:   true,
		FreeProbe:  true,
		EndIs:      "deleted; Langfuse cannot undo it, and may accept the key for up to five minutes more",
		Drain:      "buffered events of processes that still run with the old pair are lost after the deletion, and their libraries do not say so: restart or drain workers first",
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// Traits of a pair that the API makes: what the present ones may do it tells to
// nobody, so people hear that theirs may be widened.
func (k *issued) Traits() providers.Traits {
	t := k.listed.Traits()
	t.Notice = "Langfuse's API makes pairs with full access only, and does not tell what the present ones may do: where those are restricted, cancel this, set langfuse.by_hand: true, and a person makes the like of them"
	return t
}

// Identify returns the public key, unless the last list shows that the secret
// half is another key's.
func (k *pairs) Identify(values providers.Values) (providers.ID, error) {
	const op = "identifying a key of Langfuse"
	own, err := k.p.form.read(values)
	if err != nil {
		return "", fault.New(op, fault.Ambiguous, err.Error())
	}
	if row, known := find(k.last(), own.id()); known && !fits(row.Display, own.secret) {
		return "", mixed(op, "", own, k.last())
	}
	return own.id(), nil
}

// whole holds that both halves belong to one row of the list. The service
// itself would not notice: it goes by the secret alone.
func (k *pairs) whole(op, whose string, own pair) error {
	row, known := find(k.last(), own.id())
	if known && fits(row.Display, own.secret) {
		return nil
	}
	return mixed(op, whose, own, k.last())
}

// mixed says what is known of the halves of two pairs.
func mixed(op, whose string, own pair, all []wireKey) error {
	text := whose + "the secret key is not that of the public key " + own.public + " beside it"
	if _, known := find(all, own.id()); !known {
		text = whose + "the public key " + own.public + " is none of the project's, and the secret key beside it is accepted"
	}
	if at := slices.IndexFunc(all, func(w wireKey) bool { return fits(w.Display, own.secret) }); at >= 0 {
		text += "; it looks like that of " + all[at].Public
	}
	return fault.New(op, fault.Ambiguous, text+". The vault holds halves of two pairs: put the right two together first")
}

// Disguises is the pair as exporters of traces carry it, joined and encoded.
func (k *pairs) Disguises(values providers.Values) []secret.Value {
	own, err := k.p.form.read(values)
	if err != nil {
		return nil
	}
	return []secret.Value{own.basic()}
}

func (k *pairs) last() []wireKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.known
}

// all are the different places, in the order of their environments.
func (k *pairs) all() []place {
	var all []place
	for _, env := range slices.Sorted(maps.Keys(k.places)) {
		at := k.places[env]
		if !slices.ContainsFunc(all, func(p place) bool { return p.site == at.site && p.project == at.project }) {
			all = append(all, at)
		}
	}
	return all
}

// sites are the different sites of the places.
func (k *pairs) sites() []*site {
	var all []*site
	for _, at := range k.all() {
		if !slices.Contains(all, at.site) {
			all = append(all, at.site)
		}
	}
	return all
}

// refresh takes the lists of all places anew.
func (k *pairs) refresh(ctx context.Context) ([]wireKey, error) {
	var all []wireKey
	for _, at := range k.all() {
		keys, err := at.site.keys(ctx, at.project)
		if err != nil {
			return nil, err
		}
		all = append(all, keys...)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = all
	return all, nil
}

// List returns the keys of all projects that the environments use.
func (k *listed) List(ctx context.Context) ([]providers.Credential, error) {
	keys, err := k.refresh(ctx)
	if err != nil {
		return nil, err
	}
	all := make([]providers.Credential, 0, len(keys))
	for _, w := range keys {
		until, _ := w.expires() // in another form: unknown
		all = append(all, providers.Credential{ID: providers.ID(w.Public), Label: w.note(), Made: w.made(), Expires: until})
	}
	return all, nil
}

// End deletes the pair with this public key, wherever it is.
func (k *listed) End(ctx context.Context, id providers.ID) error {
	const op = "deleting a key at Langfuse"
	if !publicForm.MatchString(string(id)) {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a public key"}
	}
	for _, at := range k.all() {
		if err := at.site.remove(ctx, at.project, id); err != nil {
			return err
		}
	}
	return nil
}

// IssueIn creates a pair in the environment's project, with the label as its
// note.
func (k *issued) IssueIn(ctx context.Context, environment, label string) (providers.Credential, error) {
	at, surveyed := k.places[environment]
	if !surveyed {
		return providers.Credential{}, fault.New("creating a key at Langfuse", fault.NotFound, fmt.Sprintf("no key of %q was looked at", environment))
	}
	own, row, err := at.site.create(ctx, at.project, label)
	if err != nil {
		return providers.Credential{}, err
	}
	return providers.Credential{ID: own.id(), Values: k.p.form.spread(own), Label: label, Made: row.made()}, nil
}
