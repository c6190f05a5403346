package app

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// accept queues a deployment, or returns the one its key already has.
func (t *Target) accept(key, environment string) (Deployment, *denial) {
	t.mu.Lock()
	known := t.byKey[key]
	switch {
	case known != nil && known.Environment != environment:
		t.mu.Unlock()
		return Deployment{}, &denial{http.StatusConflict, "Idempotency-Key was used for another environment"}
	case known != nil:
		defer t.mu.Unlock()
		return *known, nil
	case t.o.Apps[environment] == nil:
		t.mu.Unlock()
		return Deployment{}, &denial{http.StatusUnprocessableEntity, "unknown environment"}
	case t.waiting[environment] >= maxWaiting || t.ctx.Err() != nil:
		t.mu.Unlock()
		return Deployment{}, &denial{http.StatusTooManyRequests, "too many deployments are waiting"}
	}
	d := &Deployment{ID: fmt.Sprintf("dpl-%s-%d-%s", environment, len(t.byID)+1, nonce()[:4]), Key: key, Environment: environment, Phase: Queued, ended: make(chan struct{})}
	t.byID[d.ID], t.byKey[key] = d, d
	t.waiting[environment]++
	m := t.mischief[environment]
	delete(t.mischief, environment)
	accepted, hook := *d, t.onDeploy
	t.wg.Go(func() { t.run(d, m) })
	t.mu.Unlock()
	if hook != nil {
		hook(accepted)
	}
	return accepted, nil
}

// run carries a deployment out and writes down how it ended.
func (t *Target) run(d *Deployment, m Mischief) {
	lane := t.lanes[d.Environment]
	lane <- struct{}{} // the one inside leaves when the target is closed, so this ends
	err := t.build(d, m)
	<-lane
	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(d.ended)
	t.waiting[d.Environment]--
	d.Done = time.Now()
	switch {
	case err == nil:
		d.Phase, d.Detail = Succeeded, ""
	case t.ctx.Err() != nil:
		d.Phase, d.Detail = Cancelled, "the platform was shut down"
	default:
		d.Phase, d.Detail = Failed, err.Error()
	}
}

// build reads the values and replaces the instances. The values are read when
// the build begins: a value written later is not in it.
func (t *Target) build(d *Deployment, m Mischief) error {
	a := t.o.Apps[d.Environment]
	ctx, cancel := context.WithTimeout(t.ctx, 10*time.Minute)
	defer cancel()
	t.say(d, "building")
	values, err := t.o.Vault(ctx, d.Environment)
	if err != nil {
		return err
	}
	if err := pause(ctx, t.o.Build); err != nil {
		return fmt.Errorf("building: %w", err)
	}
	if m.FailBuild {
		return fmt.Errorf("building: exit status 1")
	}
	if m.Stale {
		values = a.b.instances()[0].values
	}
	if m.Hold != nil {
		select {
		case <-m.Hold:
		case <-ctx.Done():
			return fmt.Errorf("building: %w", ctx.Err())
		}
	}
	t.say(d, "replacing instances")
	return a.Roll(ctx, d.ID, values, m.Crash-1)
}

func (t *Target) say(d *Deployment, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d.Phase, d.Detail = Running, detail
}
