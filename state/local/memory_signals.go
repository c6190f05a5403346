package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/state"
)

// listeners are the channels of those who want to hear of something. They are
// used under the store's lock.
type listeners map[chan struct{}]bool

// signal leaves each a signal, unless one is waiting to be taken.
func (l listeners) signal() {
	for signals := range l {
		select {
		case signals <- struct{}{}:
		default:
		}
	}
}

// Wakes implements [state.Timers]. Signals that nobody took yet are merged
// into one.
func (m *Memory) Wakes(ctx context.Context) (<-chan struct{}, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listening for wake-ups: %w", err)
	}
	return m.listen(ctx, m.wakes), nil
}

// News implements [state.News], as Wakes does.
func (m *Memory) News(ctx context.Context) (<-chan struct{}, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listening for news: %w", err)
	}
	return m.listen(ctx, m.news), nil
}

func (m *Memory) listen(ctx context.Context, among listeners) <-chan struct{} {
	signals := make(chan struct{}, 1)
	signals <- struct{}{} // something may have been missed before
	m.mu.Lock()
	among[signals] = true
	m.mu.Unlock()
	context.AfterFunc(ctx, func() {
		m.mu.Lock()
		defer m.mu.Unlock()
		delete(among, signals) // before closing, and under the lock: nobody sends any more
		close(signals)
	})
	return signals
}

// Hint implements [state.Hints]. One left again goes behind the others.
func (m *Memory) Hint(ctx context.Context, hint string) error {
	if err := usable(ctx, hint); err != nil {
		return fmt.Errorf("leaving a hint: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.keptLocked(op{Do: opHint, Name: hint}); err != nil {
		return fmt.Errorf("leaving a hint: %w", err)
	}
	m.hints[hint] = m.ticketLocked()
	m.news.signal()
	return nil
}

// Hints implements [state.Hints]; the one left the longest ago comes first.
func (m *Memory) Hints(ctx context.Context, after int64, limit int) ([]state.Hint, error) {
	if err := usable(ctx); err != nil {
		return nil, fmt.Errorf("listing hints: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	var hints []state.Hint
	for name, mark := range m.hints {
		if mark > after {
			hints = append(hints, state.Hint{Name: name, Mark: mark})
		}
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
	if m.hints[h.Name] != h.Mark {
		return nil
	}
	if err := m.keptLocked(op{Do: opSettle, Name: h.Name}); err != nil {
		return fmt.Errorf("settling a hint: %w", err)
	}
	delete(m.hints, h.Name)
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
	until := m.lastingLocked(ttl)
	if err := m.keptLocked(op{Do: opOnce, Name: thing, Until: until}); err != nil {
		return false, fmt.Errorf("doing something once: %w", err)
	}
	m.onces[thing] = until
	return true, nil
}
