package config

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"rekey/rotation"
	"rekey/rotation/watch"
)

// lenient lists what makes a rotation's proofs weaker than they usually are:
// somebody may have reasons, and somebody else should know.
func (c *Config) lenient() []string {
	var found []string
	for name, e := range c.Environments.Each() {
		found = append(found, e.lenient(name, "environments."+name)...)
	}
	found = append(found, c.Watch.lenient("watch", shortestBefore)...)
	found = append(found, c.WatchAfter.lenient("watch_after", shortestAfter)...)
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		found = append(found, c.Secrets[name].lenient(c, "secrets."+name)...)
	}
	return found
}

// lenient looks at what an environment's applications are asked.
func (e *Environment) lenient(name, at string) []string {
	var found []string
	logs := false
	for _, check := range e.Checks {
		logs = logs || check.Loki != nil && check.Required
		if check.HTTP != nil {
			found = append(found, check.HTTP.lenient(at+".checks, "+check.Name)...)
		}
	}
	if !logs && name == rotation.Production {
		found = append(found, at+".checks: no log is required, so a watch does not see the errors that a refused key causes")
	}
	switch a := e.Attest; {
	case a.Instances == 0 && a.Streak < usualStreak:
		found = append(found, fmt.Sprintf("%s.attest: %s of unknown instances, where %d in a row are usual; one that runs on the old key may not be among them", at, answers(a.Streak), usualStreak))
	case a.Instances == 1 && name == rotation.Production:
		found = append(found, at+".attest: a single answer proves it; where more than one instance runs, the others are not asked")
	}
	return found
}

// usualStreak is the default of [Attest].Streak.
const usualStreak = 6

func answers(n int) string {
	if n == 1 {
		return "one answer"
	}
	return fmt.Sprintf("%d answers", n)
}

// lenient names statuses that usually say that something is wrong.
func (h *HTTP) lenient(at string) []string {
	var bad []string
	for _, status := range h.Status {
		if status >= 400 {
			bad = append(bad, fmt.Sprint(status))
		}
	}
	if len(bad) == 0 {
		return nil
	}
	return []string{at + ": status " + strings.Join(bad, ", ") + " counts as a good answer"}
}

// lenient looks at what is so for one secret alone.
func (s *Secret) lenient(c *Config, at string) []string {
	var found []string
	if s.Affected.None != "" {
		found = append(found, at+".affected: none ("+s.Affected.None+"); nothing asks the application for what needs this credential")
	}
	for _, environment := range []string{rotation.Staging, rotation.Production} {
		if p := s.Affected.In(environment); p != nil && p.HTTP != nil {
			found = append(found, p.HTTP.lenient(at+".affected."+environment)...)
		}
	}
	if s.Watch != c.Watch {
		found = append(found, s.Watch.lenient(at+".watch", shortestBefore)...)
	}
	if s.WatchAfter != c.WatchAfter {
		found = append(found, s.WatchAfter.lenient(at+".watch_after", shortestAfter)...)
	}
	return found
}

// The shortest watches that nobody need know about. What a forgotten consumer
// of the old key does shows sooner than what the new key does to everybody.
const (
	shortestBefore = 15 * time.Minute
	shortestAfter  = 5 * time.Minute
)

// lenient compares the rules of a watch with the usual ones, all in one line.
func (w Watch) lenient(at string, shortest time.Duration) []string {
	p, usual := w.Params(), watch.Defaults()
	usual.Window = shortest
	var laxer []string
	note := func(lax bool, key string, got, want any) {
		if lax {
			laxer = append(laxer, fmt.Sprintf("%s %v (%v)", key, got, want))
		}
	}
	note(p.Window < usual.Window, "window", p.Window, usual.Window)
	note(watch.Expected(p) < watch.Expected(usual), "looks", watch.Expected(p), watch.Expected(usual))
	note(p.FailureLimit > usual.FailureLimit, "failure_limit", p.FailureLimit, usual.FailureLimit)
	note(p.ConsecutiveErrorLimit > usual.ConsecutiveErrorLimit, "consecutive_error_limit", p.ConsecutiveErrorLimit, usual.ConsecutiveErrorLimit)
	note(p.NoDataLimit > usual.NoDataLimit, "no_data_limit", p.NoDataLimit, usual.NoDataLimit)
	note(p.MinCoverage < usual.MinCoverage, "min_coverage", percent(p.MinCoverage), percent(usual.MinCoverage))
	note(p.MinRequests < usual.MinRequests, "min_requests", p.MinRequests, usual.MinRequests)
	note(p.MinAbs > usual.MinAbs, "min_abs", p.MinAbs, usual.MinAbs)
	note(p.MinRate > usual.MinRate, "min_rate", percent(p.MinRate), percent(usual.MinRate))
	note(p.Ratio > usual.Ratio, "ratio", p.Ratio, usual.Ratio)
	if len(laxer) == 0 {
		return nil
	}
	return []string{at + ": it sees less than a usual one, whose values are in brackets: " + strings.Join(laxer, ", ")}
}

func percent(share float64) string { return fmt.Sprintf("%.4g%%", 100*share) }
