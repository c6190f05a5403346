package commands

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"rekey/rotation"
)

func (h *Handler) start(ctx context.Context, o rotation.Order) (Reply, error) {
	name := o.Secret
	r, err := h.engine.Start(ctx, o)
	if err != nil {
		return Reply{}, fmt.Errorf("starting %s: %w", name, err)
	}
	decided := "its end"
	if r.Cell.Ahead() { // it does not outlive that
		decided = "its replacement"
	}
	return Reply{
		Title: "Rotation of " + name + " started",
		Text:  "Its thread is in the channel. The old key stays valid until somebody approves " + decided + ".",
		Paragraphs: []string{
			fmt.Sprintf("%d steps; everything is told in a thread in the channel.", len(r.Plan)),
			"The old key stays valid until somebody approves " + decided + " there.",
		},
		Notes: []string{"Rotation `" + r.ID + "`. `/rotate status " + name + "` asks, `/rotate cancel " + name + "` stops."},
	}, nil
}

func (h *Handler) cancel(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	// What waits goes first: it would begin as soon as the other one is over.
	waited, err := h.engine.CancelWaiting(ctx, name, by)
	if err != nil {
		return Reply{}, fmt.Errorf("calling off what waits of %s: %w", name, err)
	}
	r, err := h.engine.Cancel(ctx, name, by)
	switch {
	case len(waited) > 0:
		return calledOff(waited, r, err), nil
	case err != nil:
		return Reply{}, fmt.Errorf("cancelling %s: %w", name, err)
	}
	return changed("Cancel noted for "+name, r), nil
}

// calledOff says what became of an emergency that waited, and of the rotation that
// is open.
func calledOff(waited []*rotation.Progress, r *rotation.Rotation, err error) Reply {
	var names []string
	for _, p := range waited {
		names = append(names, p.Whole())
	}
	said := "The emergency of " + strings.Join(names, " and of ") + " that waited is called off. Nothing of it was begun."
	reply := Reply{Title: "Called off what waited", Text: said, Paragraphs: []string{said}}
	var refusal *rotation.Refusal
	switch {
	case err == nil:
		reply = changed("Cancel noted for "+r.Secret, r)
		reply.Text, reply.Notes = reply.Text+" "+said, []string{said}
		return reply
	case !errors.As(err, &refusal):
		said, reply.Err = "The rotation that is open could not be cancelled just now; the cause is in the log of Rekey.", err
	case refusal.Code == rotation.NoRotation:
		return reply
	default:
		said, reply.Err = "The rotation that is open goes on: "+refusal.Sentence, refusal.Err
		if refusal.Other != nil {
			reply.Rows = situationRows(refusal.Other)
		}
	}
	reply.Text, reply.Paragraphs = reply.Text+" "+said, append(reply.Paragraphs, said)
	return reply
}

func (h *Handler) retry(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	r, err := h.engine.Retry(ctx, name, by)
	if err != nil {
		return Reply{}, fmt.Errorf("retrying %s: %w", name, err)
	}
	return changed("Retry noted for "+name, r), nil
}

func (h *Handler) rollback(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	r, err := h.engine.Rollback(ctx, name, by)
	if err != nil {
		return Reply{}, fmt.Errorf("rolling back %s: %w", name, err)
	}
	if r.Cell.Mode != rotation.Rollback {
		return changed("Nothing was written yet, so "+name+" was cancelled", r), nil
	}
	return changed("Rollback noted for "+name, r), nil
}

// changed shows what a request has led to, as the engine returned it.
func changed(title string, r *rotation.Rotation) Reply {
	s := Describe(r)
	return Reply{Title: title, Text: title + ". " + s.State + ". " + s.Safe, Rows: situationRows(r)}
}

func (h *Handler) snooze(ctx context.Context, p rotation.Put) (Reply, error) {
	s, err := h.engine.Snooze(ctx, p)
	if err != nil {
		return Reply{}, fmt.Errorf("snoozing %s: %w", p.Secret, err)
	}
	return Reply{
		Title:      p.Secret + " is snoozed",
		Text:       "Nobody is reminded of its age for " + days(p.For) + ". `/rotate` still shows it.",
		Paragraphs: []string{"Nobody is reminded of its age for " + days(p.For) + ", or until it is rotated. `/rotate` and the digest still name it."},
		Rows:       []Row{{Label: "Until", When: s.Until}},
		Notes:      []string{"`/rotate unsnooze " + p.Secret + "` ends it now, `/rotate " + p.Secret + "` rotates it."},
	}, nil
}

func (h *Handler) unsnooze(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	if err := h.engine.Unsnooze(ctx, name, by); err != nil {
		return Reply{}, fmt.Errorf("ending the snooze of %s: %w", name, err)
	}
	text := "The next digest reminds people of " + name + " again if it is due."
	return Reply{Title: name + " is not snoozed any more", Text: text, Paragraphs: []string{text}}, nil
}
