package chat

import (
	"context"
	"errors"
	"fmt"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/state"
)

// A sheaf is one request about several rotations. What is on its message is read
// once and counted for each rotation by itself: by its own policy, and by who may
// approve its own secret.

// dutyOfSeveral does one hint's duty towards a batch.
func (c *Chat) dutyOfSeveral(ctx context.Context, h hint) error {
	switch h.verb {
	case hintCard:
		return c.lookAtSheaf(ctx, h.key, h.card)
	case hintClose:
		return c.closeSheaf(ctx, h.key, h.card)
	case hintSeed:
		return c.seedSheaf(ctx, h.key, h.card)
	default:
		return c.editSeveral(ctx, h.key)
	}
}

// sheaf finds a request of a batch, nil where there is none, or none any more.
func (c *Chat) sheaf(ctx context.Context, key string, number int) (*rotation.Progress, *rotation.Sheaf, error) {
	p, err := c.engine.Batch(ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, err
	}
	return p, p.Card(number), nil
}

// lookAtSheaf brings what stands on a request to the engine, for each rotation
// that it still asks about.
func (c *Chat) lookAtSheaf(ctx context.Context, key string, number int) error {
	p, s, err := c.sheaf(ctx, key, number)
	if err != nil || s == nil {
		return err
	}
	var seen shown
	q := &poll{roll: c.people.roll(), voters: make(map[string]known)}
	var failures []error
	heard := audience{counted: make(map[string]bool)}
	for _, part := range p.Parts {
		r := part.Rotation
		if r == nil || r.Card == nil || !s.Covers(r) || !render.Open(r, r.Card.Number) {
			continue
		}
		if seen.at == (place{}) {
			if seen, err = c.ballot.face(ctx, question{key, number}); err != nil {
				return fmt.Errorf("reading request %d of %s: %w", number, key, err)
			}
		}
		r.Sheaf = s
		failures = append(failures, c.countFor(ctx, r, seen, q, &heard))
	}
	c.tellMarkers(ctx, heard)
	return errors.Join(failures...)
}

// audience is who marked a batch's request, and what they are to be told: once,
// however many secrets it is about.
type audience struct {
	r       *rotation.Rotation // the first one that was counted; nil for none
	seen    sight
	refused []rotation.Refused
	votes   []rotation.Vote
	counted map[string]bool // ids of those whose mark counted for some secret
}

func (a *audience) add(r *rotation.Rotation, seen sight, t rotation.Tally) {
	if a.r == nil {
		a.r, a.seen = r, seen
	}
	for _, v := range t.Votes {
		a.counted[v.Person.ID] = true
	}
	if t.Veto != nil {
		a.counted[t.Veto.Person.ID] = true
	}
	a.refused = append(a.refused, t.Refused...)
	if t.State == rotation.CardOpen {
		a.votes = append(a.votes, t.Votes...)
	}
}

// tellMarkers tells people why their mark counted for nothing.
func (c *Chat) tellMarkers(ctx context.Context, a audience) {
	if a.r == nil {
		return
	}
	t := rotation.Tally{State: rotation.CardOpen, Votes: a.votes}
	for _, f := range a.refused {
		if !a.counted[f.Person.ID] {
			t.Refused = append(t.Refused, f)
		}
	}
	c.explain(ctx, a.r, a.r.Card.Number, a.seen, t)
}

// countFor has the engine count what stands on a batch's request for one of its
// rotations.
func (c *Chat) countFor(ctx context.Context, r *rotation.Rotation, seen shown, q *poll, heard *audience) error {
	found, err := c.ballot.judge(ctx, r, r.Card.Number, seen, q)
	if err != nil {
		return err
	}
	if found.marks, err = c.withSigned(ctx, r, r.Card.Number, found.marks); err != nil {
		return err
	}
	tally, err := c.engine.Consider(ctx, r.Key(), r.Card.Number, found.marks)
	if err != nil {
		return fmt.Errorf("counting request %d of %s: %w", r.Card.Number, r.Key(), err)
	}
	c.audit(r, r.Card.Number, found, tally)
	heard.add(r, found, tally)
	return nil
}

// lookAtSheaves looks at every request of a batch that is open, for marks made
// while nobody listened.
func (c *Chat) lookAtSheaves(ctx context.Context) error {
	all, err := c.engine.Batches(ctx)
	if err != nil {
		return fmt.Errorf("listing open batches: %w", err)
	}
	var failures []error
	for _, p := range all {
		for i := range p.Cards {
			if !p.Open(&p.Cards[i]) {
				continue
			}
			if err := c.lookAtSheaf(ctx, p.Key(), p.Cards[i].Number); err != nil && !errors.Is(err, errNotPosted) {
				failures = append(failures, err)
			}
		}
	}
	return errors.Join(failures...)
}

// askedTogether finds the request of a batch that a message is, and says why it
// takes no more decisions. A no is taken as long as no old key's end is under way.
func (c *Chat) askedTogether(ctx context.Context, key string, number int, yes bool) (q asking, closed string, err error) {
	p, s, err := c.sheaf(ctx, key, number)
	switch {
	case err != nil:
		return q, "", fmt.Errorf("finding the request that was clicked: %w", err)
	case s == nil:
		return q, notARequest, nil
	}
	for _, part := range p.Parts {
		if r := part.Rotation; r != nil && s.Covers(r) && untaken(r, r.Card.Number, yes) == "" {
			return asking{s: s}, "", nil
		}
	}
	return asking{s: s}, "This request is closed: each thread tells what became of it. Your click did nothing.", nil
}

// sheafMessage asks people, or says what became of it where that was decided
// before anybody could be asked.
func (d *delivery) sheafMessage(p *rotation.Progress, number int) render.Message {
	s := p.Card(number)
	if s == nil || !p.Open(s) {
		return render.SheafClosed(p, s, number)
	}
	return render.Sheaf(p, s, d.people.incidents(p))
}

// closeSheaves leaves the duty to close requests of a batch that ask no more.
func (c *Chat) closeSheaves(ctx context.Context, p *rotation.Progress) error {
	for i := range p.Cards {
		s := &p.Cards[i]
		if p.Open(s) {
			continue
		}
		first, err := c.store.Once(ctx, fmt.Sprintf("closing/%s/%d", p.Key(), s.Number), toldFor)
		if err == nil && first {
			err = c.store.Hint(ctx, hint{hintClose, p.Key(), s.Number}.String())
		}
		if err != nil {
			return fmt.Errorf("noting that a request is closed: %w", err)
		}
		kick(c.looks)
	}
	return nil
}

// closeSheaf takes the call to act off a request that no longer asks.
func (c *Chat) closeSheaf(ctx context.Context, key string, number int) error {
	p, s, err := c.sheaf(ctx, key, number)
	if err != nil || s == nil || p.Open(s) {
		return err
	}
	at, err := c.ballot.places.of(ctx, key, number)
	if err != nil {
		return err
	}
	err = c.api.update(ctx, at.channel, at.ts, render.SheafClosed(p, s, number))
	if gone(err) || frozen(err) {
		return nil // who clicks is told
	}
	return c.helpful(err)
}

// seedSheaf adds our own two reactions, so that people click once.
func (c *Chat) seedSheaf(ctx context.Context, key string, number int) error {
	p, s, err := c.sheaf(ctx, key, number)
	if err != nil || s == nil || !p.Open(s) {
		return err
	}
	at, err := c.ballot.places.of(ctx, key, number)
	if err != nil {
		return err
	}
	for _, emoji := range []string{emojiYes, emojiNo} {
		switch err := c.api.react(ctx, at.channel, at.ts, emoji); {
		case gone(err):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}
