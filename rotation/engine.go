package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"sync"
	"time"

	"rekey/internal/secret"
	"rekey/state"
)

// Store is what the engine needs of the state contract.
type Store interface {
	state.Store
	state.Leases
	state.Lists
	state.Timers
}

// Config of an [Engine]. Zero durations and counts mean the defaults named.
type Config struct {
	Installation string // in labels; ^[a-z0-9]{1,12}$
	Replica      string // names the lease's holder for people
	Key          secret.Key
	Store        Store
	Ballot       Ballot
	Subjects     []Subject
	Lease        time.Duration // default 12 s
	Retry        Retry
	Drivers      int // rotations driven at once by this replica; default 16
	// BatchLook is the pause between two looks at a batch of emergencies that
	// nothing calls for; default 15 s. BatchStart is how long beginning one of its
	// rotations may take; default 1 min.
	BatchLook, BatchStart time.Duration
	// BatchGather is how long the first rotation that is ready waits for others to
	// be asked about on the same card; default 30 s.
	BatchGather time.Duration
	Log         *slog.Logger
}

// Retry bounds how a step that may be tried again is tried again.
type Retry struct {
	Attempts int           // after which a person is asked; default 8. Ending the old credential is a lasting duty and has no last attempt
	First    time.Duration // pause after the first failure, then doubling; default 5 s
	Max      time.Duration // longest pause; default 5 min
}

// Engine runs rotations. Its methods are safe for concurrent use and on any
// number of replicas.
type Engine struct {
	config   Config
	subjects map[string]Subject
	names    []string // of subjects, in the configuration's order

	inquiries inquiries

	mu      sync.Mutex
	driving map[string]rest // keys busy here, or left alone for a while
	nudged  map[string]bool // keys of batches that are to be looked at
	nudges  chan struct{}
}

// rest says how long a key is left alone, and what was logged about it.
type rest struct {
	until  time.Time // zero while it is driven here
	logged string
}

var installationForm = regexp.MustCompile(`^[a-z0-9]{1,12}$`)

// New checks the configuration.
func New(c Config) (*Engine, error) {
	if !installationForm.MatchString(c.Installation) {
		return nil, fmt.Errorf("building the engine: the installation name %q is not 1 to 12 lower case letters and digits", c.Installation)
	}
	if c.Store == nil || c.Ballot == nil || c.Log == nil {
		return nil, errors.New("building the engine: store, ballot and log are all needed")
	}
	e := &Engine{config: c.withDefaults(), subjects: make(map[string]Subject), driving: make(map[string]rest),
		nudged: make(map[string]bool), nudges: make(chan struct{}, 1)}
	for _, s := range c.Subjects {
		if _, twice := e.subjects[s.Name]; twice {
			return nil, fmt.Errorf("building the engine: %s is configured twice", s.Name)
		}
		e.subjects[s.Name] = s
		e.names = append(e.names, s.Name)
	}
	return e, nil
}

func (c Config) withDefaults() Config {
	if c.Lease == 0 {
		c.Lease = 12 * time.Second
	}
	if c.Retry.Attempts == 0 {
		c.Retry.Attempts = 8
	}
	if c.Retry.First == 0 {
		c.Retry.First = 5 * time.Second
	}
	if c.Retry.Max == 0 {
		c.Retry.Max = 5 * time.Minute
	}
	if c.Drivers == 0 {
		c.Drivers = 16
	}
	if c.BatchLook == 0 {
		c.BatchLook = 15 * time.Second
	}
	if c.BatchGather == 0 {
		c.BatchGather = 30 * time.Second
	}
	if c.BatchStart == 0 {
		c.BatchStart = time.Minute
	}
	return c
}

// Run drives rotations that are due until ctx ends, then waits for the acts
// under way to let go. It sleeps until the earliest timer or a wake-up: a
// waiting rotation costs nothing.
func (e *Engine) Run(ctx context.Context) error {
	wakes, err := e.config.Store.Wakes(ctx)
	if err != nil {
		return fmt.Errorf("listening for wake-ups: %w", err)
	}
	var drivers sync.WaitGroup
	defer e.inquiries.aside.Wait()
	defer drivers.Wait()
	freed := make(chan struct{}, 1)
	outage := outageLog{log: e.config.Log}
	for ctx.Err() == nil {
		pause, err := e.startDue(ctx, &drivers, freed)
		outage.report(err)
		timer := time.NewTimer(pause)
		select {
		case <-ctx.Done():
		case _, ok := <-wakes:
			if !ok && ctx.Err() == nil {
				return errors.New("listening for wake-ups: the store stopped sending them")
			}
		case <-freed:
		case <-e.nudges:
		case <-timer.C:
		}
		timer.Stop()
	}
	return nil
}

const (
	idlePause   = time.Minute // with no timer at all: a look now and then costs one command
	outagePause = 2 * time.Second
)

// startDue starts a driver for everything due and returns how long to sleep.
func (e *Engine) startDue(ctx context.Context, drivers *sync.WaitGroup, freed chan<- struct{}) (time.Duration, error) {
	now := time.Now()
	keys, next, err := e.config.Store.Due(ctx, now, e.config.Drivers+e.known(now))
	if err != nil {
		return outagePause, fmt.Errorf("asking what is due: %w", err)
	}
	pause := idlePause
	if !next.IsZero() {
		pause = min(pause, max(next.Sub(now), 0))
	}
	for _, key := range append(e.pending(), keys...) {
		if again, ok := e.take(key, now); !ok {
			pause = min(pause, again)
			continue
		}
		drivers.Go(func() {
			defer func() {
				select {
				case freed <- struct{}{}:
				default:
				}
			}()
			e.letGo(key, e.drive(ctx, key))
		})
	}
	return pause, nil
}

// known is how many keys are taken or left alone. They may stand first in the
// list of what is due and must not hide what comes after them. Keys that were
// left alone for much longer than that are forgotten.
func (e *Engine) known(now time.Time) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	for key, r := range e.driving {
		if !r.until.IsZero() && now.Sub(r.until) > e.config.Lease {
			delete(e.driving, key)
		}
	}
	return len(e.driving)
}

// take reserves a key for a driver of this replica. When it is busy here, or
// held elsewhere, or no driver is free, it says when to look again.
func (e *Engine) take(key string, now time.Time) (again time.Duration, ok bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	r, known := e.driving[key]
	switch {
	case known && r.until.IsZero(), e.busy() >= e.config.Drivers:
		return idlePause, false // the end of a drive will wake us
	case known && now.Before(r.until):
		return r.until.Sub(now), false
	default:
		e.driving[key] = rest{logged: r.logged}
		return 0, true
	}
}

// busy is how many rotations this replica drives; e.mu is held.
func (e *Engine) busy() int {
	n := 0
	for _, r := range e.driving {
		if r.until.IsZero() {
			n++
		}
	}
	return n
}

// letGo frees a key; one that another replica holds, or whose store failed,
// is left alone for a while so that it is not asked for in a tight loop. The
// same failure is logged once.
func (e *Engine) letGo(key string, err error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err == nil {
		delete(e.driving, key)
		return
	}
	r := rest{until: time.Now().Add(e.config.Lease / 3), logged: e.driving[key].logged}
	if text := err.Error(); text != r.logged && !errors.Is(err, state.ErrHeld) && !errors.Is(err, context.Canceled) {
		r.logged = text
		e.config.Log.Error("driving a rotation", "rotation", key, "error", err)
	}
	e.driving[key] = r
}

// outageLog logs an error once per outage, and its end.
type outageLog struct {
	log  *slog.Logger
	last string
}

func (o *outageLog) report(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text == o.last {
		return
	}
	o.last = text
	if err != nil {
		o.log.Error("the store does not answer", "error", err)
	} else {
		o.log.Info("the store answers again")
	}
}
