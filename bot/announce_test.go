package main

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation"
)

// ears hear what is announced, and when.
type ears struct {
	ticks []time.Time // of the calendar
	at    []time.Time
	deaf  int // attempts that fail
}

func (e *ears) Announce(_ context.Context, b rotation.Bulletin) error {
	if e.deaf > 0 {
		e.deaf--
		return errors.New("no answer")
	}
	e.ticks, e.at = append(e.ticks, b.Tick), append(e.at, time.Now())
	return nil
}

// announcing runs an announcer from a moment to another, in a bubble whose
// clock begins in the year 2000, and returns what was heard in between.
func announcing(t *testing.T, cron, zone, from, to string, e *ears) []string {
	t.Helper()
	var heard []string
	synctest.Test(t, func(t *testing.T) {
		begin, end := at(t, from), at(t, to)
		<-time.After(time.Until(begin))
		ctx, cancel := context.WithDeadline(t.Context(), end)
		defer cancel()
		a := &announcer{when: scheduled(t, cron, zone), engine: e, first: time.Second, most: time.Minute, log: slog.New(slog.DiscardHandler)}
		if err := a.run(ctx); err != nil {
			t.Error(err)
		}
		for _, when := range e.at {
			heard = append(heard, when.In(a.when.zone).Format("01-02 15:04:05 -0700"))
		}
	})
	return heard
}

// TestAnnouncedThroughClockChanges: 02:30 is told once a day, on the day on
// which it never comes and on the one on which it comes twice.
func TestAnnouncedThroughClockChanges(t *testing.T) {
	spring := announcing(t, "30 2 * * *", "Europe/Berlin", "2000-03-25 12:00:00 +0100", "2000-03-27 12:00:00 +0200", &ears{})
	if want := []string{"03-25 12:00:00 +0100", "03-26 03:30:00 +0200", "03-27 02:30:00 +0200"}; !slices.Equal(spring, want) {
		t.Errorf("in spring: %q, want %q", spring, want)
	}
	autumn := announcing(t, "30 2 * * *", "Europe/Berlin", "2000-10-28 12:00:00 +0200", "2000-10-30 12:00:00 +0100", &ears{})
	if want := []string{"10-28 12:00:00 +0200", "10-29 02:30:00 +0200", "10-30 02:30:00 +0100"}; !slices.Equal(autumn, want) {
		t.Errorf("in autumn: %q, want %q", autumn, want)
	}
}

// TestAnnouncedAfterAnOutage: up at eleven, down since Friday: the digest of
// nine o'clock is told at eleven, and of the days between there is none.
func TestAnnouncedAfterAnOutage(t *testing.T) {
	e := &ears{}
	heard := announcing(t, "0 9 * * MON-FRI", "Europe/Berlin", "2000-01-05 11:00:00 +0100", "2000-01-06 10:00:00 +0100", e)
	if want := []string{"01-05 11:00:00 +0100", "01-06 09:00:00 +0100"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
	if first := at(t, "2000-01-05 09:00:00 +0100"); !e.ticks[0].Equal(first) {
		t.Errorf("told for %s, want %s", e.ticks[0], first)
	}
}

// TestAnnouncedAgain: what failed is tried again, and not for ever faster.
func TestAnnouncedAgain(t *testing.T) {
	heard := announcing(t, "0 9 * * *", "UTC", "2000-01-05 10:00:00 +0000", "2000-01-05 12:00:00 +0000", &ears{deaf: 4})
	if want := []string{"01-05 10:00:15 +0000"}; !slices.Equal(heard, want) {
		t.Errorf("heard %q, want %q", heard, want)
	}
}
