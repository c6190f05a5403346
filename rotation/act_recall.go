package rotation

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// Census is what a service listed before it was asked for a credential, where
// it takes no name for one: what is there later and is not in it has appeared
// since.
type Census struct {
	Environment string         `json:"env"`
	IDs         []providers.ID `json:"ids"`
	Asked       time.Time      `json:"asked"` // last
}

const opRecall = "finding out what became of a creation"

// issueUnnamed makes a credential at a service that takes no name for it. What
// existed before is in the record before the service is asked. Entered again it
// compares: one that has appeared is what was made, for the list shows its
// value; several stop and ask.
func (w *run) issueUnnamed(ctx context.Context, env string) (outcome, error) {
	recaller, err := capability[providers.Recaller](ctx, w, opRecall)
	if err != nil {
		return outcome{}, err
	}
	if c := w.r.Census; c != nil && c.Environment == env {
		made, err := w.appeared(ctx, recaller, c)
		switch {
		case err != nil:
			w.unsent()
			return outcome{}, err
		case made != nil:
			w.unsent()
			delete(w.r.Loose, w.newestLoose())
			return w.take(ctx, env, *made)
		case time.Since(c.Asked) < w.r.Traits.Waits.Settle:
			w.unsent()
			return lookAgain(max(w.r.Traits.Waits.Settle/10, 10*time.Millisecond)) // it may be listed late
		}
	}
	if err := w.muster(ctx, env, recaller); err != nil {
		return outcome{}, err
	}
	made, err := w.create(ctx, env)
	if err != nil {
		if refusedCreation(err) {
			delete(w.r.Loose, w.label())
		}
		return outcome{}, err
	}
	delete(w.r.Loose, w.label())
	return w.take(ctx, env, made)
}

// appeared is the one credential that the service lists since it was asked; nil
// when there is none.
func (w *run) appeared(ctx context.Context, recaller providers.Recaller, c *Census) (*providers.Credential, error) {
	made, err := recaller.Recall(ctx, c.Environment, c.IDs)
	switch {
	case err != nil || len(made) == 0:
		return nil, err
	case len(made) > 1:
		return nil, fault.New(opRecall, fault.Ambiguous, fmt.Sprintf("%d keys have appeared since one was asked for at %s UTC; delete all but one of them, which is then taken", len(made), c.Asked.UTC().Format("15:04")))
	}
	return &made[0], nil
}

// muster writes down what exists, and reserves the attempt's label in the
// journal. What appeared between two attempts stays unknown to it, so that it is
// found.
func (w *run) muster(ctx context.Context, env string, lister providers.Lister) error {
	census := w.r.Census
	if census == nil || census.Environment != env {
		all, err := lister.List(ctx)
		if err != nil {
			w.unsent()
			return err
		}
		census = &Census{Environment: env}
		for _, c := range all {
			census.IDs = append(census.IDs, c.ID)
		}
	}
	if err := w.nextLabel(ctx); err != nil {
		return err
	}
	census.Asked, w.r.Census = time.Now(), census
	return w.note(ctx)
}

// take writes what was made, or found again, to its environment.
func (w *run) take(ctx context.Context, env string, made providers.Credential) (outcome, error) {
	w.made = made.Values
	if err := w.acceptable(ctx, made); err != nil {
		return outcome{}, err
	}
	out, err := w.first(ctx, env, made)
	if err == nil && out.done {
		w.r.Census = nil
	}
	return out, err
}

// newestLoose is the label of the last creation that was not answered.
func (w *run) newestLoose() string {
	labels := sortedKeys(w.r.Loose)
	if len(labels) == 0 {
		return ""
	}
	return slices.MaxFunc(labels, func(a, b string) int { return w.r.Loose[a].Compare(w.r.Loose[b]) })
}

// unnamed tells of creations that were never answered where no name tells what
// they made.
func (r *Rotation) unnamed() string {
	var at []string
	for _, label := range sortedKeys(r.Loose) {
		at = append(at, r.Loose[label].UTC().Format("15:04"))
	}
	return fmt.Sprintf(" %s was asked for a key at %s UTC and never answered. Should a key of that time be there that nobody made, delete it: nothing uses it.",
		r.Traits.Service, strings.Join(at, " and "))
}
