package statetest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"rekey/state"
)

// Memory is a store in the process's memory that keeps the contract, for
// tests of what stands above it: it has no sockets, so it can live in a
// testing/synctest bubble, and it can be told to fail.
type Memory struct {
	// Fail, when set, is asked before every commit; an error fails it.
	Fail func(key string, c state.Change) error

	mu      sync.Mutex
	records map[string]*entry
	order   []string // keys, oldest first
	closed  []string // keys, last closed first
	slots   map[string]string
	leases  map[string]state.Lease
	fence   int64
	hints   []state.Hint
	onces   map[string]time.Time
	wakes   []chan struct{}
}

type entry struct {
	state.Record
	events []state.Event
	outbox []state.Row
	slots  []string
	refs   map[string]string
}

var errNoLength = errors.New("a lease needs a length")

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{records: make(map[string]*entry), slots: make(map[string]string), leases: make(map[string]state.Lease), onces: make(map[string]time.Time)}
}

// Create implements [state.Store].
func (m *Memory) Create(_ context.Context, c state.Creation) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records[c.Key] != nil {
		return state.ErrExists
	}
	for _, slot := range c.Slots {
		if holder := m.slots[slot]; holder != "" {
			return &state.SlotError{Slot: slot, Holder: holder}
		}
	}
	for _, slot := range c.Slots {
		m.slots[slot] = c.Key
	}
	e := &entry{Record: state.Record{Key: c.Key, Open: true}, slots: c.Slots, refs: make(map[string]string)}
	m.records[c.Key] = e
	m.order = append(m.order, c.Key)
	m.applyLocked(e, c.Change)
	return nil
}

// Load implements [state.Store].
func (m *Memory) Load(_ context.Context, key string) (state.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil {
		return state.Record{}, state.ErrNotFound
	}
	return e.copy(), nil
}

func (e *entry) copy() state.Record {
	r := e.Record
	r.Body = slices.Clone(r.Body)
	return r
}

// Commit implements [state.Store].
func (m *Memory) Commit(ctx context.Context, l state.Lease, revision int64, c state.Change) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if m.Fail != nil {
		if err := m.Fail(l.Key, c); err != nil {
			return 0, err
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[l.Key]
	switch {
	case e == nil:
		return 0, state.ErrNotFound
	case e.Revision != revision:
		return 0, state.ErrConflict
	case !m.heldLocked(l):
		return 0, state.ErrLost
	}
	m.applyLocked(e, c)
	if c.Extend > 0 {
		l.Until = time.Now().Add(c.Extend)
		m.leases[l.Key] = l
	}
	if c.Release {
		delete(m.leases, l.Key)
	}
	return e.Revision, nil
}

func (m *Memory) applyLocked(e *entry, c state.Change) {
	e.Body, e.Timer = slices.Clone(c.Body), c.Timer.Truncate(time.Millisecond)
	e.Revision++
	if !e.Open {
		e.Timer = time.Time{}
	}
	for _, ev := range c.Events {
		ev.Seq = int64(len(e.events)) + 1
		e.events = append(e.events, ev)
		if ev.Post {
			e.outbox = append(e.outbox, state.Row{Seq: ev.Seq, Body: ev.Body})
		}
	}
	if c.Close && e.Open {
		e.Open, e.Timer = false, time.Time{}
		for _, slot := range e.slots {
			delete(m.slots, slot)
		}
		m.closed = slices.Insert(m.closed, 0, e.Key)
	}
	m.wakeLocked()
}

func (m *Memory) wakeLocked() {
	for _, w := range m.wakes {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (m *Memory) heldLocked(l state.Lease) bool {
	held, ok := m.leases[l.Key]
	return ok && held.Fence == l.Fence && time.Now().Before(held.Until)
}

// Claim implements [state.Leases].
func (m *Memory) Claim(_ context.Context, key, owner string, ttl time.Duration) (state.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if ttl <= 0 {
		return state.Lease{}, errNoLength
	}
	if held, ok := m.leases[key]; ok && time.Now().Before(held.Until) {
		return state.Lease{}, state.ErrHeld
	}
	m.fence++
	l := state.Lease{Key: key, Owner: owner, Fence: m.fence, Until: time.Now().Add(ttl)}
	m.leases[key] = l
	return l, nil
}

// Renew implements [state.Leases].
func (m *Memory) Renew(_ context.Context, l state.Lease, ttl time.Duration) (state.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.heldLocked(l) {
		return state.Lease{}, state.ErrLost
	}
	l.Until = time.Now().Add(ttl)
	m.leases[l.Key] = l
	return l, nil
}

// Release implements [state.Leases].
func (m *Memory) Release(_ context.Context, l state.Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heldLocked(l) {
		delete(m.leases, l.Key)
	}
	return nil
}

// Open implements [state.Lists].
func (m *Memory) Open(context.Context) ([]state.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var open []state.Record
	for _, key := range m.order {
		if e := m.records[key]; e.Open {
			open = append(open, e.copy())
		}
	}
	return open, nil
}

// Closed implements [state.Lists].
func (m *Memory) Closed(_ context.Context, limit int) ([]state.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var closed []state.Record
	for _, key := range head(m.closed, limit) {
		closed = append(closed, m.records[key].copy())
	}
	return closed, nil
}

// Events implements [state.Lists].
func (m *Memory) Events(_ context.Context, key string, after int64, limit int) ([]state.Event, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil {
		return nil, state.ErrNotFound
	}
	from := min(max(int(after), 0), len(e.events))
	return slices.Clone(head(e.events[from:], limit)), nil
}

// Due implements [state.Timers].
func (m *Memory) Due(_ context.Context, now time.Time, limit int) (keys []string, next time.Time, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range m.order {
		switch t := m.records[key].Timer; {
		case t.IsZero():
		case !t.After(now) && len(keys) < limit:
			keys = append(keys, key)
		case t.After(now) && (next.IsZero() || t.Before(next)):
			next = t
		}
	}
	slices.SortStableFunc(keys, func(a, b string) int { return m.records[a].Timer.Compare(m.records[b].Timer) })
	return keys, next, nil
}

// Wakes implements [state.Timers].
func (m *Memory) Wakes(ctx context.Context) (<-chan struct{}, error) {
	wakes := make(chan struct{}, 1)
	wakes <- struct{}{}
	m.mu.Lock()
	m.wakes = append(m.wakes, wakes)
	m.mu.Unlock()
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		m.wakes = slices.DeleteFunc(m.wakes, func(w chan struct{}) bool { return w == wakes })
		close(wakes)
	})
	return wakes, nil
}

// Pending implements [state.Outbox].
func (m *Memory) Pending(_ context.Context, limit int) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	for _, key := range m.order {
		if len(m.records[key].outbox) > 0 && len(keys) < limit {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Rows implements [state.Outbox].
func (m *Memory) Rows(_ context.Context, key string, limit int) ([]state.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil {
		return nil, nil
	}
	return slices.Clone(head(e.outbox, limit)), nil
}

// Delivered implements [state.Outbox].
func (m *Memory) Delivered(_ context.Context, l state.Lease, key string, seq int64, refs map[string]string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	switch {
	case !m.heldLocked(l):
		return state.ErrLost
	case e == nil:
		return state.ErrNotFound
	}
	e.outbox = slices.DeleteFunc(e.outbox, func(r state.Row) bool { return r.Seq <= seq })
	for name, ref := range refs {
		e.refs[name] = ref
	}
	return nil
}

// Refs implements [state.Refs].
func (m *Memory) Refs(_ context.Context, key string) (map[string]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	refs := make(map[string]string)
	if e := m.records[key]; e != nil {
		for name, ref := range e.refs {
			refs[name] = ref
		}
	}
	return refs, nil
}

// FindRef implements [state.Refs].
func (m *Memory) FindRef(_ context.Context, ref string) (key, name string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for key, e := range m.records {
		for name, r := range e.refs {
			if r == ref {
				return key, name, nil
			}
		}
	}
	return "", "", state.ErrNotFound
}

// Hint implements [state.Hints].
func (m *Memory) Hint(_ context.Context, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.wakeLocked()
	for i := range m.hints {
		if m.hints[i].Name == name {
			m.hints[i].Mark++
			return nil
		}
	}
	m.hints = append(m.hints, state.Hint{Name: name, Mark: 1})
	return nil
}

// Hints implements [state.Hints].
func (m *Memory) Hints(_ context.Context, limit int) ([]state.Hint, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(head(m.hints, limit)), nil
}

// Settle implements [state.Hints].
func (m *Memory) Settle(_ context.Context, h state.Hint) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hints = slices.DeleteFunc(m.hints, func(have state.Hint) bool { return have == h })
	return nil
}

// Once implements [state.Onces].
func (m *Memory) Once(_ context.Context, name string, ttl time.Duration) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if until, ok := m.onces[name]; ok && time.Now().Before(until) {
		return false, nil
	}
	m.onces[name] = time.Now().Add(ttl)
	return true, nil
}

func head[T any](all []T, limit int) []T { return all[:min(max(limit, 0), len(all))] }
