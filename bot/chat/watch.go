package chat

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"rekey/bot/chat/render"
	"rekey/rotation/event"
	"rekey/state"
)

// watchRef names the message of a watch among a rotation's messages. Stored.
func watchRef(number int) string { return fmt.Sprintf("watch/%d", number) }

// watchNumber is the number of the watch that an event tells of, 0 for none.
func watchNumber(e event.Event) int {
	n, err := strconv.Atoi(e.Facts["watch"])
	if err != nil {
		return 0
	}
	return n
}

// editWatch shows a watch as the record has it now. A message that can no
// longer be edited is left as it is: how the watch ended is told by a line of
// its own.
func (c *Chat) editWatch(ctx context.Context, key string, number int) error {
	r, at, err := c.messageOf(ctx, key, watchRef(number))
	if errors.Is(err, errNotPosted) {
		if _, gone := c.engine.Load(ctx, key); errors.Is(gone, state.ErrNotFound) {
			return nil // with its messages
		}
	}
	if err != nil {
		return err
	}
	err = c.api.update(ctx, at.channel, at.ts, render.Watch(r, number))
	if gone(err) || frozen(err) {
		return nil
	}
	return c.helpful(err)
}

// ofWatches are the duties that a batch leaves towards watches: the message of
// one that ended, or was cut short, says so, and one that ended is drawn.
func (d *delivery) ofWatches(b batch) []hint {
	var hints []hint
	n := b.verdictOn()
	if n > 0 {
		hints = append(hints, hint{hintChart, d.key, n})
	}
	if n == 0 && closes(b) {
		n = d.r.Watches
	}
	if n > 0 && d.refs[watchRef(n)] != "" {
		hints = append(hints, hint{hintWatch, d.key, n})
	}
	return hints
}
