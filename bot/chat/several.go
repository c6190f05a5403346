package chat

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// roundsRef names the message that tells what people are to do in consoles.
const roundsRef = "rounds"

// several tells a batch's rows: its message in the channel first, and in its
// thread what it came to. Everything else people read in the threads of its
// rotations.
func (d *delivery) several(ctx context.Context, rows []state.Row) error {
	p, err := d.engine.Batch(ctx, d.key)
	if err != nil {
		return fmt.Errorf("loading a batch: %w", err)
	}
	links, err := d.links(ctx, p)
	if err != nil {
		return err
	}
	if _, ok := placeOf(d.refs[rootRef]); !ok {
		ts, _, err := d.send(ctx, d.config.Channel, "", batch{}, render.Batch(p, links, d.people.incidents(p)))
		if err != nil {
			return err
		}
		if err := d.delivered(ctx, rows[0].Seq-1, rootRef, place{d.config.Channel, ts}); err != nil {
			return err
		}
	}
	for _, b := range batches(rows) {
		if err := d.store.Hint(ctx, rotation.BatchHint(d.key)); err != nil {
			return fmt.Errorf("noting that a batch has gone on: %w", err)
		}
		if err := d.ofSeveral(ctx, b, p, links); err != nil {
			return err
		}
	}
	return nil
}

// ofSeveral tells one batch of rows and takes them out of the outbox.
func (d *delivery) ofSeveral(ctx context.Context, b batch, p *rotation.Progress, links render.Links) error {
	root, _ := placeOf(d.refs[rootRef])
	name, at := "", place{}
	if m, ok := d.severalMessage(b, p, links); ok {
		ts, _, err := d.send(ctx, root.channel, root.ts, b, m)
		if err != nil {
			return err
		}
		at = place{root.channel, ts}
	}
	switch b.kind() {
	case event.Rounds:
		name = roundsRef
	case event.Card:
		name = cardRef(b.events[0].Card)
		if err := d.store.Hint(ctx, hint{hintSeed, d.key, b.events[0].Card}.String()); err != nil {
			return fmt.Errorf("noting that a request needs its reactions: %w", err)
		}
	}
	return d.delivered(ctx, b.last, name, at)
}

// severalMessage is what the rows say in the thread; false for what the root
// message says already.
func (d *delivery) severalMessage(b batch, p *rotation.Progress, links render.Links) (render.Message, bool) {
	if len(b.events) == 0 {
		return render.Unreadable(b.last), true
	}
	for _, e := range b.events {
		switch e.Kind {
		case event.Card:
			return d.sheafMessage(p, e.Card), true
		case event.Nagged:
			return render.SheafNagged(e, d.people.incidents(p)), true
		case event.Rounds:
			return render.Rounds(p, links, d.people.incidents(p)), true
		case event.Tabled:
			return render.BatchTable(p, links, e.Text, d.people.incidents(p)), true
		case event.Cancelled:
			return render.BatchLine(e.By, e.Text), true
		}
	}
	return render.Message{}, false
}

// links finds the root messages of a batch's rotations. Where the address of
// the workspace is not known there are none.
func (c *Chat) links(ctx context.Context, p *rotation.Progress) (render.Links, error) {
	self, err := c.people.whoami(ctx)
	if err != nil {
		return nil, err
	}
	all := make(render.Links)
	for _, part := range p.Parts {
		if part.Rotation == nil {
			continue
		}
		refs, err := c.store.Refs(ctx, part.Rotation.Key())
		if err != nil {
			return nil, fmt.Errorf("finding the messages of %s: %w", part.Rotation.Key(), err)
		}
		if at, ok := placeOf(refs[rootRef]); ok {
			all[part.Secret] = self.link(at)
		}
	}
	return all, nil
}

// link is a message's address, "" where the workspace's own is not known. It has
// the form that chat.getPermalink answers with
// (https://docs.slack.dev/reference/methods/chat.getPermalink), which a message of
// a channel's own needs no call for.
func (i identity) link(at place) string {
	if i.url == "" {
		return ""
	}
	return strings.TrimSuffix(i.url, "/") + "/archives/" + at.channel + "/p" + strings.ReplaceAll(at.ts, ".", "")
}

// editSeveral shows a batch as it is now.
func (c *Chat) editSeveral(ctx context.Context, key string) error {
	refs, err := c.store.Refs(ctx, key)
	if err != nil {
		return fmt.Errorf("finding the messages of %s: %w", key, err)
	}
	at, ok := placeOf(refs[rootRef])
	if !ok {
		return errNotPosted
	}
	p, err := c.engine.Batch(ctx, key)
	if err != nil {
		return err
	}
	if err := c.closeSheaves(ctx, p); err != nil {
		return err
	}
	links, err := c.links(ctx, p)
	if err != nil {
		return err
	}
	root := severalPost{name: rootRef, at: at, message: render.Batch(p, links, c.people.incidents(p))}
	if at, err = c.showSeveral(ctx, p, root); err != nil {
		return err
	}
	if list, told := placeOf(refs[roundsRef]); told {
		_, err = c.showSeveral(ctx, p, severalPost{name: roundsRef, at: list, thread: at.ts, message: render.Rounds(p, links, c.people.incidents(p))})
	}
	return err
}

// severalPost is a message of a batch that is edited in place.
type severalPost struct {
	name    string // of its reference
	at      place
	thread  string
	message render.Message
}

// showSeveral edits a message, and posts it again where somebody deleted it and
// the batch goes on. Where it may not be edited any more each thread tells the
// same, and so does the status.
func (c *Chat) showSeveral(ctx context.Context, p *rotation.Progress, m severalPost) (place, error) {
	err := c.api.update(ctx, m.at.channel, m.at.ts, m.message)
	switch {
	case frozen(err) || gone(err) && !p.Ended.IsZero():
		return m.at, nil
	case !gone(err):
		return m.at, c.helpful(err)
	}
	lease, err := c.store.Claim(ctx, "post/"+p.Key(), c.config.Replica, 3*c.config.RequestTimeout)
	if err != nil {
		return m.at, fmt.Errorf("replacing a deleted message: %w", err)
	}
	defer c.release(ctx, lease)
	ts, err := c.api.post(ctx, m.at.channel, m.thread, m.message, markOf(p.Key(), 0, 0))
	if err != nil {
		return m.at, c.helpful(err)
	}
	at := place{m.at.channel, ts}
	return at, c.store.Delivered(ctx, lease, p.Key(), 0, map[string]string{m.name: at.String()})
}

// incidents is who is called to several emergencies at once: whoever is on duty,
// or the approvers of all.
func (p *people) incidents(b *rotation.Progress) render.Audience {
	var all render.Audience
	for _, part := range b.Parts {
		a := p.incident(part.Secret)
		for _, user := range a.Users {
			if !slices.Contains(all.Users, user) {
				all.Users = append(all.Users, user)
			}
		}
		if !slices.Contains(all.Groups, a.Group) {
			all.Groups = append(all.Groups, a.Group)
		}
	}
	return all
}
