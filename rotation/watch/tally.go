package watch

import (
	"cmp"
	"slices"
)

// Counts is how the ticks of one series came out, each tick counted once.
type Counts struct {
	OK, Bad, NoData, Error int
	Hard                   int     // hits of a hard signature, the final query's included
	ErrorsAtEnd            int     // errors in a row, counted back from the last tick
	Requests               float64 // seen in the window; negative when not counted
	FirstBad, FirstHard    *Tick

	answered int
}

// Answered is the number of expected ticks whose source answered, whatever it
// said.
func (c Counts) Answered() int { return c.answered }

// Tally counts a series. A tick recorded twice counts as the worse of the two.
// Ticks beyond the expected ones can speak against an application and never
// for it. The final measurement of an instant check is a tick like the others
// where it is bad.
func Tally(p Params, s Series) Counts {
	c := Counts{Requests: -1}
	for _, t := range distinct(p, s) {
		c.add(p, t)
	}
	if s.Final != nil {
		c.final(p, s, *s.Final)
	}
	return c
}

// distinct returns the ticks in order, judged against the baseline, one for
// each number.
func distinct(p Params, s Series) []Tick {
	ticks := slices.Clone(s.Ticks)
	for i := range ticks {
		ticks[i].Outcome = Effective(p, s, ticks[i])
	}
	slices.SortStableFunc(ticks, func(a, b Tick) int {
		return cmp.Or(cmp.Compare(a.N, b.N), severity(b)-severity(a))
	})
	return slices.CompactFunc(ticks, func(a, b Tick) bool { return a.N == b.N })
}

// severity orders ticks: a failure that was seen outweighs everything, and an
// error covers up neither a failure nor a silence.
func severity(t Tick) int {
	switch {
	case t.Hard:
		return 4
	case t.Outcome == Bad:
		return 3
	case t.Outcome == NoData:
		return 2
	case t.Outcome == OK:
		return 0
	default:
		return 1
	}
}

func (c *Counts) add(p Params, t Tick) {
	counted := t.N >= 1 && t.N <= Expected(p)
	if t.Hard {
		c.hit(t)
	}
	switch {
	case t.Hard, t.Outcome == Bad:
		c.bad(t)
	case t.Outcome == OK && counted:
		c.OK++
	case t.Outcome == NoData && counted:
		c.NoData++
	case t.Outcome != OK && t.Outcome != NoData:
		// An outcome nobody knows says as little as none.
		c.Error++
		c.ErrorsAtEnd++
		return
	}
	if !counted {
		return
	}
	c.answered++
	c.ErrorsAtEnd = 0
	if t.Requests >= 0 {
		c.Requests = max(c.Requests, 0) + t.Requests
	}
}

// final adds what the last measurement says. A query of the whole window knows
// the traffic better than the ticks did.
func (c *Counts) final(p Params, s Series, f Tick) {
	if f.Hard {
		c.hit(f)
	}
	outcome := Effective(p, s, f)
	if s.Instant {
		if f.Hard || outcome == Bad {
			c.bad(f)
		}
		return
	}
	if f.Requests >= 0 && outcome != Error {
		c.Requests = f.Requests
	}
}

func (c *Counts) hit(t Tick) {
	c.Hard++
	if c.FirstHard == nil {
		c.FirstHard = &t
	}
}

func (c *Counts) bad(t Tick) {
	c.Bad++
	if c.FirstBad == nil {
		c.FirstBad = &t
	}
}

// used reports a positive signal: enough requests of others, or our own at
// enough ticks. An instant check that makes no request of the kind users make
// says so by not counting any.
func (c Counts) used(p Params, s Series) bool {
	if s.Instant && c.Requests > 0 && c.OK >= needed(p) {
		return true
	}
	return c.Requests >= 0 && c.Requests >= p.MinRequests
}

// mostRequests is the traffic that the best informed required check saw.
func mostRequests(p Params, series []Series) float64 {
	most := 0.0
	for _, s := range series {
		if s.Required {
			most = max(most, Tally(p, s).Requests)
		}
	}
	return most
}

// Looks returns what each look came to so far, first to last: the worst that a
// required check said. A look that is not recorded is missing at the end.
func Looks(p Params, series []Series) []Outcome {
	var all []Tick
	for _, s := range series {
		for _, t := range distinct(p, s) {
			if !s.Required || t.N < 1 || t.N > Expected(p) {
				continue
			}
			for len(all) < t.N {
				all = append(all, Tick{Outcome: OK})
			}
			if severity(t) > severity(all[t.N-1]) {
				all[t.N-1] = t
			}
		}
	}
	outcomes := make([]Outcome, len(all))
	for i, t := range all {
		outcomes[i] = t.Outcome
		if t.Hard {
			outcomes[i] = Bad
		}
	}
	return outcomes
}
