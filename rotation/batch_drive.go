package rotation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey/rotation/event"
	"rekey/state"
)

// batchRun is one holder's work on one batch, from claim to release.
type batchRun struct {
	e     *Engine
	lease state.Lease
	rev   int64
	b     *Batch
	over  bool // the lease was given up with a commit
	shut  bool // it is over, and shown to people all the same
}

// driveBatch looks at a batch and begins what may begin. It is short: what
// takes its time are the rotations, each driven by itself.
func (e *Engine) driveBatch(ctx context.Context, key string) error {
	w, err := e.holdBatch(ctx, key)
	if errors.Is(err, state.ErrHeld) {
		e.nudge(key) // by another replica, which may not have seen what this one did
	}
	if err != nil {
		return err
	}
	defer func() {
		if !w.over {
			e.release(ctx, w.lease)
		}
	}()
	if w.shut {
		return w.afterwards(ctx)
	}
	lease, err := keeper{e.config.Store, e.config.Lease}.during(ctx, w.lease, w.begin)
	if w.lease = lease; err != nil {
		return fmt.Errorf("going on with %s: %w", key, err)
	}
	return w.goOn(ctx)
}

func (e *Engine) holdBatch(ctx context.Context, key string) (*batchRun, error) {
	lease, err := e.config.Store.Claim(ctx, key, e.config.Replica, e.config.Lease)
	if err != nil {
		return nil, fmt.Errorf("claiming %s: %w", key, err)
	}
	w := &batchRun{e: e, lease: lease}
	record, err := e.config.Store.Load(ctx, key)
	if err == nil {
		w.rev = record.Revision
		w.b, err = decodeBatch(key, record.Body)
	}
	if err != nil {
		e.release(ctx, lease)
		return nil, fmt.Errorf("loading %s: %w", key, err)
	}
	w.shut = !record.Open
	return w, nil
}

// afterwards has the message of a batch that is over show what its rotations have
// come to since: people who settle one look there first. Nothing is begun.
func (w *batchRun) afterwards(ctx context.Context) error {
	p, err := w.e.progress(ctx, w.b)
	if err != nil {
		return err
	}
	shown, err := hashOf([]map[string]string{p.facts(), p.roundFacts()})
	if err != nil || shown == w.b.Shown {
		return err
	}
	w.b.Shown = shown
	if at := p.contained(); !at.IsZero() {
		w.b.Contained = at
	}
	return w.commit(ctx, nil, state.Change{Release: true, Hint: BatchHint(w.b.Key())})
}

// begin begins every rotation that may begin now, beside each other.
func (w *batchRun) begin(ctx context.Context) error {
	if w.b.CalledOff {
		return nil
	}
	if err := w.adopt(ctx); err != nil {
		return err
	}
	p, err := w.e.progress(ctx, w.b)
	if err != nil {
		return err
	}
	now, news := time.Now(), false
	var ready []*Member
	for _, part := range p.Parts {
		m := part.Member
		if part.Stand != Waits || now.Before(m.Again) {
			continue
		}
		if why := p.holding(m); why != "" {
			m.Why = why
			continue
		}
		if m.Rotation == "" {
			m.Rotation, news = newID(), true
		}
		ready = append(ready, m)
	}
	if news {
		if err := w.intend(ctx, ready); err != nil {
			return err
		}
	}
	w.enlistAll(ctx, ready)
	return ctx.Err()
}

// intend stores which rotations are about to be begun, and as which.
func (w *batchRun) intend(ctx context.Context, ready []*Member) error {
	facts := make(map[string]string, len(ready))
	for _, m := range ready {
		facts[m.Secret] = m.Rotation
	}
	return w.commit(ctx, []event.Event{{Kind: event.Intent, Facts: facts}}, state.Change{Timer: time.Now().Add(w.e.config.Lease), Extend: w.e.config.Lease})
}

// goOn stores what has come of it, and what people are to be told.
func (w *batchRun) goOn(ctx context.Context) error {
	p, err := w.e.progress(ctx, w.b)
	if err != nil {
		return err
	}
	change, now := state.Change{Release: true}, time.Now()
	shown, err := hashOf([]map[string]string{p.facts(), p.roundFacts()})
	if err != nil {
		return err
	}
	if shown != w.b.Shown {
		w.b.Shown, change.Hint = shown, BatchHint(w.b.Key())
	}
	events, gathered := w.gather(p, now)
	nagged, nag := w.nag(p, now)
	events = append(append(events, nagged...), w.walk(p, now)...)
	if at := p.contained(); !at.IsZero() {
		w.b.Contained = at
	}
	if p.resting() {
		w.b.Ended, change.Close = time.Now(), true
		events = append(events, event.Event{Kind: event.Tabled, Text: p.outcome(), Facts: p.facts()})
	} else {
		change.Timer = sooner(sooner(p.next(now, w.look(p)), gathered), nag)
	}
	return w.commit(ctx, events, change)
}

// walk calls people once to what is to be done in consoles, on one list for all
// secrets. What comes later is a further line of it.
func (w *batchRun) walk(p *Progress, now time.Time) []event.Event {
	open, _ := p.Visits()
	if open == 0 || !w.b.Walked.IsZero() {
		return nil
	}
	w.b.Walked = now
	return []event.Event{{Kind: event.Rounds, Text: "People are needed at consoles; one list tells what is to be done at each.", Facts: p.roundFacts()}}
}

// look is the pause before the next look that nothing calls for. Where people
// are waited for, nothing hurries.
func (w *batchRun) look(p *Progress) time.Duration {
	if p.Count(Moves)+p.Count(Waits) == 0 {
		return max(w.e.config.BatchLook, w.e.config.Retry.Max)
	}
	return w.e.config.BatchLook
}

// next is when a batch is looked at by itself. What its rotations come to is
// told at once where they are driven; this is for what another replica, or a
// person, did.
func (p *Progress) next(now time.Time, look time.Duration) time.Time {
	next := now.Add(look)
	for _, part := range p.Parts {
		if part.Stand == Waits && part.Again.After(now) && part.Again.Before(next) {
			next = part.Again
		}
	}
	return next
}

func (w *batchRun) commit(ctx context.Context, events []event.Event, c state.Change) (err error) {
	if c.Events, err = journalled(events); err != nil {
		return err
	}
	if c.Body, err = encodeBatch(w.b); err != nil {
		return err
	}
	rev, err := w.e.config.Store.Commit(ctx, w.lease, w.rev, c)
	if err != nil && !lost(err) && w.e.stored(ctx, w.b.Key(), w.rev+1, c.Body) {
		rev, err = w.rev+1, nil // its answer was lost
	}
	if err != nil {
		return fmt.Errorf("committing %s: %w: %w", w.b.Key(), errNotStored, err)
	}
	w.rev, w.over = rev, c.Release
	return nil
}

// outcome says in a sentence what a batch came to.
func (p *Progress) outcome() string {
	dead, failed := p.Count(Buried), p.Count(Failed)
	text := fmt.Sprintf("%d of %d old keys are dead.", dead, len(p.Parts))
	switch rest := len(p.Parts) - dead - failed; {
	case dead == len(p.Parts) && p.Secret != "":
		return "The old key of " + p.Whole() + " is dead." + p.allContained()
	case dead == len(p.Parts):
		return fmt.Sprintf("All %d old keys are dead.%s", dead, p.allContained())
	case rest > 0:
		text += fmt.Sprintf(" %d %s for a person.", rest, waits(rest))
	}
	if failed > 0 {
		text += fmt.Sprintf(" Could not be done, so that the old key is not proved dead: %d.", failed)
	}
	return text + p.goesLast()
}

// facts are the table, for the journal.
func (p *Progress) facts() map[string]string {
	facts := make(map[string]string, len(p.Parts))
	for _, part := range p.Parts {
		text := string(part.Stand)
		if !part.Dead.IsZero() {
			text += " at " + part.Dead.UTC().Format(time.RFC3339)
		}
		if part.Why != "" {
			text += ". " + part.Why
		}
		facts[part.Secret] = text
	}
	return facts
}

// nudge has a batch looked at soon because one of its rotations came to
// something. Nothing depends on it: without it that is found with the next look.
func (e *Engine) nudge(batch string) {
	if batch == "" {
		return
	}
	e.mu.Lock()
	e.nudged[batch] = true
	e.mu.Unlock()
	select {
	case e.nudges <- struct{}{}:
	default:
	}
}

// pending are the batches that were nudged.
func (e *Engine) pending() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return sortedKeys(e.nudged)
}

// heeded forgets a nudge before the batch is looked at.
func (e *Engine) heeded(key string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.nudged, key)
}

// stands is what a batch would see of a rotation.
func stands(r *Rotation) string {
	return string(standing(r)) + " " + string(r.State) + " " + r.ContainedAt().String()
}
