package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/rotation"
	"rekey/rotation/due"
)

// list shows every configured secret, what is most urgent first: its age, when
// it is due, and what is running.
func (h *Handler) list(ctx context.Context) (Reply, error) {
	all, err := h.engine.Overview(ctx)
	if err != nil {
		return Reply{}, fmt.Errorf("listing secrets: %w", err)
	}
	now := time.Now()
	all = slices.Clone(all)
	slices.SortStableFunc(all, func(a, b rotation.Overview) int { return due.Compare(a.Due, b.Due) })
	reply := Reply{Title: "Secrets"}
	var late, open int
	for _, o := range all {
		reply.Rows = append(reply.Rows, listed(o, now))
		if o.Due.State == due.Now || o.Due.State == due.Overdue {
			late++
		}
		if o.Rotation != nil {
			open++
		}
	}
	reply.Text = fmt.Sprintf("%s, %d due or overdue, %d with an open rotation.", count(len(all), "secret"), late, open)
	if len(all) == 0 {
		reply.Paragraphs = []string{"No secret is configured."}
	}
	reply.Notes = []string{"`/rotate NAME` starts. `/rotate NAME --plan` shows every step first and changes nothing. `/rotate help` shows the rest."}
	return reply, nil
}

// listed is one line of the list.
func listed(o rotation.Overview, now time.Time) Row {
	parts := []string{dueWords(o.Due, now), ageWords(o.Age, o.Unread, now)}
	if o.Snooze != nil {
		parts = append(parts, "*snoozed* for "+days(o.Snooze.Until.Sub(now))+" more")
	}
	if o.Rotation != nil {
		parts = append(parts, "*open rotation:* "+StateWords(o.Rotation))
	}
	if o.Secret.Impact != "" {
		parts = append(parts, "if it goes wrong: "+o.Secret.Impact)
	}
	return Row{Label: o.Secret.Name, Text: o.Secret.Title + ", " + strings.Join(parts, "; "), When: o.Due.At}
}

func ageWords(a due.Age, unread string, now time.Time) string {
	switch {
	case unread != "":
		return "age unknown (" + unread + ")"
	case a.Since.IsZero():
		return "age unknown"
	case a.AtLeast || !a.Known:
		return "age unknown, at least " + days(now.Sub(a.Since))
	default:
		return days(now.Sub(a.Since)) + " old"
	}
}

func dueWords(d due.Due, now time.Time) string {
	switch d.State {
	case due.Overdue, due.Now:
		return "*" + string(d.State) + "* for " + days(now.Sub(d.At))
	case due.Soon:
		return "due soon, in " + days(d.At.Sub(now))
	case due.OK:
		return "due in " + days(d.At.Sub(now))
	case due.NotScheduled:
		return "rotated as needed"
	default:
		return "due date unknown"
	}
}
