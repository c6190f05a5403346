package chat

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// digestRef names the message of the last digest. The ones before it stand in
// the channel and are not touched any more.
const digestRef = "digest"

// digest tells the calendar's rows: the last digest. One that another has
// followed before it could be told is not told any more.
func (d *delivery) digest(ctx context.Context, rows []state.Row) error {
	found, err := d.engine.Digest(ctx, d.key)
	if err != nil {
		return fmt.Errorf("loading a digest: %w", err)
	}
	last := rows[len(rows)-1].Seq
	for _, row := range slices.Backward(rows) {
		if found == nil || !announces(row, found.Tick) {
			continue
		}
		m := render.Digest(commands.Announce(found))
		ts, _, err := d.send(ctx, d.config.Digests, "", batch{first: row.Seq, last: row.Seq}, m)
		if err != nil {
			return err
		}
		return d.delivered(ctx, last, digestRef, place{d.config.Digests, ts})
	}
	return d.delivered(ctx, last, "", place{})
}

// announces reports whether a row is about the digest of a tick.
func announces(row state.Row, tick time.Time) bool {
	e, err := event.Decode(row.Seq, row.Body)
	return err == nil && e.Kind == event.Digest && e.Facts["tick"] == tick.UTC().Format(time.RFC3339)
}

// changesDigest reports events after which a digest may say or offer what is
// not so any more.
func changesDigest(b batch) bool { return b.kind() == event.Started || closes(b) }

// refreshDigest leaves the duty to show the last digest as it is now.
func (c *Chat) refreshDigest(ctx context.Context) error {
	key, err := c.engine.Calendar(ctx)
	if err == nil && key != "" {
		err = c.store.Hint(ctx, rotation.DigestHint(key))
	}
	if err != nil {
		return fmt.Errorf("noting that the digest has changed: %w", err)
	}
	kick(c.looks)
	return nil
}

// editDigest shows the last digest as it is now.
func (c *Chat) editDigest(ctx context.Context, key string) error {
	found, err := c.engine.Digest(ctx, key)
	if err != nil || found == nil {
		return err
	}
	refs, err := c.store.Refs(ctx, found.Key)
	if err != nil {
		return fmt.Errorf("finding the digest: %w", err)
	}
	at, ok := placeOf(refs[digestRef])
	if !ok {
		return errNotPosted
	}
	err = c.api.update(ctx, at.channel, at.ts, render.Digest(commands.Announce(found)))
	if gone(err) || frozen(err) {
		return nil // who clicks is told what has happened
	}
	return c.helpful(err)
}
