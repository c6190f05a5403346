package watch_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"rekey/rotation/watch"
)

// inject returns the row with one more error: in place of an ok tick, or recorded
// beside it, or beyond the end, or as the final query.
func inject(p watch.Params, s watch.Series, at int, how byte) watch.Series {
	ticks := append([]watch.Tick(nil), s.Ticks...)
	s.Ticks = ticks
	wrong := watch.Tick{N: at + 1, Outcome: watch.Error}
	switch {
	case how%4 == 0 && at < len(ticks) && watch.Effective(p, s, ticks[at]) == watch.OK:
		wrong.N = ticks[at].N
		ticks[at] = wrong
	case how%4 == 1:
		wrong.N += 15
		s.Ticks = append(ticks, wrong)
	case how%4 == 2 && (s.Final == nil || (!s.Final.Hard && watch.Effective(p, s, *s.Final) != watch.Bad)):
		s.Final = &wrong
	default:
		s.Ticks = append(ticks, wrong)
	}
	return s
}

// hold checks what must be true of every run, for one run and one more error
// in it. Only what an error replaces may be lost, and a failure never is.
func hold(t *testing.T, p watch.Params, s watch.Series, at int, how byte) {
	t.Helper()
	for _, ended := range []bool{false, true} {
		before, _ := watch.Judge(p, []watch.Series{s}, ended)
		worse := inject(p, s, at, how)
		after, findings := watch.Judge(p, []watch.Series{worse}, ended)
		if before == watch.Failed && after != watch.Failed {
			t.Fatalf("an error turned failed into %q: %+v", after, worse)
		}
		if before != watch.Passed && after == watch.Passed {
			t.Fatalf("an error turned %q into passed: %+v", before, worse)
		}
		if after == watch.Passed {
			passes(t, p, worse, ended, findings)
		}
	}
}

// passes checks a passed run by counting anew.
func passes(t *testing.T, p watch.Params, s watch.Series, ended bool, findings []watch.Finding) {
	t.Helper()
	if !ended {
		t.Fatal("passed before the end")
	}
	ok := map[int]bool{}
	for _, k := range s.Ticks {
		if k.Hard {
			t.Fatal("passed with a hard hit")
		}
		if k.Outcome == watch.OK && k.N >= 1 && k.N <= watch.Expected(p) {
			ok[k.N] = true
		}
	}
	if need := p.MinCoverage * float64(watch.Expected(p)); float64(len(ok)) < need-1e-9 || len(ok) == 0 {
		t.Fatalf("passed with %d ok ticks where %v are asked", len(ok), need)
	}
	for _, f := range findings {
		if f.Verdict != watch.Running && !f.Advisory {
			t.Fatalf("passed with a finding against it: %+v", f)
		}
	}
}

func TestErrorsNeverHelp(t *testing.T) {
	const letters = "ooooooooobhnne-"
	random := rand.New(rand.NewPCG(1, 2))
	verdicts := map[watch.Verdict]int{}
	for range 20_000 {
		var b strings.Builder
		clean := random.IntN(2) == 0 // otherwise nearly every run fails
		for range random.IntN(17) {
			if clean && random.IntN(8) > 0 {
				b.WriteByte('o')
				continue
			}
			b.WriteByte(letters[random.IntN(len(letters))])
		}
		if random.IntN(4) > 0 {
			b.WriteString("/" + string(letters[random.IntN(len(letters)-1)]))
		}
		p := watch.Defaults()
		p.MinCoverage = random.Float64()
		s := row(b.String(), float64(random.IntN(5)-1))
		s.Instant = random.IntN(4) == 0
		hold(t, p, s, random.IntN(17), byte(random.IntN(4)))
		verdict, _ := watch.Judge(p, []watch.Series{s}, true)
		verdicts[verdict]++
	}
	for _, v := range []watch.Verdict{watch.Passed, watch.Failed, watch.CannotMeasure, watch.Inconclusive} {
		if verdicts[v] < 100 {
			t.Errorf("only %d of the runs came to %q: the property was hardly tried", verdicts[v], v)
		}
	}
}

func FuzzJudge(f *testing.F) {
	f.Add("ooooooooooooooo/o", 10.0, 0.8, uint8(3), uint8(0), 0.0)
	f.Add("obhne-/h", -1.0, 0.0, uint8(16), uint8(1), 7.0)
	f.Add("ooooooooooooeee", math.NaN(), 1.0, uint8(2), uint8(2), math.Inf(1))
	f.Fuzz(func(t *testing.T, text string, requests, coverage float64, at, how uint8, value float64) {
		if len(text) > 64 || !(coverage >= 0 && coverage <= 1) {
			t.Skip()
		}
		p := watch.Defaults()
		p.MinCoverage = coverage
		s := row(text, requests)
		s.Unit = []watch.Unit{watch.Plain, watch.Count, watch.Rate, "?"}[how/4%4]
		s.Instant = how&64 != 0
		for i := range s.Ticks {
			s.Ticks[i].Value = value
		}
		hold(t, p, s, int(at), how)
	})
}
