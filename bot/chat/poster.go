package chat

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/slack-go/slack"
	"golang.org/x/sync/errgroup"

	"rekey/bot/chat/render"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

const (
	keysAtOnce    = 64
	rowsAtOnce    = 50
	threadsAtOnce = 4
	sentFor       = 7 * 24 * time.Hour // for how long an unanswered post is remembered
)

// poster tells the outbox: each rotation's rows in order, by one holder at a
// time, rotations beside each other.
type poster struct {
	*Chat
	times retries // of keys
	clean *cleanList
}

func newPoster(c *Chat) *poster {
	return &poster{Chat: c, times: newRetries(c.config.RetryFirst, c.config.RetryMax), clean: newCleanList()}
}

func (p *poster) run(ctx context.Context) {
	next := time.Duration(0)
	for pause(ctx, p.posts, next) {
		next = p.round(ctx)
	}
}

// round delivers what can be delivered now and says when to look again.
func (p *poster) round(ctx context.Context) time.Duration {
	keys, err := p.store.Pending(ctx, keysAtOnce)
	if err != nil {
		wait := p.times.failed("pending", 0)
		p.config.Log.Warn("listing the outbox; trying again", "pause", wait, "error", err)
		return wait
	}
	p.times.done("pending")
	waits := make([]time.Duration, len(keys))
	var g errgroup.Group
	g.SetLimit(threadsAtOnce)
	for i, key := range keys {
		if waits[i] = p.times.wait(key); waits[i] > 0 {
			continue
		}
		g.Go(func() error {
			waits[i] = p.attempt(ctx, key)
			return nil
		})
	}
	_ = g.Wait() // the functions return nil
	next := idle
	for _, w := range waits {
		if w > 0 {
			next = min(next, w)
		}
	}
	return next
}

// attempt delivers one rotation's rows and says when to look again, 0 when
// there is nothing more to do.
func (p *poster) attempt(ctx context.Context, key string) time.Duration {
	again, err := p.deliver(ctx, key)
	switch {
	case errors.Is(err, state.ErrHeld):
		p.times.later(key, p.ttl()/3) // another replica is at it
		return p.ttl() / 3
	case err != nil && ctx.Err() == nil:
		var call *callError
		errors.As(err, &call)
		after := time.Duration(0)
		if call != nil {
			after = call.after
		}
		wait := p.times.failed(key, after)
		p.config.Log.Warn("posting to the thread; the rows stay and are tried again", "rotation", key, "pause", wait, "error", err)
		return wait
	}
	p.times.done(key)
	return again
}

// ttl is how long the right to post is held at a time: one call with room.
func (p *poster) ttl() time.Duration { return 2*p.config.RequestTimeout + 2*storeTime }

// delivery is one holder's work on one record's rows: a rotation's, or those
// of the calendar, which has none.
type delivery struct {
	*poster
	key   string
	lease state.Lease
	r     *rotation.Rotation
	refs  map[string]string
	calm  bool // people are about to be called to the batch's list instead
}

func (p *poster) deliver(ctx context.Context, key string) (again time.Duration, err error) {
	lease, err := p.store.Claim(ctx, "post/"+key, p.config.Replica, p.ttl())
	if err != nil {
		return 0, fmt.Errorf("claiming the thread of %s: %w", key, err)
	}
	d := &delivery{poster: p, key: key, lease: lease}
	defer func() { p.release(ctx, d.lease) }()
	rows, err := p.store.Rows(ctx, key, rowsAtOnce)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	if d.refs, err = p.store.Refs(ctx, key); err != nil {
		return 0, fmt.Errorf("finding the messages of %s: %w", key, err)
	}
	if rotation.IsDigest(key) {
		return d.again(rows), d.digest(ctx, rows)
	}
	if rotation.IsBatch(key) {
		return d.again(rows), d.several(ctx, rows)
	}
	if d.r, err = p.engine.Load(ctx, key); err != nil {
		return 0, err
	}
	if err := d.ensureRoot(ctx, rows[0]); err != nil {
		return 0, err
	}
	posts := batches(rows)
	for i, b := range posts {
		if wait := b.wait(time.Now(), p.config.Coalesce); wait > 0 && i == len(posts)-1 {
			return wait, nil
		}
		if wait := d.awaited(ctx, b); wait > 0 {
			return wait, nil
		}
		if err := d.post(ctx, b); err != nil {
			return 0, err
		}
	}
	return d.again(rows), nil
}

// again says when to look for more rows than these, 0 for never.
func (d *delivery) again(rows []state.Row) time.Duration {
	if len(rows) == rowsAtOnce {
		return time.Millisecond
	}
	return 0
}

// ensureRoot posts the root message where there is none yet. Its reference is
// stored before anything is said in the thread.
func (d *delivery) ensureRoot(ctx context.Context, first state.Row) error {
	if _, ok := placeOf(d.refs[rootRef]); ok {
		return nil
	}
	ts, _, err := d.send(ctx, d.config.Channel, "", batch{}, render.Root(d.r, d.people.cried(d.r)))
	if err != nil {
		return err
	}
	return d.delivered(ctx, first.Seq-1, rootRef, place{d.config.Channel, ts})
}

// listed finds whether a guide needs to call nobody: its batch is about to call
// people to one list of all consoles, which is made from what is known by then.
// Once it has, a guide calls by itself, because an edit of the list does not.
func (d *delivery) listed(ctx context.Context, b batch) error {
	d.calm = false
	if b.kind() != event.Guide || d.r.Batch == "" || b.events[0].Facts["reminder"] != "" {
		return nil
	}
	p, err := d.engine.Batch(ctx, d.r.Batch)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	own := func(part rotation.Part) bool {
		return part.Rotation != nil && part.Rotation.ID == d.r.ID && slices.ContainsFunc(part.Rotation.Calls(), rotation.Call.Open)
	}
	d.calm = p.Walked.IsZero() && p.Ended.IsZero() && !p.CalledOff && slices.ContainsFunc(p.Parts, own)
	return nil
}

// post tells one batch and takes its rows out of the outbox.
func (d *delivery) post(ctx context.Context, b batch) error {
	if err := d.duties(ctx, b); err != nil {
		return err
	}
	root, _ := placeOf(d.refs[rootRef])
	name, at := "", place{}
	if err := d.listed(ctx, b); err != nil {
		return err
	}
	for m, ok := d.message(b); ok; m, ok = d.message(b) {
		ts, told, err := d.send(ctx, root.channel, root.ts, b, m)
		if err != nil {
			return err
		}
		if told < b.last { // found, and more lines have come since
			if err := d.delivered(ctx, told, "", place{}); err != nil {
				return err
			}
			b = b.after(told)
			continue
		}
		switch b.kind() {
		case event.Card:
			name, at = cardRef(b.events[0].Card), place{root.channel, ts}
		case event.Watching:
			name, at = watchRef(watchNumber(b.events[0])), place{root.channel, ts}
		}
		break
	}
	err := d.delivered(ctx, b.last, name, at)
	if n := b.verdictOn(); err == nil && n > 0 {
		d.hurryTo(hint{hintChart, d.key, n})
	}
	return err
}

// delivered removes rows and stores where a message stands, in one act.
func (d *delivery) delivered(ctx context.Context, seq int64, name string, at place) error {
	var refs map[string]string
	if name != "" {
		refs = map[string]string{name: at.String()}
	}
	if err := d.store.Delivered(ctx, d.lease, d.key, seq, refs); err != nil {
		return fmt.Errorf("noting what was posted for %s: %w", d.key, err)
	}
	if name != "" {
		if d.refs == nil {
			d.refs = make(map[string]string)
		}
		d.refs[name] = at.String()
		if n, ok := cardNumber(name); ok {
			d.ballot.places.keep(d.key, n, at)
		}
		d.hurry(name)
	}
	return nil
}

// hurry wakes the duties that waited for a message to be posted.
func (d *delivery) hurry(name string) {
	if name == digestRef {
		d.hurryTo(hint{verb: hintDigest, key: d.key})
		return
	}
	h := hint{verb: hintRoot, key: d.key}
	if rotation.IsBatch(d.key) {
		h.verb = hintBatch
	}
	if n, ok := cardNumber(name); ok {
		h = hint{hintSeed, d.key, n}
	}
	if d.r != nil && d.r.Watches > 0 && name == watchRef(d.r.Watches) {
		h = hint{hintWatch, d.key, d.r.Watches}
	}
	d.hurryTo(h)
}

func (d *delivery) hurryTo(h hint) {
	d.Chat.times.done("hint " + h.String())
	kick(d.looks)
}

// duties leaves the hints that follow from a batch, before its rows leave the
// outbox: whatever happens in between, the duty is known.
func (d *delivery) duties(ctx context.Context, b batch) error {
	hints := []hint{{verb: hintRoot, key: d.r.Key()}}
	if d.r.Batch != "" {
		hints = append(hints, hint{verb: hintBatch, key: d.r.Batch})
	}
	for _, e := range b.events {
		if e.Kind == event.Card {
			hints = append(hints, hint{hintSeed, d.r.Key(), e.Card})
		}
	}
	hints = append(hints, append(d.ofWatches(b), d.ofAudits(b)...)...)
	for name := range d.refs {
		n, ok := cardNumber(name)
		if ok && closes(b) && !render.Open(d.r, n) {
			hints = append(hints, hint{hintClose, d.r.Key(), n})
		}
	}
	if changesDigest(b) {
		if err := d.refreshDigest(ctx); err != nil {
			return err
		}
	}
	for _, h := range hints {
		if err := d.store.Hint(ctx, h.String()); err != nil {
			return fmt.Errorf("noting what follows for %s: %w", d.r.Key(), err)
		}
	}
	kick(d.looks)
	return nil
}

// closes reports events after which a card may have lost its call to act.
func closes(b batch) bool {
	return slices.ContainsFunc(b.events, func(e event.Event) bool {
		switch e.Kind {
		case event.Card, event.Joined, event.Void, event.Approved, event.Denied, event.Expired, event.Cancelled, event.Pending, event.Stopped, event.Reported:
			return true
		default:
			return false
		}
	})
}

// message renders a batch; false for what the root message says already.
func (d *delivery) message(b batch) (render.Message, bool) {
	if len(b.events) == 0 {
		return render.Unreadable(b.last), true
	}
	e, audience := b.events[0], d.people.called(d.r)
	switch {
	case e.Kind == event.Started:
		return render.Message{}, false
	case e.Kind == event.Watching:
		return render.Watch(d.r, watchNumber(e)), true
	case e.Kind == event.Card && !render.Open(d.r, e.Card):
		return render.Closed(d.r, e.Card), true // decided before anybody could be asked
	case e.Kind == event.Card:
		return render.Card(d.r, e, audience), true
	case e.Kind == event.Reported:
		return render.Report(d.r, e), true
	case e.Kind == event.Guide && d.calm:
		return render.Urgent(d.r, e, render.Audience{}), true
	case e.Urgent():
		return render.Urgent(d.r, e, audience), true
	default:
		return render.Lines(d.r, b.events), true
	}
}

// send posts one message under the lease. One whose answer was lost before is
// looked up first, where that is allowed; otherwise the copy says so. told is
// the last row that the message tells: one that was found may tell fewer than
// the batch has by now.
func (d *delivery) send(ctx context.Context, channel, thread string, b batch, m render.Message) (ts string, told int64, err error) {
	if d.lease, err = d.store.Renew(ctx, d.lease, d.ttl()); err != nil {
		return "", 0, fmt.Errorf("keeping the right to post: %w", err)
	}
	ctx, cancel := context.WithDeadline(ctx, d.lease.Until.Add(-storeTime))
	defer cancel()
	name := d.key + "/" + strconv.FormatInt(b.first, 10)
	first, err := d.store.Once(ctx, "sent/"+name, sentFor)
	if err != nil {
		return "", 0, fmt.Errorf("noting what is about to be posted: %w", err)
	}
	clean := first || d.clean.has(name)
	if !clean {
		if ts, told, err = d.earlier(ctx, channel, thread, b); err != nil || ts != "" {
			return ts, min(told, b.last), err
		}
		m = m.Again()
	}
	ts, err = d.api.post(ctx, channel, thread, m, markOf(d.key, b.first, b.last))
	d.clean.set(name, clean && err != nil && !mayHaveHappened(err))
	return ts, b.last, d.helpful(err)
}

// earlier finds the message of a post whose answer was lost, and the last row
// it tells; "" when it is not there, or when we may not look.
func (d *delivery) earlier(ctx context.Context, channel, thread string, b batch) (ts string, told int64, err error) {
	if !d.config.History {
		return "", 0, nil
	}
	ts, told, err = d.api.find(ctx, channel, thread, markOf(d.key, b.first, b.last))
	if codeOf(err) == "missing_scope" {
		d.config.Log.Warn("looking up a lost post: the history scope is configured and not granted", "error", err)
		return "", 0, nil
	}
	return ts, told, err
}

// markOf names the rows that a message tells.
func markOf(key string, first, last int64) slack.SlackMetadata {
	return slack.SlackMetadata{EventType: metadataType, EventPayload: map[string]any{
		"key": key, "first": strconv.FormatInt(first, 10), "seq": strconv.FormatInt(last, 10),
	}}
}
