package watch_test

import (
	"math"
	"testing"

	"rekey/rotation/watch"
)

func TestCountAgainstBaseline(t *testing.T) {
	some := func(f float64) *float64 { return &f }
	cases := []struct {
		value    float64
		baseline *float64
		share    float64
		want     bool
	}{
		{0, some(0), 1, false},
		{4, some(0), 1, false},          // above 3, below the absolute minimum
		{5, some(0), 1, true},           // 0 + 3·√1 = 3
		{13, some(4), 1, true},          // 4 + 3·√5 = 10.7
		{10, some(4), 1, false},         //
		{130, some(100), 1, false},      // 100 + 3·√101 = 130.15
		{131, some(100), 1, true},       //
		{10, some(60), 1.0 / 15, false}, // 4 in a minute were usual
		{11, some(60), 1.0 / 15, true},
		{5, nil, 1, true},
		{4, nil, 1, false},
	}
	for _, c := range cases {
		if got := watch.CountIsBad(watch.Defaults(), c.value, c.baseline, c.share); got != c.want {
			t.Errorf("%v against %v × %v: bad = %v", c.value, c.baseline, c.share, got)
		}
	}
}

func TestRateAgainstBaseline(t *testing.T) {
	some := func(f float64) *float64 { return &f }
	cases := []struct {
		rate, requests float64
		baseline       *float64
		want           bool
	}{
		{0.5, 19, some(0), false}, // too few to have a rate
		{0.02, 20, some(0), true},
		{0.01, 20, some(0), false},
		{0.05, 100, some(0.03), false},
		{0.07, 100, some(0.03), true},
		{0.02, 100, nil, true},
	}
	for _, c := range cases {
		if got := watch.RateIsBad(watch.Defaults(), c.rate, c.requests, c.baseline); got != c.want {
			t.Errorf("%v of %v requests against %v: bad = %v", c.rate, c.requests, c.baseline, got)
		}
	}
}

// A drip too thin for any single tick shows over the whole window: the usual
// one error a minute became four.
func TestDripShowsInTheFinalQuery(t *testing.T) {
	p := watch.Defaults()
	s := row("ooooooooooooooo/o", 10)
	baseline := 15.0
	s.Unit, s.Baseline = watch.Count, &baseline
	for i := range s.Ticks {
		s.Ticks[i].Value = 4
	}
	s.Final.Value = 60
	for _, k := range s.Ticks {
		if watch.Effective(p, s, k) != watch.OK {
			t.Fatalf("tick %d is bad by itself", k.N)
		}
	}
	if got, f := watch.Judge(p, []watch.Series{s}, true); got != watch.Failed || f[0].Reason != watch.FinalBad {
		t.Errorf("%q, %+v", got, f)
	}
}

func TestCountsWithoutBaselineSaySo(t *testing.T) {
	s := row("ooooooooooooooo/o", 10)
	s.Unit = watch.Count
	got, f := watch.Judge(watch.Defaults(), []watch.Series{s}, true)
	if got != watch.Passed || len(f) != 1 || f[0].Reason != watch.NoBaseline {
		t.Errorf("%q, %+v", got, f)
	}
}

func TestNotANumberIsNoData(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		if got := watch.Effective(watch.Defaults(), watch.Series{Unit: watch.Rate}, watch.Tick{Outcome: watch.OK, Value: v}); got != watch.NoData {
			t.Errorf("%v: %q", v, got)
		}
	}
}
