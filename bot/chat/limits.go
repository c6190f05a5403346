package chat

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits hold one limiter for each method and channel, and the methods that
// Slack asked to leave alone for a while. A 429 blocks only its own method.
type limits struct {
	rates Rates

	mu     sync.Mutex
	by     map[string]*rate.Limiter
	closed map[string]time.Time // by method
}

func newLimits(r Rates) *limits {
	return &limits{rates: r, by: make(map[string]*rate.Limiter), closed: make(map[string]time.Time)}
}

// wait blocks until the method may be called. It returns at once when the
// context would end first.
func (l *limits) wait(ctx context.Context, method, channel string) error {
	limiter, until := l.of(method, channel)
	if pause := time.Until(until); pause > 0 {
		if end, ok := ctx.Deadline(); ok && end.Before(until) {
			return context.DeadlineExceeded
		}
		if !sleep(ctx, pause) {
			return ctx.Err()
		}
	}
	return limiter.Wait(ctx)
}

// spare reports that a method may be called at once, and could be again: what
// only makes a message fresher leaves the rest to what people wait for.
func (l *limits) spare(method string) bool {
	limiter, until := l.of(method, "")
	return time.Until(until) <= 0 && limiter.Tokens() >= float64(limiter.Burst()+1)/2
}

func (l *limits) of(method, channel string) (*rate.Limiter, time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := method + " " + channel
	if l.by[key] == nil {
		l.by[key] = l.fresh(method)
	}
	return l.by[key], l.closed[method]
}

// shut keeps a method closed, as Retry-After asks.
func (l *limits) shut(method string, d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until := time.Now().Add(d); until.After(l.closed[method]) {
		l.closed[method] = until
	}
}

// fresh makes a method's limiter from the tier its page names. A higher rate
// than Slack's own does not raise how many calls Slack takes at once.
func (l *limits) fresh(method string) *rate.Limiter {
	minute := func(calls, slacks float64) *rate.Limiter {
		return rate.NewLimiter(rate.Limit(calls/60), max(1, int(min(calls, slacks)/5)))
	}
	usual := Rates{}.withDefaults()
	switch method {
	case methodPost:
		return rate.NewLimiter(rate.Limit(l.rates.Post), 3)
	case methodGroup:
		return minute(l.rates.Tier2, usual.Tier2)
	case methodUser, methodEphemeral, methodAuth, methodOpen, methodAnnounce, methodBytes, methodComplete:
		return minute(l.rates.Tier4, usual.Tier4)
	default:
		return minute(l.rates.Tier3, usual.Tier3)
	}
}

// sleep waits, and reports false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
