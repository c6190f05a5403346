package rotation

import (
	"fmt"
	"strconv"
	"time"

	"rekey/deploy"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

// WatchHint names the hint that a watch leaves with every look: whoever shows
// the watch to people looks at the record again. It is stored.
func WatchHint(key string, number int) string { return fmt.Sprintf("watch %s %d", key, number) }

// VigilOf finds a watch by its number; false for one that was begun anew since.
func (r *Rotation) VigilOf(number int) (*Vigil, Step, bool) {
	for _, s := range r.Plan {
		if v := r.Vigils[s.Act]; v != nil && v.Number == number && number > 0 {
			return v, s, true
		}
	}
	return nil, Step{}, false
}

// Looks is how many looks are recorded, the last one over the whole window not
// counted.
func (v *Vigil) Looks() int {
	if len(v.Series) == 0 {
		return 0
	}
	return len(v.Series[0].Ticks)
}

// Until is when the last look is due.
func (v *Vigil) Until() time.Time { return watch.FinalAt(v.Rules, v.Start) }

// Ended is when the last look was made, zero while the watch goes on.
func (v *Vigil) Ended() time.Time {
	if v.Verdict == watch.Running {
		return time.Time{}
	}
	var last time.Time
	for _, s := range v.Series {
		if s.Final != nil && s.Final.At.After(last) {
			last = s.Final.At
		}
		if n := len(s.Ticks); n > 0 && s.Ticks[n-1].At.After(last) {
			last = s.Ticks[n-1].At
		}
	}
	return last
}

// announce tells of a watch that begins. The event is stored with the step's
// intent, and carries the number that the watch will have.
func (w *run) announce(s Step) event.Event {
	w.r.Watches++
	p := w.rules(s)
	text := fmt.Sprintf("Watching %s for %s, a look every %s.", w.r.front(), human(p.Window), human(p.Interval))
	return event.Event{Kind: event.Watching, Step: s.String(), Text: text, Facts: map[string]string{"watch": strconv.Itoa(w.r.Watches)}}
}

// rules are those by which a watch that begins now is held.
func (w *run) rules(s Step) watch.Params {
	if s.Act == WatchAfter {
		return w.subject.After
	}
	return w.subject.Watch
}

// progress is the hint to leave with the outcome of a step: after each look of
// a watch, that there is something new to be shown.
func (w *run) progress(s Step) string {
	v := w.r.Vigils[s.Act]
	if s.Act != Watch && s.Act != WatchAfter || v == nil || v.Number == 0 || v.done() == 0 {
		return ""
	}
	return WatchHint(w.r.Key(), v.Number)
}

// noteLatency keeps how long the application took to answer before anything
// was changed.
func (r *Rotation) noteLatency(check string, m deploy.Measurement) {
	if m.Latency <= 0 || m.Outcome == deploy.Error {
		return
	}
	if r.Latencies == nil {
		r.Latencies = make(map[string]time.Duration)
	}
	r.Latencies[check] = m.Latency
}
