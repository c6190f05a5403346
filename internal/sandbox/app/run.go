package app

import (
	"context"
	"fmt"
	"net/http"
	"time"
)

// accept queues a deployment, or returns the one its key already has.
func (t *Target) accept(key, environment string, rebuild bool) (Deployment, *denial) {
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
	case len(t.lanes[environment]) == maxWaiting || t.closed:
		t.mu.Unlock()
		return Deployment{}, &denial{http.StatusTooManyRequests, "too many deployments are waiting"}
	}
	d := &Deployment{ID: fmt.Sprintf("dpl-%s-%d-%s", environment, len(t.byID)+1, nonce()[:4]), Key: key, Environment: environment, Rebuild: rebuild, Phase: Queued, ended: make(chan struct{})}
	t.byID[d.ID], t.byKey[key] = d, d
	accepted, hook := *d, t.onDeploy
	t.lanes[environment] <- order{d, t.mischief[environment]} // has room: only accept fills it, under the lock
	delete(t.mischief, environment)
	t.mu.Unlock()
	if hook != nil {
		hook(accepted)
	}
	return accepted, nil
}

// order is a deployment to be made and what goes wrong with it.
type order struct {
	*Deployment
	m Mischief
}

// work makes the deployments of one environment one after another. When the
// target is closed those that wait end at once, and none is taken any more.
func (t *Target) work(ctx context.Context, lane <-chan order) {
	for {
		select {
		case o := <-lane:
			t.run(ctx, o)
		case <-ctx.Done():
			t.mu.Lock()
			t.closed = true
			t.mu.Unlock()
			for len(lane) > 0 {
				t.run(ctx, <-lane)
			}
			return
		}
	}
}

// run carries a deployment out and writes down how it ended.
func (t *Target) run(ctx context.Context, d order) {
	err := t.build(ctx, d)
	t.mu.Lock()
	defer t.mu.Unlock()
	defer close(d.ended)
	d.Done = time.Now()
	switch {
	case err == nil:
		d.Phase, d.Detail = Succeeded, ""
	case ctx.Err() != nil:
		d.Phase, d.Detail = Cancelled, "the platform was shut down"
	default:
		d.Phase, d.Detail = Failed, err.Error()
	}
}

// build reads the values and replaces the instances. The values are read when
// the build begins: a value written later is not in it.
func (t *Target) build(ctx context.Context, d order) error {
	a := t.o.Apps[d.Environment]
	ctx, cancel := context.WithTimeout(ctx, 10*time.Minute)
	defer cancel()
	t.say(d, "building")
	values, err := t.o.Vault(ctx, d.Environment)
	if err != nil {
		return err
	}
	if err := pause(ctx, t.o.Build); err != nil {
		return fmt.Errorf("building: %w", err)
	}
	if d.m.FailBuild {
		return fmt.Errorf("building: exit status 1")
	}
	values = built(d.Rebuild, values, a.b.instances()[0].values)
	if d.m.Stale {
		values = a.b.instances()[0].values
	}
	if d.m.Hold != nil {
		select {
		case <-d.m.Hold:
		case <-ctx.Done():
			return fmt.Errorf("building: %w", ctx.Err())
		}
	}
	t.say(d, "replacing instances")
	return a.Roll(ctx, d.ID, values, d.m.Crash-1)
}

func (t *Target) say(d order, detail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	d.Phase, d.Detail = Running, detail
}
