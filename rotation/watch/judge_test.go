package watch_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/rotation/watch"
)

// row draws a series, one letter a tick: o ok, b bad, h hard hit, n no data,
// e error, and - for a tick that was never recorded. The final query follows
// a slash; without one there is none.
func row(text string, requests float64) watch.Series {
	p := watch.Defaults()
	ticks, final, _ := strings.Cut(text, "/")
	s := watch.Series{Check: "loki", Required: true}
	tick := func(n int, r rune) (watch.Tick, bool) {
		k := watch.Tick{N: n, Requests: requests, Outcome: map[rune]watch.Outcome{
			'o': watch.OK, 'b': watch.Bad, 'h': watch.Bad, 'n': watch.NoData, 'e': watch.Error,
		}[r], Hard: r == 'h'}
		k.To = live.Add(time.Duration(n) * p.Interval)
		k.From = k.To.Add(-p.Interval)
		return k, r != '-'
	}
	for i, r := range ticks {
		if k, ok := tick(i+1, r); ok {
			s.Ticks = append(s.Ticks, k)
		}
	}
	for _, r := range final {
		k, _ := tick(16, r)
		k.From, k.Requests = live, requests*15
		s.Final = &k
	}
	return s
}

func TestVerdicts(t *testing.T) {
	cases := []struct {
		name    string
		row     string
		running bool // judged before the end
		want    watch.Verdict
		reason  watch.Reason // of the first finding
	}{
		{name: "all ok", row: "ooooooooooooooo/o", want: watch.Passed},
		{name: "hard hit at tick 1", row: "h", running: true, want: watch.Failed, reason: watch.HardSignature},
		{name: "hard hit at tick 15", row: "ooooooooooooooh/o", want: watch.Failed, reason: watch.HardSignature},
		{name: "two bad", row: "obooooooobooooo/o", want: watch.Passed},
		{name: "three bad", row: "obooooooobooobo/o", want: watch.Failed, reason: watch.TooManyBad},
		{name: "three bad, still running", row: "bbb", running: true, want: watch.Failed, reason: watch.TooManyBad},
		{name: "two bad, still running", row: "bb", running: true, want: watch.Running},
		{name: "errors only, still running", row: "eeeeeeeee", running: true, want: watch.Running},
		{name: "three errors in a row, recovered", row: "ooeeeoooooooooo/o", want: watch.Passed},
		{name: "four errors in a row, recovered", row: "ooeeeeooooooooo/o", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "five errors in a row, recovered", row: "ooeeeeeoooooooo/o", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "every second one an error", row: "oeoeoeoeoeoeoeo/o", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "errors throughout", row: "eeeeeeeeeeeeeee/e", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "nothing at all", row: "", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "ended at tick 7", row: "ooooooo", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "restart without back-filling", row: "oooooo-----oooo/o", want: watch.CannotMeasure, reason: watch.LowCoverage},
		{name: "silence throughout", row: "nnnnnnnnnnnnnnn/n", want: watch.Inconclusive, reason: watch.TooMuchSilence},
		{name: "three silent ticks", row: "nnnoooooooooooo/o", want: watch.Passed},
		{name: "four silent ticks", row: "nnnnooooooooooo/o", want: watch.Inconclusive, reason: watch.TooMuchSilence},
		{name: "bad and silent within limits, too few good", row: "bbnnnoooooooooo/o", want: watch.Inconclusive, reason: watch.TooFewGood},
		{name: "late lines show in the final query", row: "ooooooooooooooo/b", want: watch.Failed, reason: watch.FinalBad},
		{name: "a late hard hit", row: "ooooooooooooooo/h", want: watch.Failed, reason: watch.HardSignature},
		{name: "final query silent", row: "ooooooooooooooo/n", want: watch.Inconclusive, reason: watch.TooMuchSilence},
		{name: "final query unanswered", row: "ooooooooooooooo/e", want: watch.CannotMeasure, reason: watch.FinalUnanswered},
		{name: "final query forgotten", row: "ooooooooooooooo", want: watch.CannotMeasure, reason: watch.FinalUnanswered},
		{name: "a failure outweighs errors", row: "bbbeeeeeeeeeeee/e", want: watch.Failed, reason: watch.TooManyBad},
		{name: "errors outweigh silence", row: "nnnnnnnnneeeeee/o", want: watch.CannotMeasure, reason: watch.LowCoverage},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			verdict, findings := watch.Judge(watch.Defaults(), []watch.Series{row(c.row, 10)}, !c.running)
			if verdict != c.want {
				t.Errorf("verdict %q, want %q; findings %+v", verdict, c.want, findings)
			}
			var first watch.Reason
			if len(findings) > 0 {
				first = findings[0].Reason
			}
			if first != c.reason {
				t.Errorf("first reason %q, want %q", first, c.reason)
			}
		})
	}
}

// With less coverage asked, only errors up to the end stand in the way: a
// source that came back is a source.
func TestErrorsInARowCountAtTheEnd(t *testing.T) {
	p := watch.Defaults()
	p.MinCoverage = 0.5
	for text, want := range map[string]watch.Verdict{
		"ooeeeeeoooooooo/o": watch.Passed,
		"oooooooooooeeee/o": watch.Passed,
		"ooooooooooeeeee/o": watch.CannotMeasure,
	} {
		if got, f := watch.Judge(p, []watch.Series{row(text, 10)}, true); got != want {
			t.Errorf("%s: %q, want %q; %+v", text, got, want, f)
		}
	}
}

func TestTraffic(t *testing.T) {
	good := "ooooooooooooooo/o"
	probe := func(text string) watch.Series {
		s := row(text, 1)
		s.Check, s.Instant = "probe", true
		return s
	}
	uncounted, quiet, busy := row(good, -1), row(good, 1), row(good, 2)
	witness := row(good, -1)
	witness.Check, witness.Instant = "attest", true
	shown := row(good, 100)
	shown.Required = false
	cases := []struct {
		name   string
		series []watch.Series
		want   watch.Verdict
	}{
		{"enough requests", []watch.Series{busy}, watch.Passed},
		{"under the minimum", []watch.Series{quiet}, watch.Inconclusive},
		{"nobody counts", []watch.Series{uncounted}, watch.Inconclusive},
		{"our own probe is the signal", []watch.Series{uncounted, probe("ooooooooooooooo")}, watch.Passed},
		{"a witness that is no user is none", []watch.Series{uncounted, witness}, watch.Inconclusive},
		{"a probe that could not be sent is none", []watch.Series{uncounted, probe("eeeeeeeeeeeeeee")}, watch.CannotMeasure},
		{"a check that only is shown gives no signal", []watch.Series{uncounted, shown}, watch.Inconclusive},
		{"nothing required", []watch.Series{shown}, watch.CannotMeasure},
		{"no checks", nil, watch.CannotMeasure},
		{"one bad probe at the end is one bad tick", []watch.Series{probe("ooooooooooooooo/b")}, watch.Passed},
		{"the third bad probe", []watch.Series{probe("bbooooooooooooo/b")}, watch.Failed},
		{"bad beyond the end adds no coverage", []watch.Series{probe("oooooooooooeeee/b")}, watch.CannotMeasure},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if got, f := watch.Judge(watch.Defaults(), c.series, true); got != c.want {
				t.Errorf("%q, want %q; %+v", got, c.want, f)
			}
		})
	}
}

// The worst of several checks holds, whatever their order; one that is not
// required is shown and decides nothing.
func TestSeveralChecks(t *testing.T) {
	passed, failed := row("ooooooooooooooo/o", 10), row("bbboooooooooooo/o", 10)
	silent, blind := row("nnnnnnnnnnnnnnn/n", 10), row("eeeeeeeeeeeeeee/e", 10)
	dry := failed
	dry.Required = false
	for _, c := range []struct {
		series []watch.Series
		want   watch.Verdict
	}{
		{[]watch.Series{passed, failed}, watch.Failed},
		{[]watch.Series{blind, silent, failed, passed}, watch.Failed},
		{[]watch.Series{silent, passed, blind}, watch.CannotMeasure},
		{[]watch.Series{passed, silent}, watch.Inconclusive},
		{[]watch.Series{dry, passed}, watch.Passed},
	} {
		got, findings := watch.Judge(watch.Defaults(), c.series, true)
		if got != c.want {
			t.Errorf("%q, want %q; %+v", got, c.want, findings)
		}
		if got == watch.Passed && (len(findings) != 1 || !findings[0].Advisory || findings[0].Reason != watch.TooManyBad) {
			t.Errorf("the dry run's failure is not shown: %+v", findings)
		}
	}
}

// A tick stored twice is one tick, and the worse reading holds.
func TestTickRecordedTwice(t *testing.T) {
	s := row("ooooooooooobbee/o", 10)
	s.Ticks = append(s.Ticks, s.Ticks[11], s.Ticks[12], watch.Tick{N: 12, Outcome: watch.OK}, watch.Tick{N: 99, Outcome: watch.OK})
	c := watch.Tally(watch.Defaults(), s)
	got := []int{c.OK, c.Bad, c.NoData, c.Error, c.ErrorsAtEnd, c.Answered()}
	if diff := cmp.Diff([]int{11, 2, 0, 2, 2, 13}, got); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestFindingNamesTheTick(t *testing.T) {
	s := row("oohoo", 10)
	s.Ticks[2].Detail = "HTTP 401 from fal.run"
	_, findings := watch.Judge(watch.Defaults(), []watch.Series{s}, false)
	want := []watch.Finding{{
		Check: "loki", Verdict: watch.Failed, Reason: watch.HardSignature, Got: 1, Tick: 3, Detail: "HTTP 401 from fal.run",
	}}
	if diff := cmp.Diff(want, findings); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

// What was stored by one replica is judged alike by another.
func TestSeriesSurvivesStorage(t *testing.T) {
	before := row("obnehooooo/o", 3)
	baseline := 4.5
	before.Baseline, before.Unit = &baseline, watch.Count
	body, err := json.Marshal(before)
	if err != nil {
		t.Fatal(err)
	}
	var after watch.Series
	if err := json.Unmarshal(body, &after); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(before, after); diff != "" {
		t.Errorf("stored and read (-want +got):\n%s", diff)
	}
}
