package chat

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/state"
)

const (
	hintsAtOnce  = 1000
	mostHints    = 20 * hintsAtOnce    // more are looked at in the next round
	toldFor      = 30 * 24 * time.Hour // a person is told once per card; cards do not live longer
	idle         = time.Minute         // without a wake-up: one look a minute finds what was missed
	mistakenText = "That emoji does not count. React ✅ (white_check_mark) to approve or ❌ (x) to deny; nothing else is read."
	notedText    = "Your approval is counted. More approvers are needed before anything ends; ❌ or Deny on the request takes it back."
)

// work takes up hints until ctx ends. A hint that cannot be settled stays and
// is tried again at growing intervals.
func (c *Chat) work(ctx context.Context) {
	next := time.Duration(0)
	defer func() { _ = c.aside.Wait() }() // its functions return nil
	for pause(ctx, c.looks, next) {
		next = c.workOnce(ctx)
	}
}

func (c *Chat) workOnce(ctx context.Context) (next time.Duration) {
	hints, err := allHints(ctx, c.store)
	if err != nil {
		wait := c.times.failed("hints", 0)
		c.config.Log.Warn("listing hints; trying again", "pause", wait, "error", err)
		return wait
	}
	c.times.done("hints")
	next = idle
	for _, h := range hints {
		if wait := c.times.wait("hint " + h.Name); wait > 0 {
			next = min(next, wait)
			continue
		}
		if wait := c.started(ctx, h); wait > 0 {
			next = min(next, wait)
		}
	}
	return next
}

// allHints lists every hint there is. Those that wait, be it for another
// version of this program, must not keep the others from being seen.
func allHints(ctx context.Context, store state.Hints) ([]state.Hint, error) {
	var all []state.Hint
	for after := int64(0); len(all) < mostHints; {
		page, err := store.Hints(ctx, after, hintsAtOnce)
		all = append(all, page...)
		if err != nil || len(page) < hintsAtOnce {
			return all, err
		}
		after = page[len(page)-1].Mark
	}
	return all, nil
}

// started takes a hint up, an upload beside the others: Slack may take its time
// with it, and what people wait for does not wait for it.
func (c *Chat) started(ctx context.Context, h state.Hint) time.Duration {
	if !strings.HasPrefix(h.Name, hintChart+" ") && !strings.HasPrefix(h.Name, hintAudit+" ") {
		return c.takeUp(ctx, h)
	}
	c.aside.TryGo(func() error {
		c.takeUp(ctx, h)
		kick(c.looks)
		kick(c.posts) // the report may have waited for it
		return nil
	})
	return c.config.Coalesce
}

// takeUp does one hint's duty under a lease, so that replicas that wake
// together do not all call Slack. It returns when to look again, or 0.
func (c *Chat) takeUp(ctx context.Context, stored state.Hint) time.Duration {
	name := "hint " + stored.Name
	h, ok := readHint(stored.Name)
	if !ok {
		c.times.later(name, c.config.RetryMax) // another version's: leave it to that one
		return c.config.RetryMax
	}
	if h.verb == hintWatch && !c.api.limits.spare(methodUpdate) {
		c.times.later(name, c.config.Coalesce) // what people wait for goes first
		return c.config.Coalesce
	}
	ttl := 3 * c.config.RequestTimeout
	lease, err := c.store.Claim(ctx, name, c.config.Replica, ttl)
	if errors.Is(err, state.ErrHeld) {
		c.times.later(name, ttl/3)
		return ttl / 3
	}
	if err == nil {
		err = c.duty(ctx, h, lease.Until)
		if err == nil {
			err = c.store.Settle(ctx, stored)
		}
		c.release(ctx, lease)
	}
	if err != nil && ctx.Err() == nil {
		wait := c.times.failed(name, 0)
		if !errors.Is(err, errNotPosted) {
			c.config.Log.Warn("a duty towards Slack was not done; trying again", "duty", h.verb, "rotation", h.key, "pause", wait, "error", err)
		}
		return wait
	}
	c.times.done(name)
	if h.verb == hintRoot || h.verb == hintWatch || h.verb == hintDigest || h.verb == hintBatch {
		c.times.later(name, c.config.Coalesce) // edits of one message at most this often
	}
	return 0
}

func (c *Chat) release(ctx context.Context, l state.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err := c.store.Release(ctx, l); err != nil {
		c.config.Log.Warn("giving up a lease", "lease", l.Key, "error", err)
	}
}

func (c *Chat) duty(ctx context.Context, h hint, until time.Time) error {
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	if rotation.IsBatch(h.key) {
		return c.dutyOfSeveral(ctx, h)
	}
	switch h.verb {
	case hintCard:
		return c.look(ctx, h.key, h.card)
	case hintRoot:
		return c.editRoot(ctx, h.key)
	case hintClose:
		return c.closeCard(ctx, h.key, h.card)
	case hintAudit:
		return c.findings(ctx, h.key, h.card)
	case hintChart:
		return c.picture(ctx, h.key, h.card)
	case hintWatch:
		return c.editWatch(ctx, h.key, h.card)
	case hintDigest:
		return c.editDigest(ctx, h.key)
	default:
		return c.seed(ctx, h.key, h.card)
	}
}

// look brings what stands on a card to the engine, and tells people whose
// reaction does not count why, once.
func (c *Chat) look(ctx context.Context, key string, card int) error {
	r, err := c.engine.Load(ctx, key)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if !render.Open(r, card) {
		return c.late(ctx, r, card)
	}
	seen, err := c.ballot.read(ctx, r, card)
	if err != nil {
		return err
	}
	if seen.marks, err = c.withSigned(ctx, r, card, seen.marks); err != nil {
		return err
	}
	tally, err := c.engine.Consider(ctx, key, card, seen.marks)
	if err != nil {
		return fmt.Errorf("counting request %d of %s: %w", card, key, err)
	}
	c.audit(r, card, seen, tally)
	c.explain(ctx, r, card, seen, tally)
	return nil
}

// withSigned adds the decisions that have a source of their own.
func (c *Chat) withSigned(ctx context.Context, r *rotation.Rotation, card int, m rotation.Marks) (rotation.Marks, error) {
	if c.config.Signed == nil {
		return m, nil
	}
	signed, err := c.config.Signed(ctx, r, card)
	if err != nil {
		return m, err
	}
	return m.With(signed), nil
}

// audit logs what came of a card, by ids only.
func (c *Chat) audit(r *rotation.Rotation, card int, seen sight, t rotation.Tally) {
	if t.State == rotation.CardOpen && len(t.Refused) == 0 {
		return
	}
	var counted, refused []string
	for _, v := range t.Votes {
		counted = append(counted, v.Person.ID)
	}
	for _, f := range t.Refused {
		refused = append(refused, f.Person.ID)
	}
	veto := ""
	if t.Veto != nil {
		veto = t.Veto.Person.ID
	}
	c.config.Log.Info("a request was counted", "rotation", r.ID, "card", card, "message", seen.at.String(),
		"outcome", string(t.State), "approved", strings.Join(counted, " "), "veto", veto, "refused", strings.Join(refused, " "))
}

// explain tells each person privately, and once per card, why a reaction does
// not count. What cannot be told is logged: the count does not depend on it.
func (c *Chat) explain(ctx context.Context, r *rotation.Rotation, card int, seen sight, t rotation.Tally) {
	for _, refused := range t.Refused {
		_, user, _ := strings.Cut(refused.Person.ID, "/")
		c.tell(ctx, aside{r, card, seen.at, user, refused.Why})
	}
	for _, v := range t.Votes {
		if _, user, _ := strings.Cut(v.Person.ID, "/"); v.Path == "button" && t.State == rotation.CardOpen {
			c.once(ctx, "noted", aside{r, card, seen.at, user, notedText})
		}
	}
	for i, user := range seen.mistaken {
		if i == mostStrangers {
			break
		}
		c.tell(ctx, aside{r, card, seen.at, user, mistakenText})
	}
}

// aside is a sentence for one person about one card.
type aside struct {
	r    *rotation.Rotation
	card int
	at   place
	user string
	why  string
}

func (c *Chat) tell(ctx context.Context, w aside) { c.once(ctx, "told", w) }

// once tells somebody something about one card, each topic once.
func (c *Chat) once(ctx context.Context, topic string, w aside) {
	first, err := c.store.Once(ctx, topic+"/"+w.r.Key()+"/"+strconv.Itoa(w.card)+"/"+w.user, toldFor)
	if err == nil && first {
		err = c.api.whisper(ctx, w.at.channel, c.threadOf(ctx, w.r.Key()), w.user, w.why)
	}
	if err != nil {
		c.config.Log.Warn("telling somebody what became of their mark", "rotation", w.r.ID, "user", w.user, "error", err)
	}
}

// threadOf is the root message's ts, or "" where there is none to be found:
// the whisper then appears in the channel.
func (c *Chat) threadOf(ctx context.Context, key string) string {
	refs, err := c.store.Refs(ctx, key)
	if err != nil {
		return ""
	}
	root, _ := placeOf(refs[rootRef])
	return root.ts
}

// messageOf finds one of a rotation's messages.
func (c *Chat) messageOf(ctx context.Context, key, name string) (*rotation.Rotation, place, error) {
	refs, err := c.store.Refs(ctx, key)
	if err != nil {
		return nil, place{}, fmt.Errorf("finding the messages of %s: %w", key, err)
	}
	at, ok := placeOf(refs[name])
	if !ok {
		return nil, place{}, errNotPosted
	}
	r, err := c.engine.Load(ctx, key)
	return r, at, err
}

// seed adds our own reactions, so that people click once.
func (c *Chat) seed(ctx context.Context, key string, card int) error {
	r, at, err := c.messageOf(ctx, key, cardRef(card))
	if err != nil || !render.Open(r, card) {
		return err
	}
	for _, emoji := range emojiFor(aboutOf(r, card)) {
		switch err := c.api.react(ctx, at.channel, at.ts, emoji); {
		case gone(err):
			return nil
		case err != nil:
			return err
		}
	}
	return nil
}

// editRoot shows the record as it is now.
func (c *Chat) editRoot(ctx context.Context, key string) error {
	r, at, err := c.messageOf(ctx, key, rootRef)
	if err != nil {
		return err
	}
	err = c.api.update(ctx, at.channel, at.ts, render.Root(r, c.people.cried(r)))
	switch {
	case gone(err):
		return c.newRoot(ctx, r, at)
	case frozen(err):
		return c.instead(ctx, r, at, "root/"+string(r.State), render.Brief(r))
	default:
		return c.helpful(err)
	}
}

// closeCard takes the call to act off a card that no longer asks.
func (c *Chat) closeCard(ctx context.Context, key string, card int) error {
	r, at, err := c.messageOf(ctx, key, cardRef(card))
	if err != nil || render.Open(r, card) {
		return err
	}
	message := render.Closed(r, card)
	err = c.api.update(ctx, at.channel, at.ts, message)
	switch {
	case gone(err):
		return nil
	case frozen(err):
		return c.instead(ctx, r, at, cardRef(card), message)
	default:
		return c.helpful(err)
	}
}

// newRoot replaces a root message that somebody deleted. What was said stays
// in the old thread; what follows goes to the new one.
func (c *Chat) newRoot(ctx context.Context, r *rotation.Rotation, old place) error {
	lease, err := c.store.Claim(ctx, "post/"+r.Key(), c.config.Replica, 3*c.config.RequestTimeout)
	if err != nil {
		return fmt.Errorf("replacing a deleted root message: %w", err)
	}
	defer c.release(ctx, lease)
	ts, err := c.api.post(ctx, old.channel, "", render.Root(r, c.people.cried(r)), markOf(r.Key(), 0, 0))
	if err != nil {
		return c.helpful(err)
	}
	return c.store.Delivered(ctx, lease, r.Key(), 0, map[string]string{rootRef: place{old.channel, ts}.String()})
}

// instead posts into the thread what can no longer be shown by editing, once.
func (c *Chat) instead(ctx context.Context, r *rotation.Rotation, at place, what string, m render.Message) error {
	first, err := c.store.Once(ctx, "instead/"+r.Key()+"/"+what, toldFor)
	if err != nil || !first {
		return err
	}
	thread := c.threadOf(ctx, r.Key())
	if thread == "" {
		thread = at.ts
	}
	_, err = c.api.post(ctx, at.channel, thread, m, markOf(r.Key(), 0, 0))
	return c.helpful(err)
}
