package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"rekey/state"
)

// token is a lease as it is stored. The owner is part of it: should a fence
// ever be given out twice, by a server that lost its data and its clock, two
// replicas still do not pass for each other.
func token(l state.Lease) string { return strconv.FormatInt(l.Fence, 10) + " " + l.Owner }

func checkLease(l state.Lease) error {
	if l.Fence < 1 {
		return fmt.Errorf("a lease with fence %d was never claimed", l.Fence)
	}
	if err := checkNames("key", l.Key); err != nil {
		return err
	}
	return checkNames("owner", l.Owner)
}

// Claim implements [state.Leases]. It also refuses the owner who holds the
// lease already: two goroutines of one replica are two holders. A claim whose
// answer was lost therefore stands in its own way until it runs out.
func (s *Store) Claim(ctx context.Context, k, owner string, ttl time.Duration) (state.Lease, error) {
	l := state.Lease{Key: k, Owner: owner, Fence: 1}
	if err := checkLeaseFor(l, ttl); err != nil {
		return state.Lease{}, fmt.Errorf("claiming a lease: %w", err)
	}
	l.Until = until(ttl)
	keys := []key{s.keys.lease(k), s.keys.tickets()}
	got, err := s.run(ctx, claimScript, keys, owner, ttl.Milliseconds())
	if err != nil {
		return state.Lease{}, fmt.Errorf("claiming %s: %w", k, err)
	}
	if len(got) != 1 {
		return state.Lease{}, fmt.Errorf("claiming %s: the script answered no fence", k)
	}
	if l.Fence, err = number(got[0]); err != nil {
		return state.Lease{}, fmt.Errorf("claiming %s: %w", k, badData(s.keys.tickets().name, "not a number"))
	}
	return l, nil
}

// Renew implements [state.Leases].
func (s *Store) Renew(ctx context.Context, l state.Lease, ttl time.Duration) (state.Lease, error) {
	if err := checkLeaseFor(l, ttl); err != nil {
		return state.Lease{}, fmt.Errorf("renewing a lease: %w", err)
	}
	l.Until = until(ttl)
	if _, err := s.run(ctx, renewScript, []key{s.keys.lease(l.Key)}, token(l), ttl.Milliseconds()); err != nil {
		return state.Lease{}, fmt.Errorf("renewing the lease of %s: %w", l.Key, err)
	}
	return l, nil
}

// Release implements [state.Leases].
func (s *Store) Release(ctx context.Context, l state.Lease) error {
	if err := checkLease(l); err != nil {
		return fmt.Errorf("releasing a lease: %w", err)
	}
	_, err := s.run(ctx, renewScript, []key{s.keys.lease(l.Key)}, token(l), 0)
	if err != nil && !isLost(err) {
		return fmt.Errorf("releasing the lease of %s: %w", l.Key, err)
	}
	return nil
}

func checkLeaseFor(l state.Lease, ttl time.Duration) error {
	if err := checkTTL(ttl); err != nil {
		return err
	}
	return checkLease(l)
}

// until is when a lease asked for now ends at the earliest. The server starts
// counting when the request arrives, which is later, and counts whole
// milliseconds.
func until(ttl time.Duration) time.Time { return time.Now().Add(ttl.Truncate(time.Millisecond)) }
