package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"rekey/bot/config"
	"rekey/rotation"
)

// announcer announces what is due, at each tick of a schedule. Which ticks were
// told is in the store, so that it may run in any number of processes, and a
// tick that passed while none ran is announced by the first that does: the last
// one only, for the digest is about now. Where nothing was ever told, the last
// tick counts as missed, so that a new installation says what is due at once.
type announcer struct {
	when     schedule
	within   time.Duration
	allClear bool
	engine   interface {
		Announce(ctx context.Context, b rotation.Bulletin) error
	}
	first, most time.Duration // pauses after a failure
	log         *slog.Logger
}

// newAnnouncer returns nil where nothing is to be announced.
func newAnnouncer(c *config.Config, engine *rotation.Engine, log *slog.Logger) (*announcer, error) {
	if c.Announce.Cron == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	when, err := newSchedule(c.Announce.Cron, c.Announce.Zone)
	if err != nil {
		return nil, &misconfigured{fmt.Errorf("announce: %w", err)} // unreachable unless the configuration accepts what the calendar does not
	}
	return &announcer{
		when: when, within: c.Announce.Within, allClear: c.Announce.AllClear, engine: engine,
		first: c.Engine.RetryFirst, most: c.Engine.RetryMax, log: log,
	}, nil
}

// announceTimeout bounds one attempt: every secret's age is read from the
// vault for it.
const announceTimeout = 5 * time.Minute

// longestNap is how long a wall clock that was set is not noticed.
const longestNap = time.Minute

// run announces until ctx ends. A tick that could not be announced is tried
// again at growing intervals, until the next one takes its place.
func (a *announcer) run(ctx context.Context) error {
	var told time.Time
	pause := a.first
	for ctx.Err() == nil {
		now := time.Now()
		nap := min(longestNap, a.untilNext(now))
		if tick := a.when.last(now); !tick.IsZero() && !tick.Equal(told) {
			if err := a.announce(ctx, tick); err == nil {
				told, pause = tick, a.first
				a.log.Info("what is due is announced", "tick", tick)
			} else if ctx.Err() == nil {
				a.log.Warn("announcing what is due; trying again", "tick", tick, "pause", pause, "error", err)
				nap, pause = pause, min(2*pause, a.most)
			}
		}
		timer := time.NewTimer(nap)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

func (a *announcer) untilNext(now time.Time) time.Duration {
	if next := a.when.next(now); !next.IsZero() {
		return next.Sub(now)
	}
	return longestNap
}

func (a *announcer) announce(ctx context.Context, tick time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, announceTimeout)
	defer cancel()
	return a.engine.Announce(ctx, rotation.Bulletin{Tick: tick, Within: a.within, AllClear: a.allClear})
}
