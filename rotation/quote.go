package rotation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// quote is what somebody outside said, fit to be stored and shown: with every
// value masked that the words may hold. All words that are not ours come
// through here. Where a single value cannot be had nothing is quoted, because
// that may be the one.
func (w *run) quote(ctx context.Context, said secret.Quote) string {
	if said.IsZero() {
		return ""
	}
	values, err := w.spoken(ctx)
	if err != nil {
		w.e.config.Log.Info("what was said is not repeated, because it cannot be masked", "rotation", w.r.ID, "error", err)
		return ""
	}
	return said.Masked(values...)
}

// told is our words with those of somebody else after them.
func (w *run) told(ctx context.Context, detail string, said secret.Quote) string {
	words := w.quote(ctx, said)
	if detail == "" || words == "" {
		return detail + words
	}
	if strings.Contains(words, "\n") {
		return detail + ":\n" + words
	}
	return detail + ": " + words
}

// heardOut adds to a failure what the other side said about it.
func (w *run) heardOut(ctx context.Context, err error) error {
	said, quoted := errors.AsType[secret.Quote](err)
	f, classified := errors.AsType[*fault.Error](err)
	if !quoted || !classified {
		return err
	}
	fuller := *f
	fuller.Detail = w.told(ctx, f.Detail, said)
	return &fuller
}

// spoken are the values that a log, a target or a program of this application
// may have in its mouth: those the vault holds on the path, those it held
// before and after this rotation wrote, and one that was just made. An error
// means that a credential the record knows of is not among them.
func (w *run) spoken(ctx context.Context) ([]secret.Value, error) {
	sets := []providers.Values{w.made}
	var all []secret.Value
	for _, env := range w.r.environments() {
		now, err := w.subject.Vault.Read(ctx, env, w.subject.Variables)
		if err != nil {
			return nil, err
		}
		before, err := w.byVersion(ctx, env, w.r.Places[env].Before)
		if err != nil {
			return nil, err
		}
		after, err := w.byVersion(ctx, env, w.r.Places[env].After)
		if err != nil {
			return nil, err
		}
		others, err := w.neighbours(ctx, env)
		if err != nil {
			return nil, err
		}
		sets, all = append(sets, valuesOf(now), before, after, w.between(before, after)), append(all, others...)
	}
	return append(all, hide(sets...)...), w.complete(sets)
}

// between is what an environment held while its application accepted two
// values; nil for secrets that are one.
func (w *run) between(before, after providers.Values) providers.Values {
	if w.subject.Previous == "" || len(after) == 0 {
		return nil
	}
	both := maps.Clone(after)
	both[w.subject.Previous] = before[w.subject.signs()]
	return both
}

// neighbours are all values on an environment's path, where the vault tells:
// a line about one credential may hold another one.
func (w *run) neighbours(ctx context.Context, env string) ([]secret.Value, error) {
	names, ok := w.subject.Vault.(deploy.Names)
	if !ok {
		return nil, nil
	}
	entries, err := names.All(ctx, env)
	if err != nil {
		return nil, err
	}
	var values []secret.Value
	for _, entry := range entries {
		values = append(values, entry.Value)
	}
	return values, nil
}

// complete holds that every credential the record names is in hand.
func (w *run) complete(sets []providers.Values) error {
	known := make(map[secret.Fingerprint]bool)
	for _, set := range sets {
		known[w.e.fingerprint(set)] = true
	}
	for _, env := range w.r.environments() {
		p := w.r.Places[env]
		for _, k := range []Known{p.Old, p.New} {
			if k.Fingerprint != "" && !known[k.Fingerprint] {
				return fmt.Errorf("the value of %s in %s is not in hand", k.Shown(), env)
			}
		}
	}
	return nil
}

// hide lists the values of credentials.
func hide(sets ...providers.Values) []secret.Value {
	var all []secret.Value
	for _, set := range sets {
		for _, v := range set {
			all = append(all, v)
		}
	}
	return all
}
