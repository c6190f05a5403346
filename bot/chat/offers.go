package chat

import (
	"context"

	"rekey/bot/chat/render"
	"rekey/commands"
)

const badOffer = "Rekey cannot read that button; nothing was done. Type `/rotate help`."

// rotateNow and snooze take the controls of a digest. A click is the line that a
// person would type, and goes where typed lines go: it is read and authorised
// there. Nothing is stored before the acknowledgement, since nothing was done
// before it.
func (c *Chat) rotateNow(_ context.Context, p press) (later, error) {
	return func(ctx context.Context) error { return c.obey(ctx, p, p.of) }, nil
}

func (c *Chat) snooze(_ context.Context, p press) (later, error) {
	span, _, _ := render.Offered(p.value)
	return func(ctx context.Context) error { return c.obey(ctx, p, "snooze "+p.of+" "+span) }, nil
}

// obey answers a click as if its line had been typed, with the standing that
// the person has now and the moment of what they saw.
func (c *Chat) obey(ctx context.Context, p press, line string) error {
	_, seen, ok := render.Offered(p.value)
	if !ok {
		return c.sayTo(ctx, p, badOffer)
	}
	reply := c.reply(ctx, p.user, c.people.look, commands.Request{Command: "/rotate", Text: line, Seen: seen})
	if reply.Err != nil {
		c.config.Log.Warn("a click was not carried out", "control", p.name, "secret", p.of, "user", p.user, "error", reply.Err)
	}
	return c.show(ctx, p.answer, reply)
}
