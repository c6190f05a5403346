package commands

import (
	"context"
	"fmt"

	"rekey/rotation"
)

func (h *Handler) start(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	r, err := h.engine.Start(ctx, rotation.Order{Secret: name, Requester: by})
	if err != nil {
		return Reply{}, fmt.Errorf("starting %s: %w", name, err)
	}
	return Reply{
		Title: "Rotation of " + name + " started",
		Text:  "Its thread is in the channel. The old key stays valid until somebody approves its end.",
		Paragraphs: []string{
			fmt.Sprintf("%d steps; everything is told in a thread in the channel.", len(r.Plan)),
			"The old key stays valid until somebody approves its end there.",
		},
		Notes: []string{"Rotation `" + r.ID + "`. `/rotate status " + name + "` asks, `/rotate cancel " + name + "` stops."},
	}, nil
}

func (h *Handler) cancel(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	r, err := h.engine.Cancel(ctx, name, by)
	if err != nil {
		return Reply{}, fmt.Errorf("cancelling %s: %w", name, err)
	}
	return changed("Cancel noted for "+name, r), nil
}

func (h *Handler) retry(ctx context.Context, name string, by rotation.Person) (Reply, error) {
	r, err := h.engine.Retry(ctx, name, by)
	if err != nil {
		return Reply{}, fmt.Errorf("retrying %s: %w", name, err)
	}
	return changed("Retry noted for "+name, r), nil
}

// changed shows what a request has led to, as the engine returned it.
func changed(title string, r *rotation.Rotation) Reply {
	s := Describe(r)
	return Reply{Title: title, Text: title + ". " + s.State + ". " + s.Safe, Rows: situationRows(r)}
}
