package commands

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// SinceHint says how a moment in the past may be given.
const SinceHint = "3d, 6h, 2026-11-20 or 2026-11-20T08:00Z"

// oldest is how long ago a leak may be said to have begun.
const oldest = 10 * 365 * 24 * time.Hour

var agoForm = regexp.MustCompile(`^(?i)([1-9][0-9]{0,3})(m|min|h|d|w)$`)

var agoUnits = map[string]time.Duration{"m": time.Minute, "min": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}

// Since reads since when a secret may have been known to others: a length of time
// back from now, a date, or a moment with its zone. why is a sentence for people
// where it is none of these.
func Since(text string, now time.Time) (at time.Time, why string) {
	at, known := moment(strings.TrimSpace(text), now)
	switch {
	case !known:
		return time.Time{}, "That is no moment that is understood. Say " + SinceHint + "; a time needs its zone, Z is UTC."
	case at.After(now):
		return time.Time{}, "That moment has not come yet."
	case now.Sub(at) > oldest:
		return time.Time{}, "That is more than ten years ago."
	}
	return at, ""
}

func moment(text string, now time.Time) (time.Time, bool) {
	if m := agoForm.FindStringSubmatch(text); m != nil {
		n, err := strconv.Atoi(m[1])
		return now.Add(-time.Duration(n) * agoUnits[strings.ToLower(m[2])]), err == nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if at, err := time.Parse(form, strings.ToUpper(text)); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// cutSince takes `--since WHEN` out of a line, wherever it stands.
func cutSince(text string, now time.Time) (rest string, at time.Time, m *misfit) {
	fields := strings.Fields(visible(text))
	var kept []string
	for i := 0; i < len(fields); i++ {
		when, given, here := valued(fields[i], "since")
		switch {
		case !here:
			kept = append(kept, fields[i])
			continue
		case !at.IsZero():
			return text, at, &misfit{"`--since` stands there twice.", "Say it once."}
		case !given && i+1 < len(fields):
			i++
			when = fields[i]
		}
		var why string
		if at, why = Since(strings.Trim(when, quotes), now); why != "" {
			return text, at, &misfit{"`--since` says since when others may have known the secret. " + why, "Try `--since 3d`."}
		}
	}
	return strings.Join(kept, " "), at, nil
}
