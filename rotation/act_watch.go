package rotation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

// Names of the measurements that every watch makes beside the configured
// checks.
const (
	seriesAttest   = "attest"
	seriesAffected = "affected"
)

// baseline measures every check of what is watched over the time before anything
// is changed. A source that does not answer now would leave the watch blind.
func (w *run) baseline(ctx context.Context, deployment string) error {
	from, to := watch.Before(w.subject.Watch, time.Now())
	w.r.Base, w.r.Latencies = make(map[string]float64), nil
	for _, c := range w.stage().Checks {
		m := c.Measure(ctx, deploy.Window{From: from, To: to, Deployment: deployment, Signatures: w.r.Traits.Signatures})
		op := "asking the check " + c.Name + " before the start"
		switch {
		case m.Outcome == deploy.Error && c.Required:
			return &fault.Error{Op: op, Class: fault.Again, Reason: fault.CannotMeasure, Detail: m.Detail, Err: m.Said.Cause()}
		case m.Outcome == deploy.Bad && c.Required && (c.Instant || m.Hard):
			return &fault.Error{Op: op, Class: fault.Again, Reason: fault.Failing, Detail: m.Detail, Err: m.Said.Cause()}
		case m.Outcome != deploy.Error && m.Outcome != deploy.NoData && c.Unit != watch.Plain:
			w.r.Base[c.Name] = m.Value
		}
		w.r.noteLatency(c.Name, m)
	}
	return nil
}

// watch measures what is due and judges it. State is kept after every tick;
// after a restart the ticks that were missed are measured over their own
// ranges.
func (w *run) watch(ctx context.Context, s Step) (outcome, error) {
	v, p := w.vigil(s)
	var events []event.Event
	if v.Verdict != "" && v.Verdict != watch.Running {
		return w.judged(ctx, s, v, events) // what followed from it did not come to its end
	}
	for {
		n, from, to, at := watch.Due(p, v.Start, v.done(), time.Now())
		if n == 0 {
			return outcome{wake: at, events: events}, nil
		}
		ticks, scope := w.measure(ctx, v, p, tick{n, from, to})
		if ctx.Err() != nil {
			return outcome{}, ctx.Err()
		}
		final := n > watch.Expected(p)
		if final && v.Closing.IsZero() {
			v.Closing = time.Now()
		}
		if final {
			at = v.Closing // after an outage the last look has its retries, too
		}
		if again, ok := watch.Retry(p, at, time.Now()); ok && onlyErrors(ticks) {
			return outcome{wake: again, events: events}, nil
		}
		if v.follow(scope, time.Now()) {
			events = append(events, event.Event{Kind: event.Scope, Step: s.String(), Text: "It runs on the new key; the watch's clock goes on.", Facts: map[string]string{"deployment": scope}})
		}
		v.add(ticks, final)
		w.count(v, final)
		if v.Verdict, v.Finding = watch.Judge(p, v.Series, final); v.Verdict != watch.Running {
			return w.judged(ctx, s, v, events)
		}
	}
}

// vigil finds or begins the watch of a step.
func (w *run) vigil(s Step) (*Vigil, watch.Params) {
	p := w.rules(s)
	if v := w.r.Vigils[s.Act]; v != nil {
		if v.Rules.Interval > 0 {
			p = v.Rules // whatever the configuration says meanwhile: ticks of two lengths make no watch
		}
		return v, p
	}
	v := &Vigil{Number: w.r.Watches, Start: time.Now(), Rules: p, Scope: w.r.Deploys[w.r.front()].Name}
	v.follow(v.Scope, v.Start)
	v.Series = append(v.Series, watch.Series{Check: seriesAttest, Required: true, Instant: true})
	if stage := w.stage(); stage.Affected != nil && stage.Free {
		v.Series = append(v.Series, watch.Series{Check: seriesAffected, Required: true, Instant: true})
	}
	for _, c := range w.stage().Checks {
		series := watch.Series{Check: c.Name, Required: c.Required, Instant: c.Instant, Unit: c.Unit}
		if base, ok := w.r.Base[c.Name]; ok {
			series.Baseline = &base
		}
		series.Before = w.r.Latencies[c.Name]
		v.Series = append(v.Series, series)
	}
	if w.r.Vigils == nil {
		w.r.Vigils = make(map[Act]*Vigil)
	}
	w.r.Vigils[s.Act] = v
	return v, p
}

// done is how many ticks are recorded, the final one included. Every series
// has as many as the others.
func (v *Vigil) done() int {
	n := len(v.Series[0].Ticks)
	if v.Series[0].Final != nil {
		n++
	}
	return n
}

func (v *Vigil) add(ticks []watch.Tick, final bool) {
	for i := range v.Series {
		if final {
			v.Series[i].Final = &ticks[i]
		} else {
			v.Series[i].Ticks = append(v.Series[i].Ticks, ticks[i])
		}
	}
}

// tick is one measurement that is due.
type tick struct {
	n        int
	from, to time.Time
}

// measure asks everything once. heard is the deployment that answered for the
// new credential, "" when that could not be asked.
func (w *run) measure(ctx context.Context, v *Vigil, p watch.Params, t tick) (ticks []watch.Tick, heard string) {
	win := deploy.Window{From: t.from, To: t.to, Signatures: w.r.Traits.Signatures}
	witness, heard := w.testify(ctx)
	win.Deployment, win.Beside = v.scopes(heard, t.from)
	checks := map[string]deploy.Check{seriesAffected: w.stage().Affected}
	for _, c := range w.stage().Checks {
		checks[c.Name] = c.Check
	}
	for _, s := range v.Series {
		m := witness
		if s.Check != seriesAttest {
			m = one(ctx, checks[s.Check], s, p, win)
		}
		ticks = append(ticks, watch.Tick{N: t.n, Outcome: watch.Outcome(m.Outcome), Value: m.Value, Requests: m.Requests, Hard: m.Hard, At: time.Now(), From: win.From, To: win.To, Detail: w.told(ctx, m.Detail, m.Said), Latency: m.Latency})
	}
	return ticks, heard
}

// one measures a check. What sees the present only says nothing about a tick
// that is long over; a check that has left the configuration measures nothing.
func one(ctx context.Context, c deploy.Check, s watch.Series, p watch.Params, win deploy.Window) deploy.Measurement {
	switch {
	case c == nil:
		return deploy.Measurement{Outcome: deploy.Error, Requests: -1, Detail: "the check is no longer configured"}
	case s.Instant && watch.Missed(p, win.To.Add(p.IngestDelay), time.Now()):
		return deploy.Measurement{Outcome: deploy.Error, Requests: -1, Detail: "not asked at the time"}
	default:
		return c.Measure(ctx, win)
	}
}

// testify asks what is watched, production as a rule, which credential it runs on. An application that
// still answers for the old one, or for neither, has failed; one that cannot
// be asked is a measurement that could not be made.
func (w *run) testify(ctx context.Context) (deploy.Measurement, string) {
	env, m := w.r.front(), deploy.Measurement{Outcome: deploy.Error, Requests: -1}
	current, err := w.expect(ctx, env, w.r.Places[env].After)
	if fault.Is(err, fault.ChangedByOther) {
		return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Requests: -1, Detail: "the vault no longer holds what was written"}, ""
	}
	if err != nil {
		m.Detail = "the vault could not be read"
		return m, ""
	}
	old, err := w.stale(ctx, env)
	if err != nil {
		m.Detail = "the old version could not be read from the vault"
		return m, ""
	}
	heard, err := w.attest(ctx, env, current, old)
	switch {
	case fault.Is(err, fault.Unproved):
		return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Requests: -1, Detail: fault.Of(err).Detail}, ""
	case err != nil:
		m.Detail = "the application could not be asked which key it uses"
		return m, ""
	}
	return deploy.Measurement{Outcome: deploy.OK, Requests: -1, Value: float64(heard.New)}, heard.Deployment
}

// onlyErrors reports that something could not be measured and nothing failed:
// then the tick may be tried again. A failure is never thrown away.
func onlyErrors(ticks []watch.Tick) bool {
	errors := false
	for _, t := range ticks {
		if t.Outcome == watch.Bad {
			return false
		}
		errors = errors || t.Outcome == watch.Error
	}
	return errors
}

// count adds what the last tick saw of the application's requests.
func (w *run) count(v *Vigil, final bool) {
	if final {
		return // the final query covers what the ticks have counted
	}
	for _, s := range v.Series {
		if t := s.Ticks[len(s.Ticks)-1]; s.Unit == watch.Count && t.Requests >= 0 {
			w.r.Seen.Requests += t.Requests
			w.r.Seen.Failed += t.Value
		}
	}
}

// judged ends a watch: on to the next step after a pass, else a person. What
// was only switched off is switched on again before that person comes.
func (w *run) judged(ctx context.Context, s Step, v *Vigil, events []event.Event) (outcome, error) {
	_, p := w.vigil(s)
	text := w.summary(p, v)
	facts := map[string]string{"verdict": string(v.Verdict), "watch": strconv.Itoa(v.Number)}
	events = append(events, event.Event{Kind: event.Verdict, Step: s.String(), Text: text, Facts: facts})
	if v.Verdict == watch.Passed {
		return outcome{done: true, events: events}, nil
	}
	if v.Verdict == watch.Failed && w.healable() {
		if err := w.switchOn(ctx); err != nil {
			return outcome{}, err
		}
		out := w.healed("")
		out.events = append(events, out.events...)
		return out, nil
	}
	if v.Verdict == watch.Failed && w.turnsBack(s, fault.Failing) {
		err := w.oldLives(ctx)
		if err == nil {
			return outcome{undo: text, events: events}, nil
		}
		if ctx.Err() != nil {
			return outcome{}, ctx.Err()
		}
		w.e.config.Log.Warn("a watch that failed cannot be rolled back by itself", "rotation", w.r.ID, "error", err)
	}
	reason := fault.CannotMeasure
	if v.Verdict == watch.Failed {
		reason = fault.Failing
	}
	f := fault.New("watching "+w.r.front(), reason, strings.TrimSuffix(text, "."))
	problem := explain(w.r, s, f)
	problem.offered(v.Verdict != watch.Failed && !w.r.deployFirst())
	w.r.Problem = &problem
	return outcome{state: Stuck, events: append(events,
		event.Event{Kind: event.Stopped, Step: s.String(), Reason: string(reason), Text: problem.Safe + " " + problem.Next})}, nil
}

// summary is the watch's result in a line: how much was measured, in figures,
// and what was not as it should be.
func (w *run) summary(p watch.Params, v *Vigil) string {
	text := fmt.Sprintf("Watched %s for %s.", w.r.front(), human(time.Since(v.Start)))
	for _, series := range v.Series {
		if words := watch.Words(p, series); words != "" {
			text += " " + words + "."
		}
	}
	var fine []string
	for _, series := range v.Series {
		t := watch.Tally(p, series)
		if t.OK == len(series.Ticks) {
			fine = append(fine, series.Check)
			continue
		}
		text += fmt.Sprintf(" %s: %d of %d looks good, %d bad, %d without data, %d not answered.", series.Check, t.OK, len(series.Ticks), t.Bad, t.NoData, t.Error)
	}
	if len(fine) > 0 {
		text += fmt.Sprintf(" Good at every look (%d): %s.", len(v.Series[0].Ticks), strings.Join(fine, ", "))
	}
	for _, f := range v.Finding {
		if f.Verdict == v.Verdict && v.Verdict != watch.Passed {
			text += " " + spoken(f)
		}
	}
	return text
}
