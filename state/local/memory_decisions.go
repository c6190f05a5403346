package local

import (
	"bytes"
	"context"
	"fmt"

	"rekey/state"
)

// Decide implements [state.Decisions].
func (m *Memory) Decide(ctx context.Context, key, name string, body []byte) error {
	if err := usable(ctx, key, name); err != nil {
		return fmt.Errorf("storing a decision: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[key]
	if e == nil || !e.open() {
		return fmt.Errorf("storing a decision about %s: %w", key, state.ErrNotFound)
	}
	if err := m.keptLocked(op{Do: opDecide, Key: key, Name: name, Body: body}); err != nil {
		return fmt.Errorf("storing a decision about %s: %w", key, err)
	}
	e.decided[name] = bytes.Clone(body)
	return nil
}

// Decisions implements [state.Decisions]. A record without any has none.
func (m *Memory) Decisions(ctx context.Context, key string) (map[string][]byte, error) {
	if err := usable(ctx, key); err != nil {
		return nil, fmt.Errorf("reading decisions: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	all := make(map[string][]byte)
	if e := m.records[key]; e != nil {
		for name, body := range e.decided {
			all[name] = bytes.Clone(body)
		}
	}
	return all, nil
}

// Decided implements [state.Decisions].
func (m *Memory) Decided(ctx context.Context) ([]string, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listing what was decided: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var keys []string
	decided := func(e *entry) bool { return e.open() && len(e.decided) > 0 }
	for _, e := range m.orderedLocked(decided, func(e *entry) int64 { return e.created }) {
		keys = append(keys, e.key)
	}
	return keys, nil
}
