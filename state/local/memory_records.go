package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/state"
)

// entry is a record with all that hangs on it. A change of it happens under
// one lock, which is what makes a commit indivisible.
type entry struct {
	key      string
	body     []byte
	revision int64
	timer    time.Time // whole milliseconds; zero for none
	by       token     // the lease of the last commit; none after the creation
	created  int64     // ticket
	closed   int64     // ticket; 0 while the record is open
	slots    []string
	journal  []state.Event // event n is at index n-1
	rows     []row         // not delivered yet, in order
	refs     map[string]string
	decided  map[string][]byte
	bad      error // as if it could not be read; nil for a whole one
}

func (e *entry) open() bool { return e.closed == 0 }

// record is what callers get: a copy, because a real store's answer is one.
func (e *entry) record() state.Record {
	if e.bad != nil {
		return state.Record{Key: e.key, Bad: e.bad}
	}
	return state.Record{Key: e.key, Body: bytes.Clone(e.body), Revision: e.revision, Open: e.open(), Timer: e.timer}
}

// Create implements [state.Store]. A creation sent again finds itself
// (ErrExists), not its own slots.
func (m *Memory) Create(ctx context.Context, c state.Creation) error {
	if err := checkCreation(ctx, c); err != nil {
		return fmt.Errorf("creating a record: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[c.Key] != nil {
		return fmt.Errorf("creating %s: %w", c.Key, state.ErrExists)
	}
	for _, slot := range c.Slots {
		if holder, taken := m.slots[slot]; taken {
			return fmt.Errorf("creating %s: %w", c.Key, &state.SlotError{Slot: slot, Holder: holder})
		}
	}
	if err := m.keptLocked(op{Do: opCreate, Key: c.Key, Slots: c.Slots, Change: changeOf(c.Change)}); err != nil {
		return fmt.Errorf("creating %s: %w", c.Key, err)
	}
	m.createLocked(c)
	return nil
}

func (m *Memory) createLocked(c state.Creation) {
	for _, slot := range c.Slots {
		m.slots[slot] = c.Key
	}
	e := &entry{key: c.Key, created: m.ticketLocked(), slots: slices.Clone(c.Slots), refs: make(map[string]string), decided: make(map[string][]byte)}
	m.records[c.Key] = e
	m.applyLocked(e, c.Change)
}

func checkCreation(ctx context.Context, c state.Creation) error {
	if c.Close || c.Release || c.Extend != 0 || c.Hint != "" {
		return errors.New("a creation cannot close, leaves no hint, and has no lease to extend or to release")
	}
	return usable(ctx, append([]string{c.Key}, c.Slots...)...)
}

// Load implements [state.Store].
func (m *Memory) Load(ctx context.Context, key string) (state.Record, error) {
	if err := usable(ctx, key); err != nil {
		return state.Record{}, fmt.Errorf("loading a record: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil {
		return state.Record{}, fmt.Errorf("loading %s: %w", key, state.ErrNotFound)
	}
	if e.bad != nil {
		return state.Record{}, fmt.Errorf("loading %s: %w", key, e.bad)
	}
	return e.record(), nil
}

// Commit implements [state.Store]. It returns ErrNotFound when there is no
// record; a closed record takes further commits, but no timer.
func (m *Memory) Commit(ctx context.Context, l state.Lease, revision int64, c state.Change) (int64, error) {
	err := checkCommit(ctx, l, revision, c)
	if err == nil && m.Fail != nil {
		err = m.Fail(l.Key, c)
	}
	if err != nil {
		return 0, fmt.Errorf("committing a change: %w", err)
	}
	if c.Close {
		c.Timer = time.Time{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, err := m.changeableLocked(l, revision, c)
	if err != nil {
		return 0, fmt.Errorf("committing revision %d of %s: %w", revision+1, l.Key, err)
	}
	if err := m.keptLocked(op{Do: opCommit, Key: l.Key, Name: l.Owner, Number: l.Fence, Change: changeOf(c)}); err != nil {
		return 0, fmt.Errorf("committing revision %d of %s: %w", revision+1, l.Key, err)
	}
	e.by = tokenOf(l)
	m.applyLocked(e, c)
	m.keepLocked(l, c)
	return e.revision, nil
}

func checkCommit(ctx context.Context, l state.Lease, revision int64, c state.Change) error {
	if revision < 1 {
		return fmt.Errorf("revision %d: the first is 1", revision)
	}
	if c.Extend != 0 {
		if err := long(c.Extend); err != nil {
			return err
		}
	}
	return checkLease(ctx, l)
}

// changeableLocked returns the record a change may be applied to. The lease
// comes first: who has lost it learns that before anything else. The one
// exception is a commit sent again after it had arrived and given its lease
// up; the record remembers whose it was.
func (m *Memory) changeableLocked(l state.Lease, revision int64, c state.Change) (*entry, error) {
	e := m.records[l.Key]
	switch held := m.heldLocked(l); {
	case !held && e != nil && e.revision == revision+1 && e.by == tokenOf(l):
		return nil, state.ErrConflict
	case !held:
		return nil, state.ErrLost
	case e == nil:
		return nil, state.ErrNotFound
	case e.revision != revision:
		return nil, state.ErrConflict
	case !e.open() && !c.Timer.IsZero():
		return nil, errors.New("a closed record takes no timer")
	}
	return e, nil
}

// applyLocked changes a record that was found changeable. Nothing in it fails.
func (m *Memory) applyLocked(e *entry, c state.Change) {
	before := e.timer
	e.body, e.timer = bytes.Clone(c.Body), stored(c.Timer)
	e.revision++
	posted := m.appendLocked(e, c.Events)
	if c.Hint != "" {
		m.hints[c.Hint] = m.ticketLocked()
		posted = true
	}
	if c.Close && e.open() {
		e.closed = m.ticketLocked()
		clear(e.decided)
		for _, slot := range e.slots {
			delete(m.slots, slot)
		}
	}
	if !e.timer.IsZero() && (before.IsZero() || e.timer.Before(before)) {
		m.wakes.signal()
	}
	if posted {
		m.news.signal()
	}
}

// appendLocked writes events into the journal, and those that want it into
// the outbox. It reports whether any did.
func (m *Memory) appendLocked(e *entry, events []state.Event) (posted bool) {
	for _, ev := range events {
		ev.Seq, ev.Body = int64(len(e.journal))+1, bytes.Clone(ev.Body)
		e.journal = append(e.journal, ev)
		if ev.Post {
			e.rows = append(e.rows, row{seq: ev.Seq, since: m.ticketLocked()})
			posted = true
		}
	}
	return posted
}

// stored is a time as a store keeps it: whole milliseconds, rounded down.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return time.UnixMilli(t.UnixMilli())
}
