package render

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"rekey/rotation"
	"rekey/rotation/watch"
)

// watching is a rotation whose first watch has made some looks.
func watching(looks int, change ...func(*rotation.Rotation, *rotation.Vigil)) *rotation.Rotation {
	r := upTo(true, rotation.Watch)
	base := 15.0
	v := &rotation.Vigil{Number: 1, Start: noon, Rules: watch.Defaults(), Series: []watch.Series{
		{Check: "attest", Required: true, Instant: true},
		{Check: "errors", Required: true, Unit: watch.Count, Baseline: &base},
		{Check: "health", Required: true, Instant: true, Before: 38 * time.Millisecond},
		{Check: "blog <b>", Instant: true},
	}}
	for n := 1; n <= looks; n++ {
		at := noon.Add(time.Duration(n+1) * time.Minute)
		for i, k := range []watch.Tick{{Value: 3}, {Value: float64(n % 2), Requests: 120}, {Requests: 1, Latency: 40 * time.Millisecond}, {Requests: 1, Latency: time.Second}} {
			k.N, k.At, k.Outcome = n, at, watch.OK
			v.Series[i].Ticks = append(v.Series[i].Ticks, k)
		}
	}
	r.Watches, r.Vigils = 1, map[rotation.Act]*rotation.Vigil{rotation.Watch: v}
	for _, f := range change {
		f(r, v)
	}
	return r
}

func troubled(_ *rotation.Rotation, v *rotation.Vigil) {
	v.Series[1].Ticks[2].Outcome, v.Series[1].Ticks[4].Outcome, v.Series[2].Ticks[3].Outcome = watch.Bad, watch.Error, watch.NoData
}

func judged(word watch.Verdict) func(*rotation.Rotation, *rotation.Vigil) {
	return func(_ *rotation.Rotation, v *rotation.Vigil) { v.Verdict = word }
}

func TestWatchGolden(t *testing.T) {
	stopped := func(r *rotation.Rotation, _ *rotation.Vigil) { r.State = rotation.Abandoned }
	second := func(r *rotation.Rotation, v *rotation.Vigil) {
		r.Vigils = map[rotation.Act]*rotation.Vigil{rotation.WatchAfter: v}
		r.Cursor = len(r.Plan) - 2
		v.Rules.Interval, v.Rules.Window = 30*time.Second, 3*time.Minute
	}
	begun := func(r *rotation.Rotation, _ *rotation.Vigil) { r.Vigils = nil }
	replaced := func(r *rotation.Rotation, v *rotation.Vigil) { v.Number, r.Watches = 2, 2 }
	for name, m := range map[string]Message{
		"watch-begun":    Watch(watching(0, begun), 1),
		"watch-first":    Watch(watching(0), 1),
		"watch-running":  Watch(watching(6), 1),
		"watch-troubled": Watch(watching(6, troubled), 1),
		"watch-closing":  Watch(watching(15), 1),
		"watch-passed":   Watch(watching(15, judged(watch.Passed)), 1),
		"watch-failed":   Watch(watching(6, troubled, judged(watch.Failed)), 1),
		"watch-stopped":  Watch(watching(6, stopped), 1),
		"watch-after":    Watch(watching(4, second), 1),
		"watch-replaced": Watch(watching(6, replaced), 1),
	} {
		t.Run(name, func(t *testing.T) { golden(t, name, asSent(t, m)) })
	}
}

// A message is edited with whatever the record holds: odd series must neither
// panic nor grow beyond what Slack takes.
func FuzzWatch(f *testing.F) {
	f.Add(uint64(1), 3, 15, "errors")
	f.Add(uint64(2), 0, 0, "")
	f.Add(uint64(3), 900, 1000, "<!channel>")
	f.Fuzz(func(t *testing.T, seed uint64, looks, all int, name string) {
		random := rand.New(rand.NewPCG(seed, 7))
		r := watching(0)
		v := r.Vigils[rotation.Watch]
		v.Rules.Window = time.Duration(min(max(all, 0), 1000)) * v.Rules.Interval
		outcomes := []watch.Outcome{watch.OK, watch.Bad, watch.NoData, watch.Error, "new"}
		for i := range v.Series {
			v.Series[i].Check = name
			for range random.IntN(min(max(looks, 0), 1000) + 1) {
				v.Series[i].Ticks = append(v.Series[i].Ticks, watch.Tick{N: random.IntN(1000) - 5, Outcome: outcomes[random.IntN(5)], Value: random.NormFloat64(), Requests: random.NormFloat64(), Hard: random.IntN(4) == 0})
			}
		}
		m := Watch(r, 1)
		if m.Text == "" || len(m.Blocks) == 0 || len(m.Blocks) > blocksLimit || length(m.Text) > textLimit {
			t.Errorf("%d blocks beside a text of %d", len(m.Blocks), length(m.Text))
		}
		if s := string(asSent(t, m)); strings.Contains(s, "<!channel>") {
			t.Errorf("a check's name calls people: %s", s)
		}
	})
}
