package signed

import (
	"context"
	"fmt"
	"strings"

	"rekey/commands"
	"rekey/rotation"
)

// requests are those that wait for people, in words: of batches first, then of
// rotations by themselves, then stops at a proof that cannot be had.
func (d *Desk) requests(ctx context.Context) ([]Request, error) {
	open, err := d.engine.Open(ctx)
	if err != nil {
		return nil, err
	}
	batches, err := d.engine.Batches(ctx)
	if err != nil {
		return nil, err
	}
	var all []Request
	within := make(map[string]string) // by rotation
	for _, p := range batches {
		for i := range p.Cards {
			if p.Open(&p.Cards[i]) {
				all = append(all, sheafRequest(p, &p.Cards[i], within))
			}
		}
	}
	for _, r := range open {
		if r.Card == nil || r.Card.State != rotation.CardOpen || r.State != rotation.Asking {
			continue
		}
		e, err := d.asked(ctx, r)
		if err != nil {
			return nil, err
		}
		q := Request{
			As: r.Secret, Secret: r.Secret, Rotation: r.ID, Within: within[r.ID], Card: r.Card.Number, Plan: r.PlanHash, Evidence: r.Card.Evidence, Words: cardWords(r, e),
		}
		if r.Card.About == rotation.AboutVault {
			q.Kind = AboutVault
		}
		all = append(all, q)
	}
	return append(all, stopsWaiting(open)...), nil
}

// sheafRequest is a batch's request, and notes which rotations are asked about on
// it.
func sheafRequest(p *rotation.Progress, s *rotation.Sheaf, within map[string]string) Request {
	q := Request{
		As: commands.SeveralName(p.Tag), Secrets: s.Secrets(), Batch: p.ID, Card: s.Number, Plan: s.Plans(), Evidence: s.Hash,
		Words: []string{fmt.Sprintf("May the old keys of %s end?", strings.Join(s.Secrets(), ", ")), "Emergency: " + p.Reason},
	}
	for _, r := range covered(p, s) {
		if r.Card.State == rotation.CardOpen && !r.State.Final() {
			within[r.ID] = q.As
		}
		q.Words = append(q.Words, r.Secret+": "+sheetWords(r))
	}
	q.Words = append(q.Words, "It counts for each secret whose approver you are, by that secret's own rules")
	return q
}

// sheetWords say what one rotation of a batch's request would end, and on what.
func sheetWords(r *rotation.Rotation) string {
	if r.Card.State != rotation.CardOpen {
		return "decided already (" + string(r.Card.State) + ")"
	}
	words := r.Olds() + " ends: " + r.EndIs()
	if r.Cell.Ahead() {
		words = r.Olds() + " is replaced"
	}
	if r.New().ID != "" {
		words += "; in use is " + r.New().Shown()
	}
	if c, proved := r.Proofs[rotation.Production]; proved {
		words += " (" + c.Kind + ")"
	}
	for _, more := range []string{r.Card.Outage, r.Card.Harm, r.Traits.Drain} {
		if more != "" {
			words += "; " + more
		}
	}
	if r.Cell.SignsOut() {
		words += "; everybody whose token it signed is signed out at once"
	}
	return words + fmt.Sprintf(" (plan %s, evidence %s)", short(r.PlanHash), short(r.Card.Evidence))
}

// short begins a hash: the request's own covers the whole of it.
func short(hash string) string { return hash[:min(len(hash), 12)] }
