package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"
	"github.com/slack-go/slack/slackevents"
	"github.com/slack-go/slack/socketmode"

	"rekey/state"
)

// storeTime bounds the store's part of an acknowledgement: Slack waits 3 s.
const storeTime = 2 * time.Second

// handle takes one envelope. What returns an error is not acknowledged, or not
// any further.
func (c *Chat) handle(ctx context.Context, sm *socketmode.Client, event socketmode.Event) {
	ack := func(payload ...any) error {
		var body any
		if len(payload) > 0 {
			body = payload[0]
		}
		return sm.AckCtx(ctx, event.Request.EnvelopeID, body)
	}
	var err error
	switch data := event.Data.(type) {
	case slackevents.EventsAPIEvent:
		if err = c.event(ctx, data); err == nil {
			err = ack()
		}
	case slack.InteractionCallback:
		err = c.interaction(ctx, data, ack)
	default:
		if err = ackUnknown(ctx, sm, event); err == nil {
			err = resend(ctx, sm, event)
		}
	}
	if err != nil && ctx.Err() == nil {
		c.config.Log.Warn("handling an envelope", "type", string(event.Type), "error", err)
	}
}

// event stores what an event asks us to look into. Returning an error leaves
// it unacknowledged: Slack sends it again.
func (c *Chat) event(ctx context.Context, e slackevents.EventsAPIEvent) error {
	ctx, cancel := context.WithTimeout(ctx, storeTime)
	defer cancel()
	outer, _ := e.Data.(*slackevents.EventsAPICallbackEvent)
	shared := outer != nil && outer.IsExtSharedChannel
	switch inner := e.InnerEvent.Data.(type) {
	case *slackevents.ReactionAddedEvent:
		return c.reaction(ctx, inner.User, inner.Item, shared)
	case *slackevents.ReactionRemovedEvent:
		return c.reaction(ctx, inner.User, inner.Item, shared)
	case *slackevents.SubteamMembersChangedEvent:
		c.people.forget(inner.SubteamID)
	}
	return nil
}

// reaction leaves a hint where the message is a card of ours. Who reacted and
// how is not kept: the card itself is asked.
func (c *Chat) reaction(ctx context.Context, user string, item slackevents.Item, shared bool) error {
	if item.Type != "message" {
		return nil
	}
	if shared {
		c.config.Log.Warn("a reaction in a channel shared with another company is not counted", "channel", item.Channel)
		return nil
	}
	key, name, err := c.store.FindRef(ctx, place{item.Channel, item.Timestamp}.String())
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("finding what a reaction is on: %w", err)
	}
	n, ok := cardNumber(name)
	if !ok {
		return nil
	}
	if self, err := c.people.whoami(ctx); err == nil && user == self.user {
		return nil
	}
	if err := c.store.Hint(ctx, hint{hintCard, key, n}.String()); err != nil {
		return fmt.Errorf("noting a reaction: %w", err)
	}
	kick(c.looks)
	return nil
}

// hint is a small durable duty. Its name is stored.
type hint struct {
	verb string
	key  string
	card int // number of the card, or of the watch; 0 where the verb needs none
}

// The verbs of hints. Stored.
const (
	hintCard  = "card"  // somebody may have reacted: look
	hintRoot  = "root"  // the root message no longer shows the truth
	hintClose = "close" // a card must lose its call to act
	hintSeed  = "seed"  // a card needs our own two reactions
	hintChart = "chart" // a watch has ended and its chart is to be shown
	hintAudit = "audit" // an audit is over and its files are to be shown
	hintWatch = "watch" // a watch has made another look; as [rotation.WatchHint] writes it

	hintBatch  = "batch"  // a batch's message no longer shows the truth; as [rotation.BatchHint] writes it
	hintDigest = "digest" // the last digest no longer shows the truth; as [rotation.DigestHint] writes it
)

func (h hint) String() string {
	if h.card == 0 {
		return h.verb + " " + h.key
	}
	return fmt.Sprintf("%s %s %d", h.verb, h.key, h.card)
}

// readHint reads a stored name; ok is false for one of another version.
func readHint(name string) (h hint, ok bool) {
	parts := strings.Split(name, " ")
	switch {
	case len(parts) == 2 && (parts[0] == hintRoot || parts[0] == hintDigest || parts[0] == hintBatch):
		return hint{verb: parts[0], key: parts[1]}, parts[1] != ""
	case len(parts) == 3:
		n, ok := cardNumber("card/" + parts[2])
		h = hint{parts[0], parts[1], n}
		known := h.verb == hintCard || h.verb == hintClose || h.verb == hintSeed || h.verb == hintWatch || h.verb == hintChart || h.verb == hintAudit
		return h, ok && known && h.key != ""
	default:
		return hint{}, false
	}
}
