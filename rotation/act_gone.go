package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

// opGone is what is done about an old credential that died by its successor.
const opGone = "proving that the old credential is dead"

// gone looks, right after a cutover, for the first refusal of the old
// credential. It never holds up the deployment that ends the gap: what is
// certain about the death is proved before the report. The provider's schedule
// bounds how often a credential that may be dead is shown to its service.
func (w *run) gone(ctx context.Context, s Step) (outcome, error) {
	env := scopeOf(s)
	e, waits := w.endOf(env), w.r.Traits.Waits
	if !e.Refused.IsZero() {
		return finished("")
	}
	if early := waits.ProbeFirst - time.Since(e.Sent); early > 0 {
		return lookAgain(early)
	}
	found, err := w.probeOld(ctx, env, &e)
	if err != nil {
		return outcome{}, err
	}
	w.endIs(env, e)
	switch {
	case e.ListOnly:
		return finished("The old key's value can no longer be read in the vault, so it cannot be probed. Rekey goes on.")
	case found.Liveness == providers.Refused:
		w.turn(env, func(t *Turn) { t.Refused = t.firstRefusal(w.r.Traits.Guided, time.Now()) })
		if env == w.r.front() {
			w.r.Gap.From, w.r.Gap.Deployment = w.r.TurnOf(env).Refused, w.failing()
		}
		return finished(fmt.Sprintf("%s is refused (%s): %s without a working key until the new one is deployed.", w.r.Places[env].Old.Brief(), found.Answer, w.r.whoIs(env)))
	case found.Liveness == providers.Alive && time.Since(e.Sent) < waits.ProbeFor:
		return lookAgain(waits.ProbeEvery)
	default:
		return finished(fmt.Sprintf("The service does not refuse %s yet (%s). Rekey goes on and looks again in the end.", w.r.Places[env].Old.Brief(), found.Answer))
	}
}

// firstRefusal is the earliest moment at which the old one is known to be
// dead: when its successor was asked of the service, or had been made by a
// person, or when it was seen refused before.
func (t Turn) firstRefusal(guided bool, now time.Time) time.Time {
	first := now
	if !guided {
		first = t.Sent
	}
	return sooner(first, sooner(t.Seen, t.Refused))
}

// whoIs says which environments stand on one credential: "production is".
func (r *Rotation) whoIs(env string) string {
	if r.Cell.Shared {
		return "both environments are"
	}
	return env + " is"
}

// endOf is what is known of the end of an environment's old credential.
func (w *run) endOf(env string) Ending {
	e := w.r.Ends[w.r.scopeKey(env)]
	if e.ID == "" {
		t := w.r.TurnOf(env)
		e.ID, e.Sent, e.Tries = w.r.Places[env].Old.ID, t.Made, 1
		if !t.Dies.IsZero() {
			e.Sent = t.Dies
		}
	}
	return e
}

func (w *run) endIs(env string, e Ending) {
	if w.r.Ends == nil {
		w.r.Ends = make(map[string]Ending)
	}
	w.r.Ends[w.r.scopeKey(env)] = e
}

// probeOld probes an old credential once and notes the answer.
func (w *run) probeOld(ctx context.Context, env string, e *Ending) (providers.Finding, error) {
	old, err := w.stale(ctx, env)
	if err != nil {
		return providers.Finding{}, err
	}
	found, err := w.probe(ctx, old)
	if err != nil {
		return providers.Finding{}, err
	}
	e.ListOnly = old == nil
	switch found.Liveness {
	case providers.Refused:
		e.refused(found.Answer)
	case providers.Alive:
		e.revived()
	}
	return found, nil
}

// durableProbe proves, after the old credential's own deadline, that it is
// dead. The deadline is a timer of the record, whoever lives until then.
func (w *run) durableProbe(ctx context.Context, s Step) (outcome, error) {
	env := scopeOf(s)
	if at := w.r.TurnOf(env).Dies.Add(w.r.Traits.Waits.ProbeAfter); time.Now().Before(at) {
		return outcome{wake: at}, nil
	}
	return w.lastRites(ctx, s, env)
}

// lastRites takes the death certificate of a credential that its successor
// killed: refused without a break for as long as the provider asks. Alive, it
// is a lasting duty: Rekey has no way to end it and goes on looking, ever less
// often, and says so.
func (w *run) lastRites(ctx context.Context, s Step, env string) (outcome, error) {
	e := w.endOf(env)
	if !e.Dead.IsZero() {
		return finished("")
	}
	before := e
	found, err := w.probeOld(ctx, env, &e)
	if err != nil {
		return outcome{}, err
	}
	w.endIs(env, e)
	switch {
	case found.Liveness == providers.Alive && !before.Refused.IsZero():
		return w.goneReturned(s, before, found.Answer), nil
	case e.ListOnly && e.Refused.IsZero():
		return outcome{}, fault.New(opGone, fault.Unproved, "its old value can no longer be read in the vault, so it cannot be probed")
	case e.ListOnly: // it was refused when it could be read
	case found.Liveness == providers.Alive:
		return outcome{}, &fault.Error{Op: opGone, Class: fault.Again, Reason: fault.StillAlive, Detail: "the service answered " + found.Answer + "; end it there by hand if it stays so"}
	case found.Liveness != providers.Refused:
		return outcome{}, &fault.Error{Op: opGone, Class: fault.Again, Reason: fault.CannotMeasure, Detail: "the service answered " + found.Answer}
	case e.Last.Sub(e.Refused) < w.r.Traits.Waits.ProbeFor:
		w.r.Attempt = 0
		return lookAgain(w.r.Traits.Waits.ProbeEvery)
	}
	e.Dead = time.Now()
	w.endIs(env, e)
	text := fmt.Sprintf("%s is dead: %s.", w.r.Places[env].Old.Brief(), e.certificate())
	return outcome{done: true, events: []event.Event{{Kind: event.Dead, Step: s.String(), Text: text, Facts: map[string]string{"id": string(e.ID), "answer": e.Answer}}}}, nil
}

// buried holds, before the report of a cutover and before its audit, that every
// old credential is proved dead. What the audit has closed with is looked at again.
func (w *run) buried(ctx context.Context, s Step) (outcome, error) {
	var events []event.Event
	for _, of := range w.r.Plan {
		if of.Act != ConfirmDead && of.Act != DurableProbe {
			continue
		}
		rites := w.lastRites
		if (of.Act == DurableProbe || w.r.Cell.Mode == Emergency) && !w.endOf(scopeOf(of)).Dead.IsZero() {
			rites = func(ctx context.Context, _ Step, _ string) (outcome, error) { return w.stillGone(ctx, of) }
		}
		out, err := rites(ctx, s, scopeOf(of))
		if err != nil || !out.done {
			out.events = append(events, out.events...)
			return out, err
		}
		events = append(events, out.events...)
	}
	return outcome{done: true, events: events}, nil
}

// closeGap notes that the environment at stake was proved on the new credential.
func (w *run) closeGap(env string) {
	if g := &w.r.Gap; env == w.r.front() && g.To.IsZero() && w.r.Cell.gaps() {
		g.To = time.Now()
	}
}

// feltGap counts what the application felt of the gap: its own requests, by
// the checks that can tell.
func (w *run) feltGap(ctx context.Context) {
	g := &w.r.Gap
	if g.Length() == 0 || g.Counted {
		return
	}
	win := deploy.Window{From: g.From, To: g.To, Deployment: w.r.Deploys[w.r.front()].Name, Signatures: w.r.Traits.Signatures}
	if g.Deployment != "" && g.Deployment != win.Deployment {
		win.Beside = []string{g.Deployment}
	}
	for _, c := range w.stage().Checks {
		if c.Unit != watch.Count {
			continue
		}
		m := c.Measure(ctx, win)
		if m.Outcome == deploy.Error || m.Outcome == deploy.NoData || m.Requests < 0 {
			continue
		}
		g.Counted, g.Logged = true, g.Logged || m.Hard
		g.Requests += m.Requests
		g.Failed += m.Value
	}
}

// gapWords is the measured gap for people.
func (r *Rotation) gapWords() string {
	switch g := r.Gap; {
	case !r.Cell.gaps() || g.To.IsZero():
		return ""
	case g.Length() == 0:
		return "No gap was seen: the old key was not refused before production ran on the new one."
	case g.Counted:
		text := r.gapLength() + fmt.Sprintf("; of %.0f application requests meanwhile %.0f failed.", g.Requests, g.Failed)
		if g.Logged {
			text += " Its log shows refusals of the old key in that time."
		}
		return text
	default:
		return r.gapLength() + "; no check counted the application's requests meanwhile."
	}
}

// pageAt is when people are called next because an old credential will die
// before its environment is proved on the new one; zero when they need not be.
func (w *run) pageAt() time.Time {
	if len(w.r.borrowed()) > 0 {
		return w.r.remindAt()
	}
	var at time.Time
	for _, env := range w.r.environments() {
		if t := w.r.TurnOf(env); w.threatened(env, t) {
			at = sooner(at, t.Dies.Add(-w.r.Traits.Waits.Margin))
		}
	}
	return at
}

// threatened reports an environment that may still be standing on a credential
// that will die by itself, and about which nobody was called yet.
func (w *run) threatened(env string, t Turn) bool {
	return !t.Dies.IsZero() && t.Paged.IsZero() && !w.r.proved(env)
}

// pages calls people for the environments for which it is time.
func (w *run) pages() []event.Event {
	if len(w.r.borrowed()) > 0 {
		return w.reminds()
	}
	var late []string
	var dies time.Time
	for _, env := range w.r.environments() {
		if t := w.r.TurnOf(env); w.threatened(env, t) && !time.Now().Before(t.Dies.Add(-w.r.Traits.Waits.Margin)) {
			late, dies = append(late, env), t.Dies
		}
	}
	for _, env := range late {
		w.turn(env, func(t *Turn) { t.Paged = time.Now() })
	}
	if len(late) == 0 {
		return nil
	}
	text := fmt.Sprintf("The old key dies at %s, in %s, and it is not proved that it is no longer needed in %s. Have the new key deployed there before that; it is in the vault where Rekey wrote it. %s",
		dies.UTC().Format("15:04:05 MST"), human(time.Until(dies)), both(late), w.r.Safe())
	return []event.Event{{Kind: event.Deadline, Step: w.at(), Text: text, Facts: map[string]string{"dies": dies.UTC().Format(time.RFC3339)}}}
}

func both(names []string) string {
	if len(names) == 2 {
		return names[0] + " and " + names[1]
	}
	return names[0]
}
