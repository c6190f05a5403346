package watch

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// Figures are what a series came to in numbers, for people. They decide
// nothing.
type Figures struct {
	Looks    int           // answered ones
	Errors   float64       // counted over them, or errors per request where the unit is Rate
	Usual    float64       // what the baseline leads one to expect of Errors; negative without one
	Requests float64       // seen meanwhile; negative when not counted
	Hits     float64       // lines with the credential's own error
	Latency  time.Duration // of the median answer; 0 where the check does not see it
	Before   time.Duration // of an answer before the deployment; 0 where unknown
}

// Sum adds a series up: from its ticks, and once the whole window was looked
// at again, from that look.
func Sum(p Params, s Series) Figures {
	f := Figures{Requests: -1, Usual: -1, Before: s.Before}
	ticks := distinct(p, s)
	f.Latency = median(ticks)
	share := 1.0
	if whole := s.Final; whole != nil && !s.Instant && whole.Outcome != Error {
		f.Looks = Tally(p, s).Answered()
		f.take(s.Unit, *whole)
	} else {
		for _, t := range ticks {
			if t.Outcome != Error {
				f.Looks++
				f.take(s.Unit, t)
			}
		}
		share = float64(f.Looks) / float64(max(Expected(p), 1))
	}
	if s.Unit == Rate {
		share = 1
		f.Errors /= math.Max(f.Requests, 1)
	}
	if s.Baseline != nil {
		f.Usual = *s.Baseline * share
	}
	return f
}

// take adds one measurement. The value of a hit counts hits, not errors; a
// rate is weighted by its requests.
func (f *Figures) take(u Unit, t Tick) {
	if t.Requests >= 0 {
		f.Requests = math.Max(f.Requests, 0) + t.Requests
	}
	switch {
	case t.Hard:
		f.Hits += t.Value
	case u == Count:
		f.Errors += t.Value
	case u == Rate:
		f.Errors += t.Value * math.Max(t.Requests, 0)
	}
}

// median is the middle one of the ticks' latencies.
func median(ticks []Tick) time.Duration {
	var known []time.Duration
	for _, t := range ticks {
		if t.Latency > 0 {
			known = append(known, t.Latency)
		}
	}
	if len(known) == 0 {
		return 0
	}
	slices.Sort(known)
	return known[len(known)/2]
}

// Words says what a series came to so far, in words without a full stop;
// "" where there is nothing to count.
func Words(p Params, s Series) string {
	f := Sum(p, s)
	text := ""
	switch {
	case f.Looks == 0:
		return ""
	case s.Unit == Count:
		text = fmt.Sprintf("%s: %.0f counted", s.Check, f.Errors)
		if f.Requests >= 0 {
			text += " in " + number(f.Requests, "request")
		}
		text += usual(f.Usual, func(n float64) string { return fmt.Sprintf("%.3g", n) })
	case s.Unit == Rate:
		percent := func(n float64) string { return fmt.Sprintf("%.3g %%", 100*n) }
		text = fmt.Sprintf("%s: %s of requests failed%s", s.Check, percent(f.Errors), usual(f.Usual, percent))
	case f.Latency > 0:
		text = fmt.Sprintf("%s: answered in %s", s.Check, millis(f.Latency))
		if f.Before > 0 {
			text += fmt.Sprintf(" (%s before)", millis(f.Before))
		}
	default:
		return ""
	}
	if f.Hits > 0 {
		text += fmt.Sprintf(", %s of this credential's own error", number(f.Hits, "line"))
	}
	return text
}

// millis writes how long an answer took.
func millis(d time.Duration) string {
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.3g s", ms/1000)
	case ms >= 10:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.2g ms", ms)
	}
}

// number writes a number with its noun.
func number(n float64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%.0f %s", n, noun)
}

func usual(n float64, words func(float64) string) string {
	if n < 0 {
		return " (nothing to compare with)"
	}
	return " (" + words(n) + " usual)"
}
