package commands

import (
	"context"
	"fmt"
	"strings"

	"rekey/rotation"
)

// preview is the dry run: what would happen, to what, and who would have to
// agree. It reads and changes nothing.
func (h *Handler) preview(ctx context.Context, name string) (Reply, error) {
	p, err := h.engine.Preview(ctx, name)
	if err != nil {
		return Reply{}, fmt.Errorf("planning %s: %w", name, err)
	}
	r, s := p.Rotation, p.Subject
	reply := Reply{
		Title:      "Dry run of " + s.Name,
		Text:       fmt.Sprintf("Dry run of %s: %d steps. %s Nothing was changed.", s.Name, len(r.Plan), decisive(r)),
		Paragraphs: []string{"Nothing was changed. `/rotate " + s.Name + "` would do this:", steps(r)},
		Rows: []Row{
			{Label: "Kind", Text: r.Traits.Kind + ", " + r.Cell.String()},
			{Label: "Old key", Text: oldKeys(r)},
			{Label: "Variables", Text: strings.Join(s.Variables, ", ") + " in staging and production"},
			{Label: "If it goes wrong", Text: s.Impact},
			price(r),
			{Label: "Who must approve", Text: policyWords(s.Policy), ApproversOf: s.Name},
		},
		Notes: []string{"Plan `" + short(r.PlanHash) + "`. It is made again from a fresh look when the rotation starts."},
	}
	reply.Rows = append(reply.Rows, blast(s, r)...)
	if r.Traits.Notice != "" {
		reply.Notes = append(reply.Notes, r.Traits.Notice+".")
	}
	return reply, nil
}

// decisive is the step that cannot be taken back.
func decisive(r *rotation.Rotation) string {
	if r.Cell.Ahead() {
		return "After approval, which comes before anything is issued, the new key takes the place of " + r.Olds() + "."
	}
	return fmt.Sprintf("Last, after approval, Rekey ends %s: %s.", r.Olds(), r.Traits.EndIs)
}

// price is what that step does.
func price(r *rotation.Rotation) Row {
	if r.Cell.Ahead() {
		return Row{Label: "What it costs", Text: r.Outage()}
	}
	return Row{Label: "What the end does", Text: "the old key is " + r.Traits.EndIs}
}

func steps(r *rotation.Rotation) string {
	var lines strings.Builder
	for i, s := range r.Plan {
		fmt.Fprintf(&lines, "%d. %s\n", i+1, StepWords(s))
	}
	return strings.TrimSuffix(lines.String(), "\n")
}

// oldKeys names what would be ended: one key where both environments share
// it, else one each.
func oldKeys(r *rotation.Rotation) string {
	if r.Cell.Shared {
		return fmt.Sprintf("%s, fingerprint %s, in staging and production alike", r.Old().Shown(), r.Old().Fingerprint.Short())
	}
	var parts []string
	for _, env := range []string{rotation.Staging, rotation.Production} {
		old := r.Places[env].Old
		parts = append(parts, fmt.Sprintf("%s: %s, fingerprint %s", env, old.Shown(), old.Fingerprint.Short()))
	}
	return strings.Join(parts, "; ")
}

// policyWords says who may say yes, as far as it is not a list of people.
func policyWords(p rotation.Policy) string {
	words := count(max(p.Quorum, 1), "approver") + " must react ✅ or press Approve; one ❌ or Deny is a veto"
	if p.SelfApproval {
		words += "; whoever asks may approve"
	} else {
		words += "; not whoever asks"
	}
	if p.Expiry > 0 {
		words += "; the request expires after " + days(p.Expiry)
	}
	return words
}

// blast are the facts about what else could be touched.
func blast(s rotation.Subject, r *rotation.Rotation) []Row {
	var rows []Row
	if w := r.Traits.Drain; w != "" {
		rows = append(rows, Row{Label: "May still hold the old key", Text: w})
	}
	if len(s.AlsoIn) > 0 {
		rows = append(rows, Row{Label: "Also used in", Text: strings.Join(s.AlsoIn, ", ") + " (not fed by the vault: change it there before approving)"})
	}
	for _, env := range []string{rotation.Staging, rotation.Production} {
		if stage := s.Stages[env]; stage.Affected == nil && stage.NoAffected != "" {
			rows = append(rows, Row{Label: "No check of its own in " + env, Text: stage.NoAffected})
		}
	}
	if s.Watch.Window > 0 {
		rows = append(rows, Row{Label: "Watched for", Text: days(s.Watch.Window) + waited(r)})
	}
	return rows
}

func waited(r *rotation.Rotation) string {
	hold := r.Traits.Waits.Hold
	if r.Cell.Ahead() {
		return ", once production runs on the new key"
	}
	if hold <= 0 {
		return ", before anybody is asked"
	}
	return ", then held for " + days(hold) + ", before anybody is asked"
}

// short is the form of a hash shown to people.
func short(hash string) string {
	const shown = 12
	if len(hash) > shown {
		return hash[:shown]
	}
	return hash
}
