package app

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"rekey/internal/sandbox/loki"
	"rekey/internal/sandbox/wire"
)

// Options describes one environment of the application.
type Options struct {
	Name        string // of the application, in its logs; "shop" if empty
	Environment string
	Instances   int           // 1 if zero
	Fal         string        // base URL of the image model service
	Anthropic   string        // base URL of the text model service; empty means that no text is needed
	Media       Media         // where objects are kept; zero means that there are none
	Redis       string        // REST address of the database that counts visits; empty means that nothing counts
	Supabase    string        // address of the project with its rows; empty means that none are needed
	Memory      Memory        // where visitors are remembered; zero means that they are not
	Sessions    *Sessions     // visitors who are signed in; nil means that nobody is
	Langfuse    string        // base URL of the trace service; empty means that nothing is traced
	Social      string        // base URL of the service that posts; empty means that nothing is posted
	Jobs        string        // base URL of the job service; empty means that no tasks are started
	PublicRPC   string        // what is asked where Helius refuses; empty means that no chain is needed
	AttestKey   string        // signs questions and answers of attestation
	Logs        *loki.Store   // may be nil
	Boot        time.Duration // from start to ready
	SlowBoot    time.Duration // the same for the last instance of a deployment
	Drain       time.Duration // longest wait for an instance's last request; 30 s if zero
	Client      *http.Client  // for the model service; one with a 5 s timeout if nil

	posts   *posts
	scripts *scripts // of the builds
}

// App is one environment of the application, running. Use New.
type App struct {
	// Requests is every request received over the balancer.
	Requests *wire.Recorder
	// Faults can be injected in front of the balancer.
	Faults *wire.Faults

	o    Options
	b    balancer
	roll sync.Mutex // one Roll at a time

	mu         sync.Mutex
	deployment string // the last one that is whole
	started    int
}

// New returns an application whose first deployment is already live with the
// given values.
func New(o Options, deployment string, values map[string]string) *App {
	if o.Name == "" {
		o.Name = "shop"
	}
	o.posts = &posts{}
	if o.Instances <= 0 {
		o.Instances = 1
	}
	if o.Drain == 0 {
		o.Drain = 30 * time.Second
	}
	if o.Client == nil {
		way := &http.Transport{MaxIdleConnsPerHost: 16, IdleConnTimeout: 30 * time.Second} // pages are loaded side by side
		o.Client = &http.Client{Timeout: 5 * time.Second, Transport: way}
	}
	o.scripts = &scripts{}
	a := &App{Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, deployment: deployment}
	for range o.Instances {
		a.b.add(newInstance(&a.o, a.nextID(), deployment, values))
	}
	return a
}

// Handler is the load balancer.
func (a *App) Handler() http.Handler {
	return wire.Tap{Recorder: a.Requests, Faults: a.Faults}.Wrap(a.o.scripts.serve(&a.b))
}

// Deployment is the last deployment all of whose instances are live.
func (a *App) Deployment() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.deployment
}

// Holding is an instance in the rotation and the value it holds of one name.
type Holding struct {
	Instance   string
	Deployment string
	Value      string
}

// Holdings tells which value of a name each instance in the rotation holds.
func (a *App) Holdings(name string) []Holding {
	var all []Holding
	for _, i := range a.b.instances() {
		all = append(all, Holding{i.id, i.deployment, i.values[name]})
	}
	return all
}

func (a *App) nextID() string {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.started++
	return fmt.Sprintf("%s-i%d", a.o.Environment, a.started)
}

// Roll replaces all instances by new ones with the given values, one by one:
// the new one boots and is ready, then an old one leaves and drains. It returns
// when the last old one has ended. If it stops early what was replaced stays.
// crash, unless negative, is how many instances come up before one does not.
func (a *App) Roll(ctx context.Context, deployment string, values map[string]string, crash int) error {
	a.roll.Lock()
	defer a.roll.Unlock()
	old := a.b.instances()
	for n, leaving := range old {
		boot := a.o.Boot
		if n == len(old)-1 {
			boot = max(boot, a.o.SlowBoot)
		}
		if err := pause(ctx, boot); err != nil {
			return fmt.Errorf("starting instance %d of %d: %w", n+1, len(old), err)
		}
		if n == crash {
			return fmt.Errorf("starting instance %d of %d: it did not become ready", n+1, len(old))
		}
		a.b.add(newInstance(&a.o, a.nextID(), deployment, values))
		if err := a.drain(ctx, leaving); err != nil {
			return err
		}
	}
	a.mu.Lock()
	a.deployment = deployment
	a.mu.Unlock()
	return nil
}

func (a *App) drain(ctx context.Context, i *instance) error {
	t := time.NewTimer(a.o.Drain)
	defer t.Stop()
	select {
	case <-a.b.drop(i):
		return nil
	case <-t.C:
		return fmt.Errorf("draining %s: still busy after %s", i.id, a.o.Drain)
	case <-ctx.Done():
		return fmt.Errorf("draining %s: %w", i.id, ctx.Err())
	}
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
