package statetest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/state"
)

// Wakes implements [state.Timers]. Signals that nobody took yet are merged
// into one.
func (m *Memory) Wakes(ctx context.Context) (<-chan struct{}, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listening for wake-ups: %w", err)
	}
	signals := make(chan struct{}, 1)
	signals <- struct{}{} // something may have been missed before
	m.mu.Lock()
	m.wakes[signals] = true
	m.mu.Unlock()
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(m.wakes, signals) // before closing, and under the lock: nobody sends any more
		close(signals)
	})
	return signals, nil
}

func (m *Memory) wakeLocked() {
	for signals := range m.wakes {
		select {
		case signals <- struct{}{}:
		default:
		}
	}
}

// Hint implements [state.Hints]. One left again goes behind the others.
func (m *Memory) Hint(ctx context.Context, hint string) error {
	if err := usable(ctx, hint); err != nil {
		return fmt.Errorf("leaving a hint: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.hints[hint] = m.ticketLocked()
	m.wakeLocked()
	return nil
}

// Hints implements [state.Hints]; the one left the longest ago comes first.
func (m *Memory) Hints(ctx context.Context, limit int) ([]state.Hint, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listing hints: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var hints []state.Hint
	for name, mark := range m.hints {
		hints = append(hints, state.Hint{Name: name, Mark: mark})
	}
	slices.SortFunc(hints, func(a, b state.Hint) int { return cmp.Compare(a.Mark, b.Mark) })
	return head(hints, limit), nil
}

// Settle implements [state.Hints].
func (m *Memory) Settle(ctx context.Context, h state.Hint) error {
	if h.Mark < 1 {
		return errors.New("settling a hint: it has no mark")
	}
	if err := usable(ctx, h.Name); err != nil {
		return fmt.Errorf("settling a hint: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.hints[h.Name] == h.Mark {
		delete(m.hints, h.Name)
	}
	return nil
}

// Once implements [state.Onces].
func (m *Memory) Once(ctx context.Context, thing string, ttl time.Duration) (bool, error) {
	if err := errors.Join(usable(ctx, thing), long(ttl)); err != nil {
		return false, fmt.Errorf("doing something once: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if until, done := m.onces[thing]; done && m.nowLocked().Before(until) {
		return false, nil
	}
	m.onces[thing] = m.lastingLocked(ttl)
	return true, nil
}
