package chat

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey/commands"
	"rekey/rotation"
	"rekey/state"
)

// stale is how long after a rotation its report's offer is taken up: whoever
// presses much later means another leak, and says which.
const stale = 24 * time.Hour

const nothingOther = "That emergency leaves no environment alone any more, or is long over. Nothing was done. Type `/rotate-emergency NAME --env staging what happened`."

// rotateOther takes the offer to have the other environment rotated, too. As with
// the controls of a digest a click is the line that a person would type, with the
// reason that was given for the first one, and goes where typed lines go.
func (c *Chat) rotateOther(ctx context.Context, p press) (later, error) {
	r, err := c.engine.Load(ctx, p.value)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return c.only(p, nothingOther), nil
	case err != nil:
		return nil, fmt.Errorf("finding the emergency that was clicked: %w", err)
	case r.Other() == "" || r.Drill || r.State.Final() && time.Since(r.Ended) > stale:
		return c.only(p, nothingOther), nil
	}
	return func(ctx context.Context) error {
		reply := c.reply(ctx, p.user, c.people.look, commands.Request{Command: commands.EmergencyCommand, Text: otherLine(r)})
		if reply.Err != nil {
			c.config.Log.Warn("a click was not carried out", "control", p.name, "secret", r.Secret, "user", p.user, "error", reply.Err)
		}
		return c.show(ctx, p.answer, reply)
	}, nil
}

func otherLine(r *rotation.Rotation) string {
	line := r.Secret + " --env " + r.Other()
	if !r.Exposed.IsZero() {
		line += " --since " + r.Exposed.UTC().Format(time.RFC3339)
	}
	return line + " " + r.Reason
}
