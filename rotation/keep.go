package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/state"
)

// keeper renews a lease while an act runs. The act's context ends when the
// lease can no longer be trusted, so that the act stops before another holder
// starts. Most acts are short: until a third of the lease is over, keeping it
// costs a timer and no goroutine.
type keeper struct {
	store state.Leases
	ttl   time.Duration
}

// during runs act with the lease kept alive and returns the lease as last
// renewed. When the lease was lost the error says so, whatever act returned.
func (k keeper) during(ctx context.Context, l state.Lease, act func(context.Context) error) (state.Lease, error) {
	actCtx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	kept := make(chan state.Lease, 1)
	done := make(chan struct{})
	first := time.AfterFunc(k.ttl/3, func() {
		held := l
		defer func() { kept <- held }()
		for k.renewed(actCtx, &held) && k.waited(actCtx, done) {
		}
		if actCtx.Err() == nil && !closed(done) {
			stop(state.ErrLost)
		}
	})
	err := act(actCtx)
	close(done)
	last := l
	if !first.Stop() {
		last = <-kept
	}
	if context.Cause(actCtx) == state.ErrLost || time.Now().After(last.Until) { //nolint:errorlint // the cause is the very value set above
		return last, fmt.Errorf("keeping the lease of %s: %w", l.Key, state.ErrLost)
	}
	return last, err
}

// waited reports that a third of the lease has passed and the act still runs.
func (k keeper) waited(ctx context.Context, done <-chan struct{}) bool {
	wait := time.NewTimer(k.ttl / 3)
	defer wait.Stop()
	select {
	case <-done:
		return false
	case <-ctx.Done():
		return false
	case <-wait.C:
		return true
	}
}

// renewed renews the lease. It returns false when that could not be confirmed
// in time.
func (k keeper) renewed(ctx context.Context, held *state.Lease) bool {
	// One more try after a failed one still fits before Until.
	renewCtx, cancel := context.WithDeadline(ctx, held.Until.Add(-k.ttl/6))
	defer cancel()
	for renewCtx.Err() == nil {
		l, err := k.store.Renew(renewCtx, *held, k.ttl)
		if err == nil {
			*held = l
			return true
		}
		if lost(err) || !pause(renewCtx, k.ttl/12) {
			break
		}
	}
	return false
}

func closed(done <-chan struct{}) bool {
	select {
	case <-done:
		return true
	default:
		return false
	}
}

// pause waits, and reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
