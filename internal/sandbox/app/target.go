package app

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// TargetOptions describes a platform that deploys.
type TargetOptions struct {
	Key   string          // signs triggers
	Apps  map[string]*App // by environment
	Vault func(ctx context.Context, environment string) (map[string]string, error)
	Build time.Duration // from trigger to the first instance
}

// Phase is a word of the status answer.
type Phase string

// The phases.
const (
	Queued    Phase = "queued"
	Running   Phase = "running"
	Succeeded Phase = "succeeded"
	Failed    Phase = "failed"
	Cancelled Phase = "cancelled"
)

// Deployment is one run of the platform.
type Deployment struct {
	ID          string // what logs are scoped to
	Key         string // Idempotency-Key of its trigger
	Environment string
	Rebuild     bool // builds scripts anew; else the last build is started with new values
	Phase       Phase
	Detail      string
	Done        time.Time // zero until it has ended

	ended chan struct{} // closed when it has
}

// Mischief is what goes wrong with the next deployment of an environment.
type Mischief struct {
	FailBuild bool            // it never gets to the instances
	Crash     int             // if positive: that many instances come up, less one, then one does not
	Stale     bool            // it keeps the values of the running instances
	Hold      <-chan struct{} // it stays running until this is closed
}

// Target is the webhook and its status address. Use NewTarget.
type Target struct {
	// Requests is every request received.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o      TargetOptions
	mux    *http.ServeMux
	cancel context.CancelFunc
	wg     sync.WaitGroup

	lanes map[string]chan order // by environment: one deployment at a time

	mu       sync.Mutex
	closed   bool // nothing is queued any more
	byID     map[string]*Deployment
	byKey    map[string]*Deployment
	hooked   map[string]bool // hooks that were carried out, by id
	mischief map[string]Mischief
	onDeploy func(Deployment)
}

// NewTarget returns a platform that has deployed nothing yet. It ends with Close,
// or with the context.
func NewTarget(ctx context.Context, o TargetOptions) *Target {
	t := &Target{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, mux: http.NewServeMux(),
		byID: map[string]*Deployment{}, byKey: map[string]*Deployment{}, hooked: map[string]bool{},
		mischief: map[string]Mischief{}, lanes: map[string]chan order{},
	}
	ctx, t.cancel = context.WithCancel(ctx)
	for environment := range o.Apps {
		lane := make(chan order, maxWaiting)
		t.lanes[environment] = lane
		t.wg.Go(func() { t.work(ctx, lane) })
	}
	t.mux.HandleFunc("POST /deploy", t.trigger)
	t.mux.HandleFunc("GET /deployments/{id}", t.status)
	t.mux.HandleFunc("POST /hooks/pause", t.hook(true))
	t.mux.HandleFunc("POST /hooks/resume", t.hook(false))
	t.mux.HandleFunc("GET /hooks/{id}", t.hookStatus)
	return t
}

// Handler serves the webhook.
func (t *Target) Handler() http.Handler {
	return wire.Tap{Recorder: t.Requests, Faults: t.Faults}.Wrap(t.mux)
}

// Close cancels what is running and waits for it.
func (t *Target) Close() {
	t.cancel()
	t.wg.Wait()
}

// OnDeploy sets a function called for every deployment accepted, after it was
// queued and before the trigger is answered, on the goroutine that serves it.
// A trigger that repeats a known key is not reported.
func (t *Target) OnDeploy(fn func(Deployment)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.onDeploy = fn
}

// Misbehave sets what goes wrong with the next deployment of an environment.
func (t *Target) Misbehave(environment string, m Mischief) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mischief[environment] = m
}

// Deploy starts a deployment as a colleague would from the console, and returns
// its id.
func (t *Target) Deploy(environment string) (string, error) {
	d, no := t.accept("console-"+nonce(), environment, true)
	if no != nil {
		return "", no
	}
	return d.ID, nil
}

// Deployment returns what is known of a deployment.
func (t *Target) Deployment(id string) (Deployment, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if d := t.byID[id]; d != nil {
		return *d, true
	}
	return Deployment{}, false
}

// Wait returns a deployment when it has ended.
func (t *Target) Wait(ctx context.Context, id string) (Deployment, error) {
	d, ok := t.Deployment(id)
	if !ok {
		return d, fmt.Errorf("waiting for deployment %s: no such deployment", id)
	}
	select {
	case <-d.ended:
		d, _ = t.Deployment(id)
		return d, nil
	case <-ctx.Done():
		return d, fmt.Errorf("waiting for deployment %s: %w", id, ctx.Err())
	}
}

// Deployments lists all deployments of an environment in no order.
func (t *Target) Deployments(environment string) []Deployment {
	t.mu.Lock()
	defer t.mu.Unlock()
	var all []Deployment
	for _, d := range t.byID {
		if d.Environment == environment {
			all = append(all, *d)
		}
	}
	return all
}
