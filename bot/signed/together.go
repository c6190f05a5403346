package signed

import (
	"context"
	"errors"
	"strings"

	"rekey/rotation"
	"rekey/state"
)

// decideTogether keeps a decision about a batch's request, and has it counted for
// each of its secrets, by that secret's own policy.
func (d *Desk) decideTogether(ctx context.Context, s Statement, k known, p Parcel) Answer {
	progress, err := d.engine.Batch(ctx, rotation.BatchKey(s.Batch))
	switch {
	case errors.Is(err, state.ErrNotFound):
		return declined("There is no such emergency of several secrets. `rekey status` lists the requests that wait.")
	case err != nil:
		return d.failed(s, k, err)
	}
	sheaf := progress.Card(s.Card)
	if why := untakenTogether(progress, sheaf, s); why != "" {
		return declined(why)
	}
	if err := d.keep(ctx, progress.Key(), prefix(s.Card)+k.User, k, p); err != nil {
		return d.failed(s, k, err)
	}
	return d.countTogether(ctx, progress, sheaf, s, k)
}

// untakenTogether says why a batch's request takes no such decision, or "". It is
// taken while it is in time for one of its secrets.
func untakenTogether(p *rotation.Progress, sheaf *rotation.Sheaf, s Statement) string {
	if sheaf == nil || s.onSheaf(sheaf) != nil {
		return "The statement is about a request that is not the one that was asked. Nothing was done. `rekey status` shows the newest."
	}
	for _, r := range covered(p, sheaf) {
		if timely(r, s.Act) {
			return ""
		}
	}
	return "This request is closed for every secret in it. Nothing was done. `rekey status` shows how things stand."
}

// timely reports that a decision on a batch's request does something for a
// rotation.
func timely(r *rotation.Rotation, act Act) bool {
	c := r.Card
	switch {
	case r.State.Final():
		return false
	case c.State == rotation.CardOpen:
		return true
	default:
		return c.State == rotation.CardApproved && act == Deny && heard(r, c)
	}
}

// covered are the rotations whose own card a batch's request is about, with that
// request at hand for whoever counts.
func covered(p *rotation.Progress, sheaf *rotation.Sheaf) []*rotation.Rotation {
	var all []*rotation.Rotation
	for _, part := range p.Parts {
		if r := part.Rotation; r != nil && sheaf.Covers(r) {
			r.Sheaf = sheaf
			all = append(all, r)
		}
	}
	return all
}

// countTogether counts for each rotation, and tells whoever decided what came of
// it for each.
func (d *Desk) countTogether(ctx context.Context, p *rotation.Progress, sheaf *rotation.Sheaf, s Statement, k known) Answer {
	a := Answer{Title: "Your approval was taken"}
	if s.Act == Deny {
		a.Title = "Your denial was taken"
	}
	counted := 0
	for _, r := range covered(p, sheaf) {
		if !timely(r, s.Act) {
			a.Lines = append(a.Lines, r.Secret+": it came too late. Its request is closed ("+string(r.Card.State)+").")
			continue
		}
		t, err := d.count(ctx, r, r.Card.Number)
		if err != nil {
			d.config.Log.Warn("counting a signed decision; it is kept and counted later", "rotation", r.ID, "batch", p.ID, "card", s.Card, "error", err)
			a.Lines = append(a.Lines, r.Secret+": kept; it could not be counted just now, and is in a moment.")
			counted++
			continue
		}
		one := outcome(Statement{Act: s.Act, Secret: r.Secret}, k, t)
		if !one.Failed {
			counted++
		}
		a.Lines = append(a.Lines, r.Secret+": "+strings.ToLower(one.Title[:1])+one.Title[1:]+". "+strings.Join(one.Lines, " "))
	}
	if counted == 0 {
		a.Title, a.Failed = "Your decision does not count", true
	}
	return a
}

// settleTogether counts decisions on a batch's requests that were kept and not
// counted.
func (d *Desk) settleTogether(ctx context.Context, key string) error {
	p, err := d.engine.Batch(ctx, key)
	if err != nil {
		return nil //nolint:nilerr // what cannot be read is told by whoever drives it
	}
	var faults []error
	for i := range p.Cards {
		for _, r := range covered(p, &p.Cards[i]) {
			if r.Card.State != rotation.CardOpen {
				continue
			}
			signed, err := d.Signed(ctx, r, r.Card.Number)
			if err == nil && len(signed) > 0 {
				_, err = d.count(ctx, r, r.Card.Number)
			}
			faults = append(faults, err)
		}
	}
	return errors.Join(faults...)
}
