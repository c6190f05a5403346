package watch

import "time"

// Expected is how many ticks a whole watch has, the final query not counted.
func Expected(p Params) int {
	if p.Interval <= 0 || p.Window <= 0 {
		return 0
	}
	return int(p.Window / p.Interval)
}

// Due says what is to be measured now in a watch that began at start (the
// moment the deployment was live) and has recorded done ticks.
//
// A positive n is the tick to measure over [from, to); at is when it became
// due. Ticks that were missed come one after the other, each with its own
// range. After the last one comes the final query over the whole window, with
// n = Expected(p)+1. With n = 0 there is nothing to do before at, and a zero
// at means that the watch has ended.
func Due(p Params, start time.Time, done int, now time.Time) (n int, from, to, at time.Time) {
	switch last := Expected(p); {
	case done > last:
		return 0, time.Time{}, time.Time{}, time.Time{}
	case done == last:
		n, from, to, at = last+1, rangeEnd(p, start, 0), rangeEnd(p, start, last), FinalAt(p, start)
	default:
		done = max(done, 0)
		n, from, to, at = done+1, rangeEnd(p, start, done), rangeEnd(p, start, done+1), tickAt(p, start, done+1)
	}
	if now.Before(at) {
		return 0, time.Time{}, time.Time{}, at
	}
	return n, from, to, at
}

// FinalAt is when the final query is due: the last lines get a second ingest
// delay, for this query is the one that counts.
func FinalAt(p Params, start time.Time) time.Time {
	return tickAt(p, start, Expected(p)).Add(p.IngestDelay)
}

// Retry says when a tick that became due at at, and could not be measured at
// now, is to be measured again. It reports false when that would be later than
// the tick's own interval: the error then stands, and is recorded. Ticks of
// the past are thus tried once, so that errors never lengthen a watch; who
// resumes at the final query gives the time of his own first attempt as at.
func Retry(p Params, at, now time.Time) (time.Time, bool) {
	again := now.Add(p.ErrorRetry)
	if p.ErrorRetry <= 0 || !again.Before(at.Add(p.Interval)) {
		return time.Time{}, false
	}
	return again, true
}

// Missed reports that a tick due at at is over. A check that sees the present
// only must then be recorded as an error instead of being asked: what it says
// now is about another moment.
func Missed(p Params, at, now time.Time) bool {
	return !now.Before(at.Add(p.Interval))
}

// Before is the range of the same length that precedes now, for the look
// before anything is written and for the baseline.
func Before(p Params, now time.Time) (from, to time.Time) {
	to = now.Add(-p.IngestDelay)
	return to.Add(-time.Duration(Expected(p)) * p.Interval), to
}

// tickAt is when tick n is due.
func tickAt(p Params, start time.Time, n int) time.Time {
	return start.Add(p.InitialDelay + time.Duration(n)*p.Interval)
}

// rangeEnd is where tick n's range ends and that of tick n+1 begins.
func rangeEnd(p Params, start time.Time, n int) time.Time {
	return tickAt(p, start, n).Add(-p.IngestDelay)
}
