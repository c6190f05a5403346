package local

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"rekey/state"
)

// Open implements [state.Lists].
func (m *Memory) Open(ctx context.Context) ([]state.Record, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listing open records: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return recordsOf(m.orderedLocked((*entry).open, func(e *entry) int64 { return e.created })), nil
}

// Closed implements [state.Lists].
func (m *Memory) Closed(ctx context.Context, limit int) ([]state.Record, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listing closed records: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	lastFirst := m.orderedLocked(func(e *entry) bool { return !e.open() }, func(e *entry) int64 { return -e.closed })
	return recordsOf(head(lastFirst, limit)), nil
}

func recordsOf(entries []*entry) []state.Record {
	var all []state.Record
	for _, e := range entries {
		all = append(all, e.record())
	}
	return all
}

// Events implements [state.Lists]. A record that does not exist has an empty
// journal.
func (m *Memory) Events(ctx context.Context, key string, after int64, limit int) ([]state.Event, error) {
	if err := usable(ctx, key); err != nil {
		return nil, fmt.Errorf("reading a journal: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil {
		return nil, nil
	}
	from := min(max(after, 0), int64(len(e.journal)))
	var events []state.Event
	for _, ev := range head(e.journal[from:], limit) {
		ev.Body = bytes.Clone(ev.Body)
		events = append(events, ev)
	}
	return events, nil
}

// Due implements [state.Timers].
func (m *Memory) Due(ctx context.Context, now time.Time, limit int) (keys []string, next time.Time, err error) {
	if err := usable(ctx); err != nil {
		return nil, time.Time{}, fmt.Errorf("listing timers: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	set := func(e *entry) bool { return !e.timer.IsZero() }
	for _, e := range m.orderedLocked(set, func(e *entry) int64 { return e.timer.UnixMilli() }) {
		if e.timer.After(now) {
			return keys, e.timer, nil
		}
		if len(keys) < limit {
			keys = append(keys, e.key)
		}
	}
	return keys, time.Time{}, nil
}
