package rotation

import (
	"context"
	"fmt"
)

// Front is the environment that a rotation is about in the first place: its
// application is watched, and its credential is the one at stake. That is production,
// unless what leaked is staging's own.
func (c Cell) Front() string {
	if c.OnlyStaging {
		return Staging
	}
	return Production
}

// misnamed is why staging's credential alone cannot be meant, or "".
func (c Cell) misnamed() string {
	switch {
	case !c.OnlyStaging || c.Mode == Rollback:
		return ""
	case c.Mode == Routine:
		return "A routine rotation takes a secret through both environments, staging first. Nothing was changed."
	case c.Shared:
		return "Staging and production hold the same key: it leaked in both, and both get the new one. Leave the environment out. Nothing was changed."
	}
	return ""
}

// Alone names, behind a secret's name, the environment where only staging's
// credential is replaced; "" otherwise.
func (r *Rotation) Alone() string {
	if r.Cell.OnlyStaging {
		return " in " + Staging
	}
	return ""
}

// front is the same of a rotation; its stage, and where it stands.
func (r *Rotation) front() string { return r.Cell.Front() }

func (w *run) stage() Stage { return w.subject.Stages[w.r.front()] }

// Other is the environment that an emergency leaves alone because it has a
// credential of its own; "" where there is none.
func (r *Rotation) Other() string {
	switch {
	case r.Cell.Mode != Emergency || r.Cell.Shared || len(r.environments()) > 1:
		return ""
	case r.Cell.OnlyStaging:
		return Production
	default:
		return Staging
	}
}

// leftAlone says in the report of whom it is not, and how that is asked for.
func (r *Rotation) leftAlone() string {
	if r.Other() == "" || r.Drill {
		return ""
	}
	return fmt.Sprintf(" %s has a key of its own, which was left alone. If that leaked, too: `/rotate-emergency %s --env %s what happened`.", title(r.Other()), r.Secret, r.Other())
}

// named refuses what an order says of environments where it cannot be meant.
func (o Order) named(s Subject) error {
	switch {
	case o.Environment == "":
		return nil
	case o.Environment != Staging && o.Environment != Production:
		return &Refusal{Code: NotPlannable, Sentence: "There are two environments, `staging` and `production`. Nothing was started."}
	case s.Shared:
		return &Refusal{Code: NotPlannable, Sentence: s.Name + " is one key for staging and production: whoever has it has both, and both get the new one. Leave `--env` out. Nothing was started."}
	}
	return nil
}

// narrowed leaves out the environment that did not leak, when an emergency takes
// over a rotation of both. What was begun there is gone through with, and then production
// goes first, as always.
func (r *Rotation) narrowed(o Order) {
	begun := r.Places[Production].New.ID != "" || r.TurnOf(Production).Begun() || r.Wrote(Staging) && len(r.Loose) > 0
	r.Cell.OnlyStaging = o.Environment == Staging && !r.Cell.Shared && (!begun || r.Cell.OnlyStaging)
	left := Staging
	if r.Cell.OnlyStaging {
		left = Production
	}
	if p, there := r.Places[left]; there && !r.Cell.Shared && p.New.ID == "" && !r.TurnOf(left).Begun() {
		delete(r.Places, left) // it has a key of its own, and nothing was done there
	}
}

// succeeded refuses staging's root key where a routine rotation has replaced it
// already: it is dying, and its successor may be known, too.
func (r *Rotation) succeeded(o Order) error {
	if o.Environment != Staging || r.Traits.Lingers == "" || !r.TurnOf(Staging).Begun() {
		return nil
	}
	return &Refusal{Code: NotNow, Other: r, Sentence: "A routine rotation has asked for the successor of staging's root key already, and whoever holds the old one may have read that, too. " + r.Safe() +
		" When it is over, `/rotate-emergency " + r.Secret + " --env staging` leaves the successor for an additional key."}
}

// goesFirst says in what order an emergency goes on with what it has taken over.
func (r *Rotation) goesFirst() string {
	switch {
	case r.Cell.OnlyStaging:
		return "production has a key of its own and is left as it is; staging goes at once"
	case len(r.environments()) > 1 && !r.Cell.Shared:
		return "both environments are gone through with, production first"
	default:
		return "staging is left, production goes first"
	}
}

// productionApart makes sure, before staging's own credential ends, that production does not
// hold it: it is left alone, and would fail.
func (w *run) productionApart(ctx context.Context) error {
	if !w.r.Cell.OnlyStaging {
		return nil
	}
	entries, err := w.subject.Vault.Read(ctx, Production, w.subject.Variables)
	if err != nil {
		return fmt.Errorf("looking whether production has a key of its own: %w", err)
	}
	if w.e.fingerprint(valuesOf(entries)) == w.r.Old().Fingerprint {
		return &voided{why: "production holds the very key that would end"}
	}
	return nil
}
