package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"rekey/state"
)

// Target is where a journal is brought.
type Target interface {
	state.Store
	state.Leases
	Events(ctx context.Context, key string, after int64, limit int) ([]state.Event, error)
	state.Refs
	state.Decisions
	state.Onces
	Delivered(ctx context.Context, l state.Lease, key string, seq int64, refs map[string]string) error
}

// ErrOther is returned for a record that the target has under the same key, and
// with another history.
var ErrOther = errors.New("there is a record of that key already, and it is another one")

const (
	eventsAtOnce = 100 // in one commit
	copyLease    = 30 * time.Second
	copier       = "import-journal"
)

// item is a record with all that hangs on it.
type item struct {
	state.Record
	slots   []string
	events  []state.Event // Post says that it waits to be told
	refs    map[string]string
	decided map[string][]byte
}

// items are the wanted records in the order of their making.
func (m *Memory) items(want func(key string) bool) []item {
	m.mu.Lock()
	defer m.mu.Unlock()
	var all []item
	for _, e := range m.orderedLocked(func(e *entry) bool { return want(e.key) }, func(e *entry) int64 { return e.created }) {
		i := item{Record: e.record(), slots: slices.Clone(e.slots), refs: maps.Clone(e.refs), decided: maps.Clone(e.decided)}
		for _, ev := range e.journal {
			ev.Post = slices.ContainsFunc(e.rows, func(r row) bool { return r.seq == ev.Seq })
			i.events = append(i.events, ev)
		}
		all = append(all, i)
	}
	return all
}

// CopyTo brings the wanted records into another store: journals, what waits to be
// told, messages and decisions, and first of all what was done once: a post whose
// answer was lost is not sent there as if it had never been. It goes on where an
// earlier try ended, and leaves what has gone on there since. It returns the keys
// that are whole there.
func (j *Journal) CopyTo(ctx context.Context, to Target, want func(key string) bool) (done []string, err error) {
	for thing, left := range j.lasting() {
		if _, err := to.Once(ctx, thing, left); err != nil {
			return nil, fmt.Errorf("copying that %s was done: %w", thing, err)
		}
	}
	var faults []error
	for _, i := range j.items(want) {
		if err := i.copyTo(ctx, to); err != nil {
			faults = append(faults, fmt.Errorf("copying %s: %w", i.Key, err))
			continue
		}
		done = append(done, i.Key)
	}
	return done, errors.Join(faults...)
}

// lasting are the things done once, and for how long they are still remembered.
func (m *Memory) lasting() map[string]time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string]time.Duration)
	for thing, until := range m.onces {
		if left := until.Sub(m.nowLocked()); left > 0 {
			all[thing] = left
		}
	}
	return all
}

func (i item) copyTo(ctx context.Context, to Target) error {
	there, err := to.Load(ctx, i.Key)
	if errors.Is(err, state.ErrNotFound) {
		if err := i.create(ctx, to); err != nil {
			return err
		}
		there, err = to.Load(ctx, i.Key)
	}
	if err != nil {
		return err
	}
	arrived, err := i.arrived(ctx, to)
	if err != nil {
		return err
	}
	if arrived > len(i.events) || arrived == len(i.events) && i.whole(there) {
		return nil // it is there, and may have gone on
	}
	if !there.Open {
		return ErrOther
	}
	return i.finish(ctx, to, there.Revision, arrived)
}

// whole reports that a record with all events lacks nothing else: it is over, or
// will be woken as ours would.
func (i item) whole(there state.Record) bool {
	if !i.Open {
		return !there.Open
	}
	return there.Open && (i.Timer.IsZero() || !there.Timer.IsZero())
}

// create makes a record that nobody drives yet: its timer comes last. A finished
// one takes no slot from anybody.
func (i item) create(ctx context.Context, to Target) error {
	c := state.Creation{Key: i.Key, Change: state.Change{Body: i.Body, Events: i.events[:min(len(i.events), eventsAtOnce)]}}
	if i.Open {
		c.Slots = i.slots
	}
	return to.Create(ctx, c)
}

// arrived counts the events that are there, which must be ours; one more than
// ours where the record has gone on there.
func (i item) arrived(ctx context.Context, to Target) (int, error) {
	n := 0
	for n <= len(i.events) {
		there, err := to.Events(ctx, i.Key, int64(n), eventsAtOnce)
		if err != nil || len(there) == 0 {
			return n, err
		}
		for _, e := range there {
			if n < len(i.events) && !bytes.Equal(e.Body, i.events[n].Body) {
				return n, ErrOther
			}
			n++
		}
	}
	return n, nil
}

// finish brings what is missing, and last the timer, or the end.
func (i item) finish(ctx context.Context, to Target, revision int64, arrived int) error {
	if err := i.hang(ctx, to); err != nil {
		return err
	}
	l, err := to.Claim(ctx, i.Key, copier, copyLease)
	if err != nil {
		return err
	}
	for last := false; !last; {
		next := i.events[arrived:min(len(i.events), arrived+eventsAtOnce)]
		arrived += len(next)
		c := state.Change{Body: i.Body, Events: next}
		if last = arrived == len(i.events); last {
			c.Close, c.Release = !i.Open, true
			if i.Open {
				c.Timer = i.Timer
			}
		}
		if revision, err = to.Commit(ctx, l, revision, c); err != nil {
			return err
		}
	}
	return nil
}

// hang brings messages and decisions.
func (i item) hang(ctx context.Context, to Target) error {
	if len(i.refs) > 0 {
		l, err := to.Claim(ctx, "post/"+i.Key, copier, copyLease)
		if err != nil {
			return err
		}
		if err := errors.Join(to.Delivered(ctx, l, i.Key, 0, i.refs), to.Release(ctx, l)); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(i.decided)) {
		if err := to.Decide(ctx, i.Key, name, i.decided[name]); err != nil {
			return err
		}
	}
	return nil
}
