package watch_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/rotation/watch"
)

func TestSum(t *testing.T) {
	p := watch.Defaults()
	base := 30.0
	tick := func(n int, value, requests float64, took time.Duration) watch.Tick {
		return watch.Tick{N: n, Outcome: watch.OK, Value: value, Requests: requests, Latency: took}
	}
	dead := watch.Tick{N: 3, Outcome: watch.Error, Value: 99, Requests: 99}
	hit := watch.Tick{N: 4, Outcome: watch.Bad, Hard: true, Value: 2, Requests: 10}
	ticks := []watch.Tick{tick(1, 1, 10, 30*time.Millisecond), tick(2, 2, 20, 10*time.Millisecond), dead, hit, tick(5, 0, 10, 20*time.Millisecond)}
	whole := tick(16, 7, 400, 0)
	cases := map[string]struct {
		series watch.Series
		want   watch.Figures
	}{
		"nothing yet": {watch.Series{Unit: watch.Count}, watch.Figures{Usual: -1, Requests: -1}},
		"half way": {watch.Series{Unit: watch.Count, Baseline: &base, Before: time.Second, Ticks: ticks},
			watch.Figures{Looks: 4, Errors: 3, Usual: 8, Requests: 50, Hits: 2, Latency: 20 * time.Millisecond, Before: time.Second}},
		"at the end, from the whole window": {watch.Series{Unit: watch.Count, Baseline: &base, Ticks: ticks, Final: &whole},
			watch.Figures{Looks: 4, Errors: 7, Usual: 30, Requests: 400, Latency: 20 * time.Millisecond}},
		"at the end, without an answer": {watch.Series{Unit: watch.Count, Ticks: ticks, Final: &dead},
			watch.Figures{Looks: 4, Errors: 3, Usual: -1, Requests: 50, Hits: 2, Latency: 20 * time.Millisecond}},
		"a probe's last look is no window": {watch.Series{Instant: true, Ticks: ticks[:1], Final: &whole},
			watch.Figures{Looks: 1, Usual: -1, Requests: 10, Latency: 30 * time.Millisecond}},
		"a rate, weighted": {watch.Series{Unit: watch.Rate, Ticks: []watch.Tick{tick(1, 0.5, 10, 0), tick(2, 0, 90, 0)}},
			watch.Figures{Looks: 2, Errors: 0.05, Usual: -1, Requests: 100}},
		"a rate of nothing": {watch.Series{Unit: watch.Rate, Ticks: []watch.Tick{tick(1, 0.5, -1, 0)}},
			watch.Figures{Looks: 1, Usual: -1, Requests: -1}},
	}
	for name, c := range cases {
		if diff := cmp.Diff(c.want, watch.Sum(p, c.series)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestLooksShowTheWorst(t *testing.T) {
	p := watch.Defaults()
	row := func(required bool, outcomes ...watch.Outcome) watch.Series {
		s := watch.Series{Required: required}
		for i, o := range outcomes {
			s.Ticks = append(s.Ticks, watch.Tick{N: i + 1, Outcome: o})
		}
		return s
	}
	first := row(true, watch.OK, watch.Error, watch.NoData, watch.OK)
	second := row(true, watch.OK, watch.OK, watch.Error, watch.OK, watch.OK)
	second.Ticks[3].Hard = true
	got := watch.Looks(p, []watch.Series{first, second, row(false, watch.Bad, watch.Bad)})
	want := []watch.Outcome{watch.OK, watch.Error, watch.NoData, watch.Bad, watch.OK}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("looks (-want +got):\n%s", diff)
	}
	if got := watch.Looks(p, nil); len(got) != 0 {
		t.Errorf("looks of nothing: %v", got)
	}
}

func TestFiguresInWords(t *testing.T) {
	p := watch.Defaults()
	base := 15.0
	ticks := []watch.Tick{{N: 1, Outcome: watch.OK, Value: 1, Requests: 41, Latency: 12400 * time.Microsecond}}
	hit := []watch.Tick{{N: 1, Outcome: watch.Bad, Hard: true, Value: 1, Requests: 9}}
	cases := map[string]watch.Series{
		"": {Check: "errors", Unit: watch.Count},
		"errors: 1 counted in 41 requests (1 usual)":                                                       {Check: "errors", Unit: watch.Count, Baseline: &base, Ticks: ticks},
		"errors: 0 counted in 9 requests (nothing to compare with), 1 line of this credential's own error": {Check: "errors", Unit: watch.Count, Ticks: hit},
		"web: 100 % of requests failed (nothing to compare with)":                                          {Check: "web", Unit: watch.Rate, Ticks: ticks},
		"health: answered in 10 ms (0.2 ms before)":                                                        {Check: "health", Before: 200 * time.Microsecond, Ticks: []watch.Tick{{N: 1, Outcome: watch.OK, Latency: 10 * time.Millisecond}}},
	}
	for want, s := range cases {
		if got := watch.Words(p, s); got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
	}
}
