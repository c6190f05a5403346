package main

import (
	"fmt"
	"time"

	"github.com/robfig/cron/v3"
)

// schedule are the times at which something is told, by the clocks of a zone.
//
// The calendar is counted in wall clock time, and each time is then looked up
// in the zone: what stands on the clock once a day happens once a day, whatever
// the clocks do. Counting in moments would tell 02:30 twice in autumn and never
// in spring.
type schedule struct {
	walls cron.Schedule // of a clock that is never set, kept as UTC
	zone  *time.Location
}

func newSchedule(text, zone string) (schedule, error) {
	walls, err := cron.NewParser(cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow).Parse(text)
	if err != nil {
		return schedule{}, fmt.Errorf("reading the time of the digest: %w", err)
	}
	where, err := time.LoadLocation(zone)
	if err != nil {
		return schedule{}, fmt.Errorf("reading the zone of the digest: %w", err)
	}
	return schedule{walls, where}, nil
}

const (
	day = 24 * time.Hour
	// jump is more than clocks are set at once; around it the order of wall
	// clock times may differ from that of moments.
	jump = 3 * time.Hour
	// reach is how far back a tick is looked for: a 29th of February can be
	// eight years away.
	reach = 9 * 366 * day
)

// last is the latest tick that is not after now; zero when there never was one.
func (s schedule) last(now time.Time) time.Time {
	wall := s.wall(now)
	for back := time.Hour; back < 2*reach; back *= 2 {
		var best time.Time
		for w := s.walls.Next(wall.Add(-back - jump)); !w.IsZero() && w.Before(wall.Add(jump)); w = s.walls.Next(w) {
			if t := s.moment(w); !t.After(now) && t.After(best) {
				best = t
			}
		}
		if !best.IsZero() {
			return best
		}
	}
	return time.Time{}
}

// next is the earliest tick after now; zero when there never will be one.
func (s schedule) next(now time.Time) time.Time {
	var best, enough time.Time
	for w := s.walls.Next(s.wall(now).Add(-jump)); !w.IsZero() && (best.IsZero() || w.Before(enough)); w = s.walls.Next(w) {
		t := s.moment(w)
		if t.After(now) && (best.IsZero() || t.Before(best)) {
			best, enough = t, w.Add(jump)
		}
	}
	return best
}

// wall is what the zone's clocks show, as a time of a clock that is never set.
func (s schedule) wall(t time.Time) time.Time {
	t = t.In(s.zone)
	_, offset := t.Zone()
	return t.Add(time.Duration(offset) * time.Second).UTC()
}

// moment is when the zone's clocks show a time: the first time of two; as much
// later as the clocks skip where they never show it.
func (s schedule) moment(wall time.Time) time.Time {
	before, after := wall.Add(-s.offset(wall.Add(-day))), wall.Add(-s.offset(wall.Add(day)))
	if !s.wall(before).Equal(wall) && s.wall(after).Equal(wall) {
		return after
	}
	return before
}

func (s schedule) offset(near time.Time) time.Duration {
	_, seconds := near.In(s.zone).Zone()
	return time.Duration(seconds) * time.Second
}
