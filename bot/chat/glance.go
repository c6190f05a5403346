package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/state"
)

// round is one look at every open card, for reactions made while nobody
// listened. A card that shows nothing but our own two emoji costs one call to
// Slack and nothing else, so that many rotations can wait; whatever else is seen
// is looked at as after an event. Where something was clicked the store says,
// once for all cards: the hint to count a click is left behind it, and may be
// missing, and who could not be counted then may be now.
type round struct {
	*Chat
	fit     map[string]bool // by channel: approvals may run there
	clicked []string        // keys of the rotations whose requests were clicked
}

func (c *Chat) lookAtAll(ctx context.Context) error {
	open, err := c.engine.Open(ctx)
	if err != nil {
		return fmt.Errorf("listing open rotations: %w", err)
	}
	var failures []error
	clicked, err := c.store.Decided(ctx)
	if err != nil {
		failures = append(failures, err) // reactions can be seen all the same
	}
	if err := c.lookAtSheaves(ctx); err != nil {
		failures = append(failures, err)
	}
	these := round{c, make(map[string]bool), clicked}
	for _, r := range open {
		if r.Card == nil || r.Card.Together || !render.Open(r, r.Card.Number) {
			continue
		}
		if err := these.look(ctx, r); err != nil && !errors.Is(err, errNotPosted) {
			failures = append(failures, err)
		}
	}
	return errors.Join(failures...)
}

func (n round) look(ctx context.Context, r *rotation.Rotation) error {
	if !slices.Contains(n.clicked, r.Key()) {
		worth, err := n.worth(ctx, r)
		if err != nil || !worth {
			return err
		}
	}
	return n.Chat.look(ctx, r.Key(), r.Card.Number)
}

// worth reports whether a card shows something to be counted or acted on.
func (n round) worth(ctx context.Context, r *rotation.Rotation) (bool, error) {
	at, err := n.ballot.places.of(ctx, r.Key(), r.Card.Number)
	if err != nil {
		return false, fmt.Errorf("looking at request %d of %s: %w", r.Card.Number, r.Key(), err)
	}
	fit, asked := n.fit[at.channel]
	if !asked {
		why, err := n.ballot.unfit(ctx, at.channel)
		if err != nil {
			return false, fmt.Errorf("looking at request %d of %s: %w", r.Card.Number, r.Key(), err)
		}
		fit, n.fit[at.channel] = why == "", why == ""
	}
	if !fit {
		return true, nil
	}
	self, err := n.people.whoami(ctx)
	if err != nil {
		return false, err
	}
	reactions, err := n.api.reactions(ctx, at.channel, at.ts)
	if gone(err) {
		return true, nil
	}
	return foreign(reactions, self.user), err
}

// foreign reports reactions of others than ourselves, or that there may be some.
func foreign(reactions []slack.ItemReaction, self string) bool {
	for _, r := range reactions {
		if r.Count > len(r.Users) {
			return true
		}
		for _, user := range r.Users {
			if user != self {
				return true
			}
		}
	}
	return false
}

// mostPlaces bounds how many cards' places are remembered.
const mostPlaces = 1000

// places remember where cards stand. A card that has been posted never moves:
// what replaces it has another number.
type places struct {
	refs state.Refs

	mu   sync.Mutex
	seen map[string]place
}

// of finds a card's message; errNotPosted where there is none yet.
func (p *places) of(ctx context.Context, key string, card int) (place, error) {
	name := key + " " + cardRef(card)
	p.mu.Lock()
	at, known := p.seen[name]
	p.mu.Unlock()
	if known {
		return at, nil
	}
	refs, err := p.refs.Refs(ctx, key)
	if err != nil {
		return place{}, fmt.Errorf("finding its message: %w", err)
	}
	at, posted := placeOf(refs[cardRef(card)])
	if !posted {
		return place{}, errNotPosted
	}
	p.keep(key, card, at)
	return at, nil
}

func (p *places) keep(key string, card int, at place) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.seen == nil || len(p.seen) >= mostPlaces {
		p.seen = make(map[string]place) // finding them once more is cheap
	}
	p.seen[key+" "+cardRef(card)] = at
}
