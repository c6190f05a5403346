package main

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"rekey/bot/config"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	when, err := time.Parse("2006-01-02 15:04:05 -0700", text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

func scheduled(t *testing.T, text, zone string) schedule {
	t.Helper()
	s, err := newSchedule(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSchedule(t *testing.T) {
	cases := []struct{ cron, zone, now, last, next string }{
		{"0 9 * * MON-FRI", "Europe/Berlin", "2026-11-25 09:30:00 +0100", "2026-11-25 09:00:00 +0100", "2026-11-26 09:00:00 +0100"},
		{"0 9 * * MON-FRI", "Europe/Berlin", "2026-11-25 09:00:00 +0100", "2026-11-25 09:00:00 +0100", "2026-11-26 09:00:00 +0100"},
		{"0 9 * * MON-FRI", "Europe/Berlin", "2026-11-29 12:00:00 +0100", "2026-11-27 09:00:00 +0100", "2026-11-30 09:00:00 +0100"},
		{"0 9 * * MON-FRI", "America/New_York", "2026-11-25 09:30:00 +0100", "2026-11-24 09:00:00 -0500", "2026-11-25 09:00:00 -0500"},
		{"0 0 29 2 *", "UTC", "2026-11-25 09:30:00 +0000", "2024-02-29 00:00:00 +0000", "2028-02-29 00:00:00 +0000"},
		{"* * * * *", "Asia/Kathmandu", "2026-11-25 09:30:59 +0545", "2026-11-25 09:30:00 +0545", "2026-11-25 09:31:00 +0545"},

		// In spring 02:30 never comes: told at 03:30, once.
		{"30 2 * * *", "Europe/Berlin", "2026-03-29 03:29:00 +0200", "2026-03-28 02:30:00 +0100", "2026-03-29 03:30:00 +0200"},
		{"30 2 * * *", "Europe/Berlin", "2026-03-29 03:30:00 +0200", "2026-03-29 03:30:00 +0200", "2026-03-30 02:30:00 +0200"},
		{"0,30 2,3 * * *", "Europe/Berlin", "2026-03-29 03:40:00 +0200", "2026-03-29 03:30:00 +0200", "2026-03-30 02:00:00 +0200"},
		// In autumn it comes twice: told the first time.
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 02:29:00 +0200", "2026-10-24 02:30:00 +0200", "2026-10-25 02:30:00 +0200"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 02:10:00 +0100", "2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"},
		{"30 2 * * *", "Europe/Berlin", "2026-10-25 02:30:00 +0100", "2026-10-25 02:30:00 +0200", "2026-10-26 02:30:00 +0100"},
		// What is not in those hours notices nothing.
		{"0 9 * * *", "Europe/Berlin", "2026-03-29 08:59:00 +0200", "2026-03-28 09:00:00 +0100", "2026-03-29 09:00:00 +0200"},
	}
	for _, c := range cases {
		s, now := scheduled(t, c.cron, c.zone), at(t, c.now)
		if got, want := s.last(now), at(t, c.last); !got.Equal(want) {
			t.Errorf("%s in %s at %s: last %s, want %s", c.cron, c.zone, c.now, got, want)
		}
		if got, want := s.next(now), at(t, c.next); !got.Equal(want) {
			t.Errorf("%s in %s at %s: next %s, want %s", c.cron, c.zone, c.now, got, want)
		}
	}
}

// TestScheduleIsOneRow: through two years with all their clock changes, the
// tick after one is the one before the next, and no day has two or none.
func TestScheduleIsOneRow(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"} {
		for _, text := range []string{"30 2 * * *", "15 0 * * *", "0 9 * * *", "45 23 * * *"} {
			s := scheduled(t, text, zone)
			tick := s.next(time.Date(2026, 1, 1, 12, 0, 0, 0, s.zone))
			for range 730 {
				next := s.next(tick)
				if back := s.last(next.Add(-time.Second)); !back.Equal(tick) || !s.last(next).Equal(next) {
					t.Fatalf("%s in %s: between %s and %s stands %s", text, zone, tick, next, back)
				}
				if apart := next.Sub(tick); apart < 22*time.Hour || apart > 26*time.Hour {
					t.Fatalf("%s in %s: %s, and then %s", text, zone, tick, next)
				}
				tick = next
			}
		}
	}
}

// TestScheduleTakesWhatTheConfigurationTakes: the configuration is checked
// without the calendar; both must take the same times.
func TestScheduleTakesWhatTheConfigurationTakes(t *testing.T) {
	form, err := os.ReadFile("testdata/rekey.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{
		"0 9 * * MON-FRI", "*/15 8-18 * * *", "5/20 0 1,15 jan-jun 1", "0 0 29 2 *", "0 0 30 2 MON", "59 23 31 12 6", "0-59/59 * * * 0,6", "0 0 1-31/30 */11 *",
		"60 9 * * *", "0 24 * * *", "0 9 0 * *", "0 9 32 * *", "0 9 * 0 *", "0 9 * 13 *", "0 9 * * 7", "0 9 * * MO-FR", "*/0 9 * * *", "9 * * *", "0 0 9 * * *", "@daily", "-1 9 * * *",
	} {
		_, refused := config.Parse("test", append(slices.Clone(form), fmt.Sprintf("\nannounce: {cron: %q}\n", text)...), nil)
		when, err := newSchedule(text, "UTC")
		if (refused == nil) != (err == nil) {
			t.Errorf("%q: the configuration says %v, the calendar %v", text, refused, err)
		}
		if refused == nil && when.next(time.Now()).IsZero() {
			t.Errorf("%q never comes", text)
		}
	}
}
