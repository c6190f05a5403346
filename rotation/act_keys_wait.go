package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// maxThrottles bounds how often in a row one step waits because the service
// says so, before that counts as a failure.
const maxThrottles = 12

// patient waits where a service names the moment before which it changes
// nothing again. That is no failure.
func (w *run) patient(err error) (outcome, error) {
	f := fault.Of(err)
	if f.Reason != fault.RateLimited || f.RetryAfter <= 0 || w.r.Throttles >= maxThrottles {
		return outcome{}, err
	}
	w.r.Throttles++
	step, _ := w.r.Step()
	ev := event.Event{Kind: event.Waiting, Step: step.String(), Reason: string(f.Reason)}
	if telling(w.r.Throttles) {
		ev.Text = fmt.Sprintf("%s takes only one change of its keys every few minutes and asks to wait; Rekey goes on by itself in %s. %s", w.r.Traits.Service, human(f.RetryAfter), w.r.Safe())
	}
	return outcome{wake: time.Now().Add(f.RetryAfter), events: []event.Event{ev}}, nil
}

// lingering holds back until nothing that the old keys signed is valid any
// more. How long that is, is asked each time: people can change it meanwhile.
func (w *run) lingering(ctx context.Context) (outcome, error) {
	a, err := capability[providers.Activator](ctx, w, "asking how long tokens live")
	if err != nil {
		return outcome{}, err
	}
	var until time.Time
	for _, env := range w.r.environments() {
		long, err := a.Lingers(ctx, env)
		if err != nil {
			return outcome{}, err
		}
		over := w.r.Places[env].Activated.Add(max(long, w.r.Traits.Waits.Hold))
		if over.After(until) {
			until = over
		}
	}
	if !time.Now().Before(until) {
		return finished("")
	}
	return outcome{wake: until}, nil
}

// blocked says what keeps the service from ending an old key, before people
// are asked for what cannot be done; "" when nothing does.
func (w *run) blocked(ctx context.Context) (string, error) {
	kind, err := w.found(ctx)
	if err != nil {
		return "", err
	}
	b, knows := kind.(providers.Blocker)
	if !knows {
		return "", nil
	}
	if f, err := w.forcer(ctx); f != nil || err != nil {
		return "", err // people are told what it costs, and decide
	}
	for _, env := range w.r.environments() {
		if why, err := b.Blocked(ctx, w.r.Places[env].Old.ID); why != "" || err != nil {
			return why, err
		}
	}
	return "", nil
}

// hindered waits for a person to remove what is in the way.
func (w *run) hindered(why string) outcome {
	return outcome{state: Pending, events: []event.Event{{Kind: event.Pending,
		Text: why + " " + w.r.Safe() + " " + w.unsettled() + " When it is settled: `/rotate retry " + w.r.Secret + "`."}}}
}
