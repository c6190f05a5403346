package local

import (
	"context"
	"fmt"
	"time"

	"rekey/state"
)

// token is what a holder must show: the fence alone would do, but the owner
// makes a forged lease of a test fail as it would at a real store.
type token struct {
	fence int64
	owner string
}

// lease is who holds a key, and until when by the store's own clock.
type lease struct {
	token
	until time.Time
}

func tokenOf(l state.Lease) token { return token{l.Fence, l.Owner} }

// checkLease refuses what was never claimed: a programming error, and not the
// same as a lease that was lost.
func checkLease(ctx context.Context, l state.Lease) error {
	if err := usable(ctx, l.Key, l.Owner); err != nil {
		return err
	}
	if l.Fence < 1 {
		return fmt.Errorf("a lease with fence %d was never claimed", l.Fence)
	}
	return nil
}

func checkLeaseFor(ctx context.Context, l state.Lease, ttl time.Duration) error {
	if err := long(ttl); err != nil {
		return err
	}
	return checkLease(ctx, l)
}

// Claim implements [state.Leases]. It also refuses the owner who holds the
// lease already: two goroutines of one replica are two holders.
func (m *Memory) Claim(ctx context.Context, key, owner string, ttl time.Duration) (state.Lease, error) {
	l := state.Lease{Key: key, Owner: owner, Fence: 1}
	if err := checkLeaseFor(ctx, l, ttl); err != nil {
		return state.Lease{}, fmt.Errorf("claiming a lease: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if held, ok := m.leases[key]; ok && m.nowLocked().Before(held.until) {
		return state.Lease{}, fmt.Errorf("claiming %s: %w: %s", key, state.ErrHeld, held.owner)
	}
	l.Fence = m.ticketLocked()
	return m.holdLocked(l, ttl), nil
}

// Renew implements [state.Leases].
func (m *Memory) Renew(ctx context.Context, l state.Lease, ttl time.Duration) (state.Lease, error) {
	if err := checkLeaseFor(ctx, l, ttl); err != nil {
		return state.Lease{}, fmt.Errorf("renewing a lease: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.heldLocked(l) {
		return state.Lease{}, fmt.Errorf("renewing the lease of %s: %w", l.Key, state.ErrLost)
	}
	return m.holdLocked(l, ttl), nil
}

// Release implements [state.Leases].
func (m *Memory) Release(ctx context.Context, l state.Lease) error {
	if err := checkLease(ctx, l); err != nil {
		return fmt.Errorf("releasing a lease: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.heldLocked(l) {
		delete(m.leases, l.Key)
	}
	return nil
}

// heldLocked reports whether the lease is still the one that counts.
func (m *Memory) heldLocked(l state.Lease) bool {
	held, ok := m.leases[l.Key]
	return ok && held.token == tokenOf(l) && m.nowLocked().Before(held.until)
}

// holdLocked gives a lease its length from now on. The holder is told the end
// by its own clock, the store goes by its own.
func (m *Memory) holdLocked(l state.Lease, ttl time.Duration) state.Lease {
	m.leases[l.Key] = lease{tokenOf(l), m.lastingLocked(ttl)}
	l.Until = time.Now().Add(ttl)
	return l
}

// keepLocked does to the lease what a commit under it asked for. Giving it up
// wins over extending it.
func (m *Memory) keepLocked(l state.Lease, c state.Change) {
	switch {
	case c.Release:
		delete(m.leases, l.Key)
	case c.Extend > 0:
		m.holdLocked(l, c.Extend)
	}
}
