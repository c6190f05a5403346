package r2

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"rekey/internal/fault"
	"rekey/providers"
)

// surveying is what a survey is doing, for errors.
const surveying = "looking at the access keys of R2"

// Survey identifies the key of every environment, and asks a person unless
// each is an active token of the account, its pair belongs together, and the
// environment's buckets are there and granted to it.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(surveying, fault.NotFound, "no environment holds a key")
	}
	pairs := make(map[string]pair, len(current))
	environments := slices.Sorted(maps.Keys(current))
	for _, env := range environments {
		own, err := p.form.read(current[env])
		if err != nil {
			return nil, fault.New(surveying, fault.Ambiguous, env+": "+err.Error())
		}
		pairs[env] = own
	}
	admin, err := p.adminID(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := p.tokens(ctx)
	if err != nil {
		return nil, err
	}
	k := newAccessKey(p, admin)
	for _, env := range environments {
		if err := k.take(ctx, env, pairs[env], seen); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// take holds one environment's key against the account and its buckets.
func (k *accessKey) take(ctx context.Context, env string, own pair, seen []token) error {
	if own.id == k.admin {
		return fault.New(surveying, fault.Managed, fmt.Sprintf("%s runs on token %s, which is the admin token Rekey works with; give the application one of its own", env, own.id))
	}
	at := slices.IndexFunc(seen, func(t token) bool { return t.ID == string(own.id) })
	if at < 0 {
		return k.unlisted(ctx, env, own)
	}
	old := seen[at]
	if old.Status != active {
		return fault.New(surveying, fault.Ambiguous, fmt.Sprintf("token %s of %s is %s at Cloudflare, so the application cannot be working", own.id, env, old.Status))
	}
	if len(old.Policies) == 0 {
		return fault.New(surveying, fault.Ambiguous, fmt.Sprintf("Cloudflare does not show what token %s of %s may do, so no other can be made like it", own.id, env))
	}
	var expected []expectation
	for _, name := range k.p.config.Buckets[env] {
		if err := k.p.bucket(ctx, env, name); err != nil {
			return err
		}
		e, err := k.granted(ctx, env, own, old, name)
		if err != nil {
			return err
		}
		expected = append(expected, e)
	}
	if len(expected) == 0 {
		return fault.New(surveying, fault.Ambiguous, "no bucket of "+env+" is configured, so nothing could prove a key for it")
	}
	k.inUse[env] = old
	k.expect(own.id, expected)
	return nil
}

// unlisted says what a key is that the account's list is without.
func (k *accessKey) unlisted(ctx context.Context, env string, own pair) error {
	r := k.p.list(ctx, surveying, own, k.p.anyBucket(env))
	switch {
	case r.accepted() || r.denied():
		return fault.New(surveying, fault.Unsupported, fmt.Sprintf("key %s of %s works and is no token of this account: it belongs to a person, or to another account. "+
			"This version rotates tokens of the account; make one there for %s once, by hand, or correct r2.account", own.id, env, env))
	case !r.refused():
		return r.unclear(surveying)
	default:
		return fault.New(surveying, fault.NotFound, fmt.Sprintf("key %s of %s is no token of this account and R2 refuses it: it was deleted, perhaps by Cloudflare itself because it was found in public, or it belongs to another account", own.id, env))
	}
}

// granted asks a bucket itself with the key in use. A key that may not list is
// held against what its policies name.
func (k *accessKey) granted(ctx context.Context, env string, own pair, old token, bucket string) (expectation, error) {
	r := k.p.list(ctx, surveying, own, bucket)
	names := old.grants(k.p.config.Account, k.p.config.Jurisdiction, bucket)
	switch {
	case r.accepted():
		return expectation{bucket: bucket, lists: true}, nil
	case r.denied() && names:
		return expectation{bucket: bucket}, nil
	case r.denied():
		return expectation{}, fault.New(surveying, fault.Ambiguous, fmt.Sprintf("token %s of %s grants nothing on bucket %s (jurisdiction %s); its policies name %s. Correct them, or r2.buckets",
			own.id, env, bucket, k.p.config.Jurisdiction, old.resources()))
	case r.mismatched():
		return expectation{}, fault.New(surveying, fault.Ambiguous, fmt.Sprintf("the two variables of %s do not belong together: R2 knows %s, and the secret is another one's, or not the SHA-256 of the token's value", env, own.id))
	case r.refused():
		return expectation{}, fault.New(surveying, fault.Ambiguous, fmt.Sprintf("the account lists token %s of %s as active, and R2 refuses the key", own.id, env))
	default:
		return expectation{}, r.unclear(surveying)
	}
}

// anyBucket is one to ask when only the key is in question.
func (p *Provider) anyBucket(env string) string {
	if own := p.config.Buckets[env]; len(own) > 0 {
		return own[0]
	}
	return p.everyBucket()[0]
}

// everyBucket lists those of all environments, each once.
func (p *Provider) everyBucket() []string {
	var all []string
	for _, env := range slices.Sorted(maps.Keys(p.config.Buckets)) {
		all = append(all, p.config.Buckets[env]...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}
