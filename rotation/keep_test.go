package rotation

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"rekey/state"
	"rekey/state/statetest"
)

// renewalCount counts the renewals that arrive.
type renewalCount struct {
	state.Leases
	renewals *int
}

func (c renewalCount) Renew(ctx context.Context, l state.Lease, ttl time.Duration) (state.Lease, error) {
	*c.renewals++
	return c.Leases.Renew(ctx, l, ttl)
}

// TestKeeping: a lease is renewed each third of its length, so a short act
// costs the store nothing, and a long one never lets it run out.
func TestKeeping(t *testing.T) {
	const ttl = 12 * time.Second
	for _, act := range []struct {
		takes    time.Duration
		renewals int
	}{
		{0, 0},
		{ttl/3 - time.Nanosecond, 0},
		{ttl/3 + time.Nanosecond, 1},
		{ttl + time.Nanosecond, 3},
		{10*ttl + time.Nanosecond, 30},
	} {
		synctest.Test(t, func(t *testing.T) {
			store, renewals := statetest.NewMemory(), 0
			k := keeper{renewalCount{store, &renewals}, ttl}
			l, err := store.Claim(t.Context(), "rotation/x", "one", ttl)
			if err != nil {
				t.Fatal(err)
			}
			l, err = k.during(t.Context(), l, func(ctx context.Context) error {
				if !pause(ctx, act.takes) {
					t.Errorf("an act of %s was ended: %v", act.takes, context.Cause(ctx))
				}
				return nil
			})
			if err != nil || renewals != act.renewals {
				t.Errorf("an act of %s took %d renewals, want %d; %v", act.takes, renewals, act.renewals, err)
			}
			if _, err := store.Renew(t.Context(), l, ttl); err != nil {
				t.Errorf("after an act of %s: %v", act.takes, err)
			}
		})
	}
}

// TestKeepingTooLate: a process that was stopped in the middle of a short act,
// longer than the lease, finds its lease over although nobody has told it.
func TestKeepingTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := statetest.NewMemory()
		l, err := store.Claim(t.Context(), "rotation/x", "one", time.Second)
		if err != nil {
			t.Fatal(err)
		}
		// A keeper of a longer lease does not renew in time, as one that
		// was not scheduled would not.
		_, err = keeper{store, time.Hour}.during(t.Context(), l, func(ctx context.Context) error {
			pause(ctx, 2*time.Second)
			return nil
		})
		if !lost(err) {
			t.Errorf("the act ended with %v", err)
		}
	})
}
