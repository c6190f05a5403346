// Package watch holds the meaning of a watch: when to measure, and what a row
// of measurements says about an application. It is pure: it asks nobody, keeps
// nothing and reads no clock, so anything here may be computed any number of
// times, on any replica, from what was stored.
//
// # The model
//
// A watch begins when a deployment is live. Each check is measured once per
// interval, tick 1, 2, 3 … up to [Expected], and once more over the whole
// window at the end, because logs arrive late. What was measured is a [Series]
// per check; [Judge] turns all of them into one [Verdict].
//
//	live                                                  last tick  final
//	 |--InitialDelay--|--Interval--|--Interval--| … --Interval--|--IngestDelay--|
//	                            tick 1       tick 2          tick 15
//
// Tick n looks at the interval that ended IngestDelay before it, so that a
// source had time to take its lines in. Neighbouring ranges touch: nothing
// falls between two ticks, and after a restart [Due] hands out every missed
// tick with the range it would have had.
//
// # What a measurement can say
//
// Four outcomes, kept apart to the end: ok, bad, no data (the source answered
// and there was nothing to judge) and error (the source did not answer, or not
// wholly). An error is never read as "the application fails", nor as "all is
// well". It costs coverage, and it does not lengthen the watch.
//
// # What the verdicts mean
//
// Worst first, and the worst that applies holds:
//
//   - [Failed]: one hit of a hard signature, more bad ticks than allowed, or a
//     bad final query. Declared at once; nothing measured later heals it.
//   - [CannotMeasure]: too many ticks without an answer, errors in a row up to
//     the end, or a final query that could not be asked.
//   - [Inconclusive]: the sources answered, and it was not enough to judge by.
//   - [Passed]: every required check has enough good ticks, and somebody used
//     the application meanwhile. Silence is not health.
//
// The distinctions follow those of Argo Rollouts' analysis
// (https://argo-rollouts.readthedocs.io/en/stable/features/analysis/), apart
// from two: a watch that measured nothing never passes, and an error never
// covers up a failure that was seen.
package watch

import (
	"errors"
	"fmt"
	"time"
)

// Params are the rules of one watch. Every field is configuration; [Defaults]
// gives the values used where none is configured.
type Params struct {
	Window       time.Duration `json:"window"`        // how long to watch
	Interval     time.Duration `json:"interval"`      // between two ticks
	InitialDelay time.Duration `json:"initial_delay"` // after live, for the blips that every deployment causes
	IngestDelay  time.Duration `json:"ingest_delay"`  // how late a source may take its lines in
	ErrorRetry   time.Duration `json:"error_retry"`   // until a source that did not answer is asked again; 0 never asks again

	FailureLimit          int `json:"failure_limit"`           // bad ticks allowed; a hard signature is never allowed
	ConsecutiveErrorLimit int `json:"consecutive_error_limit"` // errors in a row allowed at the end
	NoDataLimit           int `json:"no_data_limit"`           // ticks without data allowed

	MinCoverage float64 `json:"min_coverage"` // part of the expected ticks that must have been answered, 0 to 1
	MinRequests float64 `json:"min_requests"` // requests that must have been seen in the window
	MinAbs      float64 `json:"min_abs"`      // a count below this is never bad
	MinRate     float64 `json:"min_rate"`     // a rate up to this is never bad, 0 to 1
	Ratio       float64 `json:"ratio"`        // how many times its baseline a rate may reach
}

// Defaults is a watch of a quarter of an hour with one look a minute.
func Defaults() Params {
	return Params{
		Window:                15 * time.Minute,
		Interval:              time.Minute,
		InitialDelay:          time.Minute,
		IngestDelay:           time.Minute,
		ErrorRetry:            10 * time.Second,
		FailureLimit:          2,
		ConsecutiveErrorLimit: 4,
		NoDataLimit:           3,
		MinCoverage:           0.8,
		MinRequests:           20,
		MinAbs:                5,
		MinRate:               0.01,
		Ratio:                 2,
	}
}

// maxTicks bounds what one watch stores.
const maxTicks = 1000

// Validate reports everything that makes the rules impossible to watch by, in
// one error.
func (p Params) Validate() error {
	var faults []error
	refuse := func(wrong bool, text string) {
		if wrong {
			faults = append(faults, errors.New(text))
		}
	}
	refuse(p.Interval <= 0, "interval must be longer than zero")
	refuse(p.Interval > 0 && p.Window < p.Interval, "window must hold at least one interval")
	refuse(p.InitialDelay < 0 || p.IngestDelay < 0 || p.ErrorRetry < 0, "delays must not be negative")
	refuse(p.FailureLimit < 0 || p.ConsecutiveErrorLimit < 0 || p.NoDataLimit < 0, "limits must not be negative")
	refuse(!(p.MinCoverage > 0 && p.MinCoverage <= 1), "min_coverage must be above 0 and at most 1")
	refuse(!(p.MinRate >= 0 && p.MinRate <= 1), "min_rate must be between 0 and 1")
	refuse(!(p.MinRequests >= 0 && p.MinAbs >= 0 && p.Ratio >= 1), "min_requests and min_abs must not be negative, ratio must be at least 1")
	if n := Expected(p); n > maxTicks {
		faults = append(faults, fmt.Errorf("a watch of %d ticks is longer than %d", n, maxTicks))
	}
	return errors.Join(faults...)
}

// Outcome is what one measurement said. The texts are those of the deploy
// contract's outcomes, and are stored.
type Outcome string

// The outcomes.
const (
	OK     Outcome = "ok"
	Bad    Outcome = "bad"
	NoData Outcome = "no_data"
	Error  Outcome = "error"
)

// Unit says what the values of a series are, and so how they are held against
// its baseline. The texts are stored.
type Unit string

// The units.
const (
	Plain Unit = ""      // the check judged for itself; values are for people
	Count Unit = "count" // errors counted within the tick's range
	Rate  Unit = "rate"  // errors per request, 0 to 1
)

// Tick is one measurement of one check.
type Tick struct {
	N        int       `json:"n"` // 1 to [Expected]; one more for the final one
	Outcome  Outcome   `json:"outcome"`
	Value    float64   `json:"value"`
	Requests float64   `json:"requests"` // seen within the range; negative when the check does not count them
	Hard     bool      `json:"hard,omitempty"`
	At       time.Time `json:"at"`   // when it was measured
	From     time.Time `json:"from"` // the range is half open: [From, To)
	To       time.Time `json:"to"`
	Detail   string    `json:"detail,omitempty"`
	// Latency is how long the application took to answer, where the check
	// sees that; zero elsewhere.
	Latency time.Duration `json:"latency,omitempty"`
}

// Series is everything one check has measured.
type Series struct {
	Check    string   `json:"check"`
	Required bool     `json:"required"`          // the others are shown, and decide nothing
	Instant  bool     `json:"instant,omitempty"` // it sees the present only, such as a probe: no back-filling, and its final measurement is no query of the window
	Unit     Unit     `json:"unit,omitempty"`
	Baseline *float64 `json:"baseline,omitempty"` // the same measurement over a whole window before the deployment; nil when there was none
	// Before is how long an answer took before the deployment; zero where
	// that is not known. It is one answer, shown beside the others.
	Before time.Duration `json:"before,omitempty"`
	Ticks  []Tick        `json:"ticks"`
	Final  *Tick         `json:"final,omitempty"`
}

// Verdict is what a watch came to. The empty verdict is that of a watch which
// is still running. The texts are stored and shown.
type Verdict string

// The verdicts. Judge never says [Aborted]: it belongs to whoever ended the
// watch early.
const (
	Running       Verdict = ""
	Passed        Verdict = "passed"
	Failed        Verdict = "failed"
	CannotMeasure Verdict = "cannot measure"
	Inconclusive  Verdict = "inconclusive"
	Aborted       Verdict = "aborted"
)
