package statetest

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
