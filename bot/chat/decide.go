package chat

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/slack-go/slack"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/rotation"
	"rekey/state"
)

const (
	notARequest = "Rekey waits for nothing on this message: it is a copy, or its rotation is long over. Nothing was done. What counts is the newest request in the thread."
	notOpened   = "Slack did not open the window, so nothing was denied by it. React ❌ on the request: that denies it as well."
	leakedWords = "That looks like a secret value. Slack has it now, so treat it as leaked and rotate it. Rekey neither stored nor logged it. Say why in other words."
)

// triggerLife is how long after a click a modal can be opened
// (https://docs.slack.dev/interactivity/handling-user-interaction).
const triggerLife = 3 * time.Second

// approve stores a click on the approve button. Whether it counts is found out
// afterwards, from what is stored and from who the person is by then.
func (c *Chat) approve(ctx context.Context, p press) (later, error) {
	q, closed, err := c.asked(ctx, p.at, true)
	if err != nil || closed != "" {
		return c.only(p, closed), err
	}
	return nil, c.decide(ctx, q.click(p.user, true, ""))
}

// notLeak stores the other yes to a request about the vault.
func (c *Chat) notLeak(ctx context.Context, p press) (later, error) {
	q, closed, err := c.asked(ctx, p.at, true)
	if err != nil || closed != "" {
		return c.only(p, closed), err
	}
	r := q.r
	if r == nil || r.Card.About != rotation.AboutVault {
		return c.only(p, unknownControl), nil
	}
	k := clickOf(r, p.user, true, "")
	k.Answer = rotation.VaultNotLeak
	return nil, c.decide(ctx, k)
}

// deny opens the modal that asks why. It stores nothing: a person who closes
// the modal has decided nothing.
func (c *Chat) deny(ctx context.Context, p press) (later, error) {
	q, closed, err := c.asked(ctx, p.at, false)
	if err != nil || closed != "" {
		return c.only(p, closed), err
	}
	return func(ctx context.Context) error {
		within, cancel := context.WithDeadline(ctx, p.came.Add(triggerLife))
		defer cancel()
		err := c.api.open(within, p.trigger, q.modal(p.at.String()))
		if err != nil {
			return errors.Join(err, c.sayTo(ctx, p, notOpened))
		}
		return nil
	}, nil
}

// denied stores a veto with its reason.
func (c *Chat) denied(ctx context.Context, s submission) (map[string]string, later, error) {
	fault := func(text string) (map[string]string, later, error) {
		return map[string]string{render.ReasonBlock: text}, nil, nil
	}
	reason := strings.TrimSpace(s.values[render.ReasonBlock])
	if commands.KeyShaped(reason) {
		c.config.Log.Warn("a reason held something that looks like a secret value; it was refused", "user", s.user)
		return fault(leakedWords)
	}
	switch n := len(utf16.Encode([]rune(reason))); {
	case n == 0:
		return fault("Say why in a few words: whoever asked has to know what to do next.")
	case n > render.ReasonLimit:
		return fault(fmt.Sprintf("Use at most %d characters; the thread has room for more.", render.ReasonLimit))
	}
	at, _ := placeOf(s.private)
	q, closed, err := c.asked(ctx, at, false)
	switch {
	case err != nil:
		return nil, nil, err
	case closed != "":
		return fault(closed)
	}
	return nil, nil, c.decide(ctx, q.click(s.user, false, reason))
}

// only answers whoever clicked, and does nothing else.
func (c *Chat) only(p press, text string) later {
	if text == "" {
		return nil
	}
	return func(ctx context.Context) error { return c.sayTo(ctx, p, text) }
}

// decide stores a decision, and then that somebody should look at the request.
// Should this process die in between, the click is not acknowledged: the person
// is told to try again, and the first one counts with the next look at all
// requests.
func (c *Chat) decide(ctx context.Context, k click) error {
	body, err := k.seal(c.config.Key)
	if err != nil {
		return err
	}
	if err := c.store.Decide(ctx, k.Rotation, k.name(), body); err != nil {
		return fmt.Errorf("storing a click: %w", err)
	}
	if err := c.store.Hint(ctx, hint{hintCard, k.Rotation, k.Card}.String()); err != nil {
		return fmt.Errorf("noting a click: %w", err)
	}
	c.config.Log.Info("a click was stored", "rotation", k.Rotation, "card", k.Card, "user", k.User, "yes", k.Yes)
	kick(c.looks)
	return nil
}

// asked finds the request that a message is, and says why it takes no more
// decisions. Until the end of the old key is under way, a no is taken even
// from a request that was approved: it is heard before the act.
func (c *Chat) asked(ctx context.Context, at place, yes bool) (q asking, closed string, err error) {
	key, name, err := c.store.FindRef(ctx, at.String())
	n, isCard := cardNumber(name)
	if errors.Is(err, state.ErrNotFound) || err == nil && !isCard {
		return q, notARequest, nil
	}
	if err == nil && rotation.IsBatch(key) {
		return c.askedTogether(ctx, key, n, yes)
	}
	if err == nil {
		q.r, err = c.engine.Load(ctx, key)
	}
	if errors.Is(err, state.ErrNotFound) {
		return q, notARequest, nil
	}
	if err != nil {
		return q, "", fmt.Errorf("finding the request that was clicked: %w", err)
	}
	return q, untaken(q.r, n, yes), nil
}

// asking is what people decide about by a button: a rotation's own request, or
// one of a batch.
type asking struct {
	r *rotation.Rotation
	s *rotation.Sheaf
}

func (q asking) click(user string, yes bool, reason string) click {
	if q.s != nil {
		return togetherOn(q.s, user, yes, reason)
	}
	return clickOf(q.r, user, yes, reason)
}

func (q asking) modal(at string) slack.ModalViewRequest {
	if q.s != nil {
		return render.DenySheaf(q.s, at)
	}
	return render.DenyModal(q.r, at)
}

// untaken says why a request takes no decision any more, or "".
func untaken(r *rotation.Rotation, card int, yes bool) string {
	switch {
	case render.Open(r, card):
		return ""
	case r.State.Final() || r.Card == nil:
		return "This rotation is over. Your click did nothing."
	case r.Card.Number == card && r.Card.State == rotation.CardApproved && !yes && (len(r.Ends) == 0 || r.Card.About != "" && !r.Wrote(r.Cell.Front())) && !r.Replaced():
		return ""
	case r.Card.Number == card && r.Card.State == rotation.CardApproved:
		return "This request was approved already, and what follows is told in the thread. Your click did nothing."
	default:
		return inert(r, card)
	}
}
