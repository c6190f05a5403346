package watch

import (
	"math"
	"time"
)

// CountIsBad holds a count of errors against its baseline: bad when it is at
// least MinAbs and lies more than three standard deviations above what was
// usual. Counts of rare independent events scatter by the square root of their
// mean; the one added keeps a baseline of zero from making everything an
// outlier.
//
// The baseline was counted over a whole window; share is the part of a window
// that value was counted over, 1 for the final query. Without a baseline only
// the absolute threshold is left.
func CountIsBad(p Params, value float64, baseline *float64, share float64) bool {
	if value < p.MinAbs {
		return false
	}
	if baseline == nil {
		return value > 0
	}
	usual := *baseline * share
	return value > usual+3*math.Sqrt(usual+1)
}

// RateIsBad holds a rate of errors against its baseline: bad when it is above
// MinRate and above Ratio times what was usual. Under MinRequests a rate says
// nothing and is never bad. Without a baseline only MinRate is left.
func RateIsBad(p Params, value, requests float64, baseline *float64) bool {
	if requests < p.MinRequests {
		return false
	}
	limit := p.MinRate
	if baseline != nil {
		limit = max(limit, p.Ratio**baseline)
	}
	return value > limit
}

// Effective is the outcome of a tick after its value was held against the
// baseline of its series: an ok may turn out bad, nothing else changes.
func Effective(p Params, s Series, t Tick) Outcome {
	if t.Outcome != OK {
		return t.Outcome
	}
	if t.Hard {
		return Bad
	}
	if math.IsNaN(t.Value) || math.IsInf(t.Value, 0) {
		return NoData // 0/0 of a source without traffic
	}
	bad := false
	switch s.Unit {
	case Count:
		bad = CountIsBad(p, t.Value, s.Baseline, share(p, t))
	case Rate:
		bad = RateIsBad(p, t.Value, t.Requests, s.Baseline)
	case Plain:
	}
	if bad {
		return Bad
	}
	return OK
}

// share is the part of a window that a tick's range covers.
func share(p Params, t Tick) float64 {
	whole := time.Duration(Expected(p)) * p.Interval
	if whole <= 0 || !t.To.After(t.From) {
		return 1
	}
	return min(1, float64(t.To.Sub(t.From))/float64(whole))
}
