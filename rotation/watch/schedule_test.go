package watch_test

import (
	"testing"
	"time"

	"rekey/rotation/watch"
)

var live = time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC)

func TestScheduleOfAWholeWatch(t *testing.T) {
	p := watch.Defaults()
	if got := watch.Expected(p); got != 15 {
		t.Fatalf("expected ticks = %d, want 15", got)
	}
	now, edge := live, live
	for done := range 15 {
		n, _, _, at := watch.Due(p, live, done, now)
		if n != 0 || at.IsZero() {
			t.Fatalf("after %d ticks: tick %d is due early, at %v", done, n, at)
		}
		now = at
		n, from, to, at := watch.Due(p, live, done, now)
		if n != done+1 || !at.Equal(now) {
			t.Fatalf("tick %d: due says %d at %v", done+1, n, at)
		}
		if want := live.Add(time.Minute + time.Duration(n)*time.Minute); !at.Equal(want) {
			t.Errorf("tick %d is due at %v, want %v", n, at, want)
		}
		if !from.Equal(edge) || !to.Equal(from.Add(time.Minute)) || !to.Equal(at.Add(-time.Minute)) {
			t.Errorf("tick %d covers [%v, %v), want a minute from %v", n, from, to, edge)
		}
		edge = to
	}
	n, _, _, at := watch.Due(p, live, 15, now)
	if n != 0 || !at.Equal(watch.FinalAt(p, live)) {
		t.Fatalf("before the final query: tick %d at %v", n, at)
	}
	n, from, to, _ := watch.Due(p, live, 15, at)
	if n != 16 || !from.Equal(live) || !to.Equal(live.Add(15*time.Minute)) {
		t.Errorf("final query %d covers [%v, %v)", n, from, to)
	}
	if n, _, _, at := watch.Due(p, live, 16, at); n != 0 || !at.IsZero() {
		t.Errorf("an ended watch asks for tick %d at %v", n, at)
	}
}

// A replica dies after tick 6 and another one wakes up four minutes later: it
// gets ticks 7 to 11, one by one, as they would have been.
func TestRestartBackfills(t *testing.T) {
	p := watch.Defaults()
	due := func(n int) time.Time { return live.Add(time.Duration(n+1) * time.Minute) }
	now := due(11).Add(5 * time.Second)
	var got []int
	for done := 6; ; done++ {
		n, from, to, at := watch.Due(p, live, done, now)
		if n == 0 {
			if !at.Equal(due(12)) {
				t.Errorf("after back-filling the next look is at %v, want %v", at, due(12))
			}
			break
		}
		if !at.Equal(due(n)) || !to.Equal(due(n).Add(-p.IngestDelay)) || !from.Equal(to.Add(-p.Interval)) {
			t.Errorf("tick %d was due %v over [%v, %v)", n, at, from, to)
		}
		if missed := watch.Missed(p, at, now); missed != (n < 11) {
			t.Errorf("tick %d missed = %v", n, missed)
		}
		got = append(got, n)
	}
	if want := []int{7, 8, 9, 10, 11}; len(got) != len(want) || got[0] != 7 || got[4] != 11 {
		t.Errorf("back-filled %v, want %v", got, want)
	}
}

func TestRetryStaysWithinTheInterval(t *testing.T) {
	p := watch.Defaults()
	at, tries := live, 1
	for now := at; ; tries++ {
		again, ok := watch.Retry(p, at, now)
		if !ok {
			break
		}
		if !again.Equal(now.Add(10 * time.Second)) {
			t.Fatalf("retry at %v, want ten seconds after %v", again, now)
		}
		now = again
	}
	if tries != 6 {
		t.Errorf("%d tries within a minute, want 6", tries)
	}
	if _, ok := watch.Retry(p, at, at.Add(3*time.Minute)); ok {
		t.Error("a tick of the past is retried: errors would lengthen the watch")
	}
	p.ErrorRetry = 0
	if _, ok := watch.Retry(p, at, at); ok {
		t.Error("a retry of zero would be a busy loop")
	}
}

func TestBeforeIsAsLongAsTheWatch(t *testing.T) {
	p := watch.Defaults()
	from, to := watch.Before(p, live)
	if to.Sub(from) != p.Window || !to.Equal(live.Add(-p.IngestDelay)) {
		t.Errorf("before covers [%v, %v)", from, to)
	}
}

func TestValidate(t *testing.T) {
	if err := watch.Defaults().Validate(); err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	cases := map[string]func(*watch.Params){
		"no interval":         func(p *watch.Params) { p.Interval = 0 },
		"window under a tick": func(p *watch.Params) { p.Window = time.Second },
		"negative delay":      func(p *watch.Params) { p.IngestDelay = -1 },
		"negative limit":      func(p *watch.Params) { p.NoDataLimit = -1 },
		"no coverage asked":   func(p *watch.Params) { p.MinCoverage = 0 },
		"coverage above one":  func(p *watch.Params) { p.MinCoverage = 1.1 },
		"rate in per cent":    func(p *watch.Params) { p.MinRate = 5 },
		"ratio under one":     func(p *watch.Params) { p.Ratio = 0.5 },
		"endless":             func(p *watch.Params) { p.Window = 24 * 365 * time.Hour },
	}
	for name, spoil := range cases {
		p := watch.Defaults()
		spoil(&p)
		if p.Validate() == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
