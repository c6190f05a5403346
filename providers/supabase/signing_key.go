package supabase

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// signingKey is an HS256 signing key whose value the application holds, too.
type signingKey struct {
	s    *Signing
	life time.Duration // of the longest-lived tokens of any project

	mu    sync.Mutex
	held  []signed                 // values in use when surveyed, then made here
	known map[string][]wireSigning // the last lists, by project
	pass  map[string]secret.Value  // publishable keys, by project
}

// signed is a value and the key it belongs to.
type signed struct {
	env, ref string // "" for one that was made here and not imported yet
	id       string // "" while no trusted key is known to have it
	value    secret.Value
}

var (
	_ providers.Kind      = (*signingKey)(nil)
	_ providers.Importer  = (*signingKey)(nil)
	_ providers.Activator = (*signingKey)(nil)
	_ providers.Minter    = (*signingKey)(nil)
	_ providers.Clearer   = (*signingKey)(nil)
	_ providers.Blocker   = (*signingKey)(nil)
	_ providers.Parent    = (*signingKey)(nil)
	_ providers.Lister    = (*signingKey)(nil)
	_ providers.Prober    = (*signingKey)(nil)
	_ providers.Ender     = (*signingKey)(nil)
	_ providers.Disguiser = (*signingKey)(nil)
)

// signingSignatures are what a token that Supabase does not trust leaves in the
// log of an application that uses it there. That an application itself refuses
// a token says nothing: anybody can send one.
var signingSignatures = []string{
	`(?i)\bJWSError\b[^\n]{0,80}\bJWSInvalidSignature\b`,
	`(?i)\bsupabase\b[^\n]{0,200}\bunable to parse or verify signature\b`,
}

// Traits of a signing key.
func (k *signingKey) Traits() providers.Traits {
	waits := k.s.config.Waits
	waits.Hold += k.life
	return providers.Traits{
		Kind:       "Supabase JWT signing key (HS256)",
		Service:    "Supabase",
		Shape:      providers.DeployFirst,
		PublicID:   true,
		FreeProbe:  true,
		EndIs:      "revoked at once; sessions go on with their refresh tokens, but whatever else was signed with it is refused",
		Drain:      "Storage's signed URLs and long-lived tokens that were signed with the old secret, for other services or by hand, break at the revocation; so do components that cache keys, for up to 20 minutes",
		Waits:      waits,
		Signatures: slices.Clone(signingSignatures),
	}
}

// Identify returns the id of the key that signs with the value.
func (k *signingKey) Identify(values providers.Values) (providers.ID, error) {
	const op = "identifying a signing key of Supabase"
	v := values[k.s.config.Variable]
	if v.IsZero() {
		return "", fault.New(op, fault.Ambiguous, k.s.config.Variable+" is missing or empty")
	}
	if wrong := misshapen(v); wrong != "" {
		return "", fault.New(op, fault.Ambiguous, k.s.config.Variable+": "+wrong)
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, h := range k.held {
		if h.id != "" && h.value.Equal(v) {
			return providers.ID(h.id), nil
		}
	}
	return "", fault.New(op, fault.Ambiguous, "no signing key that its project trusts has this value")
}

// Make generates a secret and asks nobody.
func (k *signingKey) Make(label string) (providers.Credential, error) {
	const op = "making a secret for signing"
	if label == "" {
		return providers.Credential{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "there is no label"}
	}
	v, id := generate(), kidOf(label)
	k.mu.Lock()
	k.held = append(k.held, signed{id: id, value: v})
	k.mu.Unlock()
	return providers.Credential{ID: providers.ID(id), Label: label, Values: providers.Values{k.s.config.Variable: v}}, nil
}

// Import hands a value to the environment's project as its standby key, unless
// the project has the id already.
func (k *signingKey) Import(ctx context.Context, environment string, id providers.ID, values providers.Values) error {
	const op = "importing a signing key into Supabase"
	ref, v := k.s.config.Projects[environment], values[k.s.config.Variable]
	switch {
	case ref == "":
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "no project is configured for " + environment}
	case !kidForm.MatchString(string(id)) || misshapen(v) != "":
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "the id or the value has not its form"}
	}
	found, err := k.one(ctx, ref, id)
	switch {
	case err == nil && found.Status == "":
		err = k.s.create(ctx, op, ref, id, v)
	case err == nil && (found.Algorithm != algorithm || found.Status != statusStandby && found.Status != statusInUse):
		err = fault.New(op, fault.Ambiguous, "project "+ref+" has "+string(id)+" already, as "+found.Algorithm+" and "+found.Status)
	}
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.held = slices.DeleteFunc(k.held, func(h signed) bool { return h.value.Equal(v) })
	k.held = append(k.held, signed{env: environment, ref: ref, id: string(id), value: v})
	return nil
}

// Active is the key that the environment's project signs with.
func (k *signingKey) Active(ctx context.Context, environment string) (providers.ID, error) {
	const op = "asking Supabase which key signs"
	keys, err := k.refresh(ctx, k.s.config.Projects[environment])
	if err != nil {
		return "", err
	}
	at := slices.IndexFunc(keys, func(w wireSigning) bool { return w.Status == statusInUse })
	if at < 0 {
		return "", fault.New(op, fault.Ambiguous, "no key is in use")
	}
	return providers.ID(keys[at].ID), nil
}

// Activate has the project sign with a key from now on. The one before stays
// trusted. A key that was in use before becomes the standby key first, which
// leaves it trusted: only that one can be rotated to
// (https://supabase.com/docs/guides/auth/signing-keys, "Lifetime of a signing
// key"). Each of the two is a change that Supabase may ask to wait for; called
// again it goes on with the second.
func (k *signingKey) Activate(ctx context.Context, environment string, id providers.ID) error {
	const op = "activating a signing key of Supabase"
	ref := k.s.config.Projects[environment]
	found, err := k.one(ctx, ref, id)
	switch {
	case err != nil:
		return err
	case found.Status == statusInUse:
		return nil
	case found.Status == "":
		return fault.New(op, fault.NotFound, "project "+ref+" has no key "+string(id))
	case found.Status == statusFormer:
		if err := k.s.set(ctx, op, ref, id, statusStandby); err != nil {
			return err
		}
	case found.Status != statusStandby:
		return fault.New(op, fault.Ambiguous, string(id)+" is "+found.Status)
	}
	return k.s.set(ctx, op, ref, id, statusInUse)
}

// Lingers is the life of the project's tokens now, and the margin.
func (k *signingKey) Lingers(ctx context.Context, environment string) (time.Duration, error) {
	life, err := k.s.life(ctx, k.s.config.Projects[environment])
	return life + k.s.config.Waits.Hold, err
}

// List returns the keys of all projects that can live. Revoked ones are kept by
// Supabase, as the way back, and are trusted by nobody.
func (k *signingKey) List(ctx context.Context) ([]providers.Credential, error) {
	var all []providers.Credential
	for _, ref := range k.s.p.refs() {
		keys, err := k.refresh(ctx, ref)
		if err != nil {
			return nil, err
		}
		for _, w := range keys {
			if w.Status != statusRevoked {
				all = append(all, providers.Credential{ID: providers.ID(w.ID), Made: w.made()})
			}
		}
	}
	return all, nil
}

// End revokes a key that signs nothing any more. It is never deleted here: a
// revoked key is the way back. One that never signed is standby, and is moved to
// previously used first, as Supabase's documentation has it.
func (k *signingKey) End(ctx context.Context, id providers.ID) error {
	const op = "revoking a signing key of Supabase"
	if !kidForm.MatchString(string(id)) {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is no id of a signing key"}
	}
	ref, found, err := k.where(ctx, id)
	switch {
	case err != nil:
		return err
	case found.Status == "", found.Status == statusRevoked:
		return nil
	case found.Status == statusInUse:
		return fault.New(op, fault.Conflict, "project "+ref+" signs with it")
	}
	switch why, err := k.Blocked(ctx, id); {
	case err != nil:
		return err
	case why != "":
		return fault.New(op, fault.Conflict, strings.TrimSuffix(why, "."))
	}
	if found.Status == statusStandby {
		if err := k.s.set(ctx, op, ref, id, statusFormer); err != nil {
			return err
		}
	}
	return k.s.set(ctx, op, ref, id, statusRevoked)
}

// where finds a key in the projects; no status when none has it.
func (k *signingKey) where(ctx context.Context, id providers.ID) (string, wireSigning, error) {
	for _, ref := range k.s.p.refs() {
		found, err := k.one(ctx, ref, id)
		if err != nil || found.Status != "" {
			return ref, found, err
		}
	}
	return "", wireSigning{}, nil
}

// Disguises are encodings of the secret.
func (k *signingKey) Disguises(values providers.Values) []secret.Value {
	v := values[k.s.config.Variable]
	if v.IsZero() || misshapen(v) != "" {
		return nil
	}
	return disguises(v)
}
