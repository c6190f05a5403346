package rotation

import (
	"context"
	"strings"

	"rekey/providers"
)

// forcer is the kind of an emergency's credential, where its service's reasons to
// wait with the end are those of a quiet day; nil otherwise.
func (w *run) forcer(ctx context.Context) (providers.Forcer, error) {
	if w.r.Cell.Mode != Emergency {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	kind, err := w.found(ctx)
	if err != nil {
		return nil, err
	}
	f, _ := kind.(providers.Forcer)
	return f, nil
}

// harm says what ending the old credentials now takes from whom, beside the
// application; "" for nothing. It is for the people who decide: in an emergency it
// is no reason not to ask them.
func (w *run) harm(ctx context.Context) (string, error) {
	f, err := w.forcer(ctx)
	if f == nil || err != nil {
		return "", err
	}
	var all []string
	for _, env := range w.r.environments() {
		if w.r.Cell.Shared && env != Production {
			continue // the same credential
		}
		if said := f.Harm(ctx, w.r.Places[env].Old.ID); said != "" {
			all = append(all, said)
		}
	}
	return strings.Join(all, " "), ctx.Err()
}

// killer ends a credential for good; in an emergency whoever uses it.
func (w *run) killer(ctx context.Context) (func(context.Context, providers.ID) error, error) {
	if f, err := w.forcer(ctx); f != nil || err != nil {
		if err != nil {
			return nil, err
		}
		return f.EndNow, nil
	}
	d, err := capability[providers.Ender](ctx, w, "ending the old credential")
	if err != nil {
		return nil, err
	}
	return d.End, nil
}
