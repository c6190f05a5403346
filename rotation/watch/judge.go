package watch

import (
	"cmp"
	"math"
	"slices"
)

// Reason is why a finding was made. The sentences belong to the packages that
// speak to people; the texts here are stored.
type Reason string

// The reasons, by the verdict they lead to.
const (
	HardSignature Reason = "hard_signature" // failed: this credential's own error was seen
	TooManyBad    Reason = "too_many_bad"   // failed: more bad ticks than allowed
	FinalBad      Reason = "final_bad"      // failed: the whole window, looked at once more, is bad

	NothingRequired Reason = "nothing_required" // cannot measure: no check that counts
	LowCoverage     Reason = "low_coverage"     // cannot measure: too few ticks were answered
	ErrorsInARow    Reason = "errors_in_a_row"  // cannot measure: no answers up to the end
	FinalUnanswered Reason = "final_unanswered" // cannot measure: the final query was not answered

	TooMuchSilence Reason = "too_much_silence" // inconclusive: too many ticks without data, or none in the whole window
	TooFewGood     Reason = "too_few_good"     // inconclusive: answered, yet too few ticks are ok
	TooFewRequests Reason = "too_few_requests" // inconclusive: nobody is known to have used the application

	NoBaseline Reason = "no_baseline" // no verdict: absolute thresholds only
)

// Finding is one thing that speaks for a verdict.
type Finding struct {
	Check    string  `json:"check,omitempty"`
	Verdict  Verdict `json:"verdict"` // what it leads to; empty for a note
	Reason   Reason  `json:"reason"`
	Got      float64 `json:"got"`                // what was counted: ticks, requests
	Want     float64 `json:"want"`               // the limit it was held against
	Tick     int     `json:"tick,omitempty"`     // where it showed first
	Detail   string  `json:"detail,omitempty"`   // that tick's
	Advisory bool    `json:"advisory,omitempty"` // of a check that is not required: decides nothing
}

// Judge says what the series come to, with the reasons, worst first. Until the
// watch has ended only failures are declared and the verdict is otherwise
// [Running]; a watch that ends before its last tick is judged by what a whole
// one would have needed.
func Judge(p Params, series []Series, ended bool) (Verdict, []Finding) {
	var findings []Finding
	required, used := 0, false
	for _, s := range series {
		c := Tally(p, s)
		findings = append(findings, s.failures(p, c)...)
		if ended {
			findings = append(findings, s.shortcomings(p, c)...)
		}
		if s.Required {
			required++
			used = used || c.used(p, s)
		}
	}
	switch {
	case ended && required == 0:
		findings = append(findings, Finding{Verdict: CannotMeasure, Reason: NothingRequired})
	case ended && !used:
		findings = append(findings, Finding{Verdict: Inconclusive, Reason: TooFewRequests, Got: mostRequests(p, series), Want: p.MinRequests})
	}
	slices.SortStableFunc(findings, func(a, b Finding) int {
		return cmp.Or(boolRank(a.Advisory)-boolRank(b.Advisory), b.Verdict.rank()-a.Verdict.rank())
	})
	return decide(findings, ended), findings
}

// decide takes the worst verdict of the findings that count. They are sorted.
func decide(findings []Finding, ended bool) Verdict {
	if len(findings) > 0 && !findings[0].Advisory && findings[0].Verdict != Running {
		return findings[0].Verdict
	}
	if !ended {
		return Running
	}
	return Passed
}

// rank orders verdicts from harmless to worst.
func (v Verdict) rank() int {
	return slices.Index([]Verdict{Running, Passed, Inconclusive, CannotMeasure, Failed}, v)
}

func boolRank(b bool) int {
	if b {
		return 1
	}
	return 0
}

// failures are the findings that hold from the moment they are seen.
func (s Series) failures(p Params, c Counts) []Finding {
	var findings []Finding
	if c.FirstHard != nil {
		findings = append(findings, s.finding(Failed, HardSignature, float64(c.Hard), 0).at(c.FirstHard))
	}
	if c.Bad > p.FailureLimit {
		findings = append(findings, s.finding(Failed, TooManyBad, float64(c.Bad), float64(p.FailureLimit)).at(c.FirstBad))
	}
	if f := s.Final; f != nil && !s.Instant && Effective(p, s, *f) == Bad {
		findings = append(findings, s.finding(Failed, FinalBad, f.Value, 0).at(f))
	}
	return findings
}

// shortcomings are the findings that can be made at the end only.
func (s Series) shortcomings(p Params, c Counts) []Finding {
	var findings []Finding
	add := func(applies bool, v Verdict, r Reason, got, want float64) {
		if applies {
			findings = append(findings, s.finding(v, r, got, want))
		}
	}
	need := needed(p)
	add(c.Answered() < need, CannotMeasure, LowCoverage, float64(c.Answered()), float64(need))
	add(c.ErrorsAtEnd > p.ConsecutiveErrorLimit, CannotMeasure, ErrorsInARow, float64(c.ErrorsAtEnd), float64(p.ConsecutiveErrorLimit))
	add(s.finalUnanswered(), CannotMeasure, FinalUnanswered, 0, 1)
	add(c.NoData > p.NoDataLimit || s.finalSilent(p), Inconclusive, TooMuchSilence, float64(c.NoData), float64(p.NoDataLimit))
	add(c.OK < need, Inconclusive, TooFewGood, float64(c.OK), float64(need))
	add(s.Unit != Plain && s.Baseline == nil, Running, NoBaseline, 0, 0)
	return findings
}

// needed is how many ticks must have been answered, and how many must be ok;
// never zero, whatever the configuration says.
func needed(p Params) int {
	const rounding = 1e-9 // 0.8 × 15 is not quite 12
	return max(1, int(math.Ceil(p.MinCoverage*float64(Expected(p))-rounding)))
}

// finalUnanswered reports a whole-window query that is missing or failed. An
// outcome nobody knows is as good as none.
func (s Series) finalUnanswered() bool {
	if s.Instant {
		return false
	}
	return s.Final == nil || (s.Final.Outcome != OK && s.Final.Outcome != Bad && s.Final.Outcome != NoData)
}

func (s Series) finalSilent(p Params) bool {
	return !s.Instant && s.Final != nil && Effective(p, s, *s.Final) == NoData
}

func (s Series) finding(v Verdict, r Reason, got, want float64) Finding {
	return Finding{Check: s.Check, Verdict: v, Reason: r, Got: got, Want: want, Advisory: !s.Required}
}

// at names the tick that showed it.
func (f Finding) at(t *Tick) Finding {
	f.Tick, f.Detail = t.N, t.Detail
	return f
}
