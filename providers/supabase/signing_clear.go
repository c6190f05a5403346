package supabase

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// Clear asks a person where a rotation could not begin: each project trusts
// nothing but the key in use, whose value the vault holds.
func (k *signingKey) Clear(ctx context.Context) error {
	const op = "looking for signing keys that are left over"
	if k.s.config.Mints {
		return fault.New(op, fault.Unsupported, fmt.Sprintf("the application signs tokens itself with %s (jwt_use: mint). Until the new key is activated Supabase would refuse what it signs with the new value, so this version does not rotate it. Nothing was changed. Have the application sign with another secret, or let Supabase Auth sign; with jwt_use: verify it rotates", k.s.config.Variable))
	}
	k.mu.Lock()
	held := slices.Clone(k.held)
	k.mu.Unlock()
	for _, h := range held {
		keys, err := k.refresh(ctx, h.ref)
		if err != nil {
			return err
		}
		if err := k.unencumbered(op, h, keys); err != nil {
			return err
		}
	}
	return nil
}

func (k *signingKey) unencumbered(op string, h signed, keys []wireSigning) error {
	slices.SortStableFunc(keys, func(a, b wireSigning) int { return strings.Compare(a.Created, b.Created) })
	var standby, former []string
	for _, w := range keys {
		switch {
		case w.Status == statusStandby:
			standby = append(standby, w.ID)
		case w.Status == statusFormer:
			former = append(former, w.ID)
		case w.Status == statusInUse && h.id != "" && h.id != w.ID:
			return fault.New(op, fault.Ambiguous, fmt.Sprintf("%s holds the value of signing key %s, but project %s signs with %s", h.env, h.id, h.ref, w.ID))
		}
	}
	switch {
	case len(standby) > 0:
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("project %s has the standby key %s already, and there is room for one. Delete it, or finish what it was made for, under %s", h.ref, strings.Join(standby, ", "), signingConsole(h.ref)))
	case len(former) > 0:
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("project %s still trusts keys that were in use before: %s, the oldest first. Whoever holds one of their secrets can sign in as anybody. Once nothing uses them, revoke each in this order under %s", h.ref, strings.Join(former, ", "), signingConsole(h.ref)))
	}
	return nil
}

// Begot reports whether a text is a token that was signed with the value, as
// long-lived ones for other services are, and the legacy API keys.
func (k *signingKey) Begot(values providers.Values, text secret.Value) bool {
	v := values[k.s.config.Variable]
	return !v.IsZero() && isLegacy(text) && signedWith(v, text)
}

// Blocked says that a project's legacy API keys are still switched on: they are
// signed with the legacy secret, and Supabase does not revoke it under them.
func (k *signingKey) Blocked(ctx context.Context, id providers.ID) (string, error) {
	const op = "asking what keeps Supabase from revoking"
	for _, ref := range k.s.p.refs() {
		legacy, err := k.s.legacyKey(ctx, ref)
		if fault.Is(err, fault.NotFound) || err == nil && legacy.ID != string(id) {
			continue
		}
		if err != nil {
			return "", err
		}
		on, err := k.s.p.legacyOn(ctx, ref)
		if err != nil || !on {
			return "", err
		}
		return fmt.Sprintf("Supabase cannot revoke %s yet: it is the legacy JWT secret of project %s, and the legacy API keys anon and service_role, which are signed with it, are switched on; %s. Move every consumer to publishable and secret keys (SUPABASE_SERVICE_ROLE_KEY rotates here), then switch the legacy keys off under %s.",
			id, ref, k.s.p.legacyUse(ctx, op, ref), console(ref)), nil
	}
	return "", nil
}
