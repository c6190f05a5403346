package r2

import (
	"context"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// accessKey is the one kind that can be rotated: a token of the account.
type accessKey struct {
	p     *Provider
	admin providers.ID     // of the token that Rekey works with
	inUse map[string]token // by environment

	mu       sync.Mutex
	expected map[providers.ID][]expectation
	fresh    map[providers.ID]secret.Value // values of tokens just made, until they are verified
}

// expectation is how a bucket answers a key that is alive.
type expectation struct {
	bucket string
	lists  bool // it lists; else it denies that, and the policies grant something
}

func newAccessKey(p *Provider, admin providers.ID) *accessKey {
	return &accessKey{
		p: p, admin: admin, inUse: make(map[string]token),
		expected: make(map[providers.ID][]expectation), fresh: make(map[providers.ID]secret.Value),
	}
}

var (
	_ providers.Kind         = (*accessKey)(nil)
	_ providers.PlacedIssuer = (*accessKey)(nil)
	_ providers.Lister       = (*accessKey)(nil)
	_ providers.Prober       = (*accessKey)(nil)
	_ providers.Ender        = (*accessKey)(nil)
	_ providers.Disabler     = (*accessKey)(nil)
)

// signatures are what a refused key leaves in an application's log: the words
// of the S3 libraries around R2's own codes. Other stores have other codes or
// other names, and a bare 401 may be anything.
var signatures = []string{
	`(?i)\bapi error Unauthorized\b`,
	`(?i)\br2\b[^\n]{0,200}\b(401 unauthorized|SignatureDoesNotMatch)\b`,
	`(?i)\b(401 unauthorized|SignatureDoesNotMatch)\b[^\n]{0,200}\br2\.cloudflarestorage\.com\b`,
}

// Traits of an access key.
func (k *accessKey) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "Cloudflare R2 access key",
		Service:    "Cloudflare R2",
		Shape:      providers.Overlap,
		PublicID:   true,
		UndoOfEnd:  true,
		EndIs:      "switched off first, which can be undone, and deleted after one more watch, which cannot",
		Drain:      "URLs that were presigned with the old key, and temporary credentials made from it, stop working when it is switched off",
		Waits:      k.p.config.Waits,
		Signatures: append([]string(nil), signatures...),
	}
}

// Identify returns the access key's id, which is the token's.
func (k *accessKey) Identify(v providers.Values) (providers.ID, error) {
	own, err := k.p.form.read(v)
	if err != nil {
		return "", fault.New("identifying an access key of R2", fault.Ambiguous, err.Error())
	}
	return own.id, nil
}

// IssueIn makes a token like the one that the environment uses, and the pair
// from its value.
func (k *accessKey) IssueIn(ctx context.Context, environment, label string) (providers.Credential, error) {
	old, known := k.inUse[environment]
	if !known {
		return providers.Credential{}, fault.New("creating a token at Cloudflare", fault.NotFound, "no key of "+environment+" was looked at")
	}
	made, err := k.p.create(ctx, label, old)
	if err != nil {
		return providers.Credential{}, err
	}
	own := derived(made.ID, made.Value)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expected[own.id], k.fresh[own.id] = k.expected[providers.ID(old.ID)], made.Value
	c := providers.Credential{ID: own.id, Values: k.p.form.spread(own), Label: label, Made: at(made.Issued), Expires: at(made.Expires)}
	if c.Made.IsZero() {
		c.Made = time.Now().UTC()
	}
	return c, nil
}

// List returns the account's tokens that live or can be made to live again, but
// for the one Rekey works with.
func (k *accessKey) List(ctx context.Context) ([]providers.Credential, error) {
	tokens, err := k.p.tokens(ctx)
	if err != nil {
		return nil, err
	}
	var all []providers.Credential
	for _, t := range tokens {
		if t.Status != expired && providers.ID(t.ID) != k.admin {
			all = append(all, providers.Credential{ID: providers.ID(t.ID), Label: t.Name, Made: at(t.Issued), Expires: at(t.Expires)})
		}
	}
	return all, nil
}

// Disable switches a token off.
func (k *accessKey) Disable(ctx context.Context, id providers.ID) error {
	const op = "switching off a token at Cloudflare"
	if err := k.mine(op, id); err != nil {
		return err
	}
	return k.p.set(ctx, op, id, disabled)
}

// Enable switches it on again.
func (k *accessKey) Enable(ctx context.Context, id providers.ID) error {
	const op = "switching on a token at Cloudflare"
	if err := k.mine(op, id); err != nil {
		return err
	}
	return k.p.set(ctx, op, id, active)
}

// End deletes a token for good.
func (k *accessKey) End(ctx context.Context, id providers.ID) error {
	const op = "deleting a token at Cloudflare"
	if err := k.mine(op, id); err != nil {
		return err
	}
	return k.p.remove(ctx, op, id)
}

// mine refuses what is no id, and the token that Rekey works with.
func (k *accessKey) mine(op string, id providers.ID) error {
	switch {
	case !idForm.MatchString(string(id)):
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not a token's id"}
	case id == k.admin:
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "token " + string(id) + " is the admin token Rekey works with"}
	}
	return nil
}

func (k *accessKey) expect(id providers.ID, all []expectation) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.expected[id] = append(k.expected[id], all...) // a shared key has the buckets of both
}
