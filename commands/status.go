package commands

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/rotation"
)

// recentShown bounds how far back a status looks.
const recentShown = 5

// status tells how one secret's rotation stands, or all open ones and the
// last that ended.
func (h *Handler) status(ctx context.Context, name string) (Reply, error) {
	open, err := h.engine.Open(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("listing open rotations: %w", err)
	}
	unreadable, err := h.engine.Unreadable(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("listing what cannot be read: %w", err)
	}
	if name != "" {
		reply, err := h.statusOf(ctx, name, open)
		if of(name, open) == nil {
			reply = reply.withUnreadable(unreadable)
		}
		return reply, err
	}
	recent, err := h.engine.Recent(ctx, recentShown)
	if err != nil {
		return Reply{}, fmt.Errorf("listing ended rotations: %w", err)
	}
	batches, err := h.engine.Batches(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("listing open batches: %w", err)
	}
	reply := Reply{Title: "Rotations", Text: fmt.Sprintf("%s open.", count(len(open), "rotation")), Rows: batchRows(batches)}
	for _, r := range open {
		s := Describe(r)
		reply.Rows = append(reply.Rows, Row{Label: r.Secret, Text: s.State + ". " + s.Safe + " " + s.Next})
		reply.Text += " " + r.Secret + ": " + s.State + "."
	}
	for _, r := range recent {
		reply.Rows = append(reply.Rows, Row{Label: r.Secret, Text: drilling(r) + StateWords(r), Who: r.Requester, When: r.Ended})
	}
	if len(open) == 0 {
		reply.Paragraphs = []string{"No rotation is open."}
	}
	return reply.withUnreadable(unreadable), nil
}

// withUnreadable names the stored records that Rekey can do nothing with. Whose
// they are is not known; a rotation of theirs may be among them.
func (r Reply) withUnreadable(keys []string) Reply {
	if len(keys) == 0 {
		return r
	}
	const most = 10
	var shown []string
	for _, key := range keys[:min(len(keys), most)] {
		if !keyForm.MatchString(key) {
			key = "(a name that is none of ours)"
		}
		shown = append(shown, key)
		r.Rows = append(r.Rows, Row{Label: key, Text: "Its stored record cannot be read, so Rekey does nothing more with it, and ends no key of it. The other rotations go on; the log says what is wrong with it."})
	}
	r.Text += " " + count(len(keys), "stored record") + " cannot be read: " + strings.Join(shown, ", ") + "."
	return r
}

// keyForm is how the engine's records are named. Who can damage a store can
// put anything beside them.
var keyForm = regexp.MustCompile(`^((?:rotation|batch)/[a-z2-7]{10}|calendar/[0-9]{1,6})$`)

func (h *Handler) statusOf(ctx context.Context, name string, open []*rotation.Rotation) (Reply, error) {
	if r := of(name, open); r != nil {
		s := Describe(r)
		return Reply{Title: "Rotation of " + name, Text: name + ": " + s.State + ". " + s.Safe, Rows: situationRows(r)}, nil
	}
	const far = 100
	recent, err := h.engine.Recent(ctx, far)
	if err != nil {
		return Reply{}, fmt.Errorf("listing ended rotations: %w", err)
	}
	reply := Reply{Title: "Rotation of " + name, Text: "No rotation of " + name + " is open.", Paragraphs: []string{"No rotation of `" + name + "` is open."}}
	if r := of(name, recent); r != nil {
		reply.Rows = []Row{{Label: "Last one", Text: drilling(r) + StateWords(r), Who: r.Requester, When: r.Ended}}
	}
	if at := slices.IndexFunc(recent, func(r *rotation.Rotation) bool { return r.Secret == name && r.Drill && r.ContainedIn() > 0 }); at >= 0 {
		r := recent[at]
		reply.Rows = append(reply.Rows, Row{Label: "Last drill", Text: fmt.Sprintf("Contained in %s", r.ContainedIn().Round(time.Second)), Who: r.Requester, When: r.Ended})
	}
	return reply, nil
}

func of(name string, rotations []*rotation.Rotation) *rotation.Rotation {
	for _, r := range rotations {
		if r.Secret == name {
			return r
		}
	}
	return nil
}

// situationRows are the facts of an open rotation that a person needs first.
func situationRows(r *rotation.Rotation) []Row {
	s := Describe(r)
	rows := []Row{
		{Label: "State", Text: s.State},
		{Label: "Safe", Text: s.Safe},
		{Label: "Next", Text: s.Next},
		{Label: "Asked for by", Who: r.Requester, When: r.Started},
	}
	if r.State == rotation.Asking && r.Card != nil {
		rows = append(rows, Row{Label: "Who must act", ApproversOf: r.Secret})
		if !r.Card.Expires.IsZero() {
			rows = append(rows, Row{Label: "Until", Text: "then the request expires and the old key stays valid", When: r.Card.Expires})
		}
	}
	if r.State == rotation.Stuck && r.Problem != nil {
		rows = append(rows, Row{Label: "What happened", Text: r.Problem.What})
	}
	return rows
}

func count(n int, thing string) string {
	switch n {
	case 0:
		return "No " + thing
	case 1:
		return "1 " + thing
	default:
		return fmt.Sprintf("%d %ss", n, thing)
	}
}
