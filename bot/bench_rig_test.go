package main

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
	"rekey/state/redis"
)

// benchRotations runs one rotation after the other on one engine.
type benchRotations struct {
	engine *rotation.Engine
	world  *benchWorld
	clock  *benchClock
}

func newBenchRotations(b *testing.B, addr string) *benchRotations {
	b.Helper()
	store, err := redis.Open(b.Context(), redis.Config{Addr: addr, Installation: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	w := newBenchWorld(benchSecret)
	clock := &benchClock{Store: store, asked: make(chan string, 1), closed: make(chan struct{}, 1)}
	engine, err := rotation.New(benchConfig(b, clock, 200*time.Microsecond, w))
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := engine.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(func() {
		stop()
		running.Wait()
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	return &benchRotations{engine: engine, world: w, clock: clock}
}

// benchLeastSteps is what a rotation has at least: below, something is not measured.
const benchLeastSteps = 15

// warm plays once, for connections and scripts, and forgets the times.
func (r *benchRotations) warm(b *testing.B) {
	b.Helper()
	r.play(b)
	if n := len(r.clock.steps); n < benchLeastSteps {
		b.Fatalf("a whole rotation had only %d steps", n)
	}
	r.clock.steps = nil
}

// play runs a whole rotation: it is asked for, and the card is answered.
func (r *benchRotations) play(b *testing.B) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
	defer cancel()
	if _, err := r.engine.Start(ctx, rotation.Order{Secret: benchSecret, Requester: rotation.Person{ID: "T1/U1"}}); err != nil {
		b.Fatal(err)
	}
	select {
	case key := <-r.clock.asked:
		if _, err := r.engine.Consider(ctx, key, 1, r.world.marks()); err != nil {
			b.Fatal(err)
		}
	case <-ctx.Done():
		b.Fatal("nobody was asked for approval")
	}
	select {
	case <-r.clock.closed: // the clock writes nothing more until the next rotation begins
	case <-ctx.Done():
		b.Fatal("the rotation did not come to its end")
	}
}

// benchClock is a stopwatch around the store. Only one rotation is open at a
// time, and its lease has one holder, so answers come one after the other. The
// clock stands still while it looks at what was committed.
type benchClock struct {
	rotation.Store
	asked  chan string          // keys of rotations that show a card
	closed chan struct{}        // a rotation is over
	bare   func() time.Duration // makes a pair of bare writes; nil for none

	mu     sync.Mutex
	since  time.Time // the last answer
	begun  *benchLap // its intent is committed, its outcome is not
	steps  []benchLap
	pairs  []time.Duration // of bare writes, one behind each step
	bodies [][]byte        // at the end of each step of the first rotation
}

// benchLap is one step, or the part of it that was measured so far.
type benchLap struct {
	whole, store time.Duration // from answer to answer; in the store's commits
	quiet        bool          // the act does nothing
}

// Load implements state.Store.
func (s *benchClock) Load(ctx context.Context, key string) (state.Record, error) {
	r, err := s.Store.Load(ctx, key)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since, s.begun = time.Now(), nil
	return r, err
}

// Commit implements state.Store.
func (s *benchClock) Commit(ctx context.Context, l state.Lease, revision int64, c state.Change) (int64, error) {
	called := time.Now()
	next, err := s.Store.Commit(ctx, l, revision, c)
	answered := time.Now()
	if err != nil {
		return next, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	this := benchLap{whole: answered.Sub(s.since), store: answered.Sub(called)}
	if s.begun != nil { // whatever comes with it, an intent too, costs the next step nothing
		s.begun.whole, s.begun.store = s.begun.whole+this.whole, s.begun.store+this.store
		this = benchLap{}
	}
	for _, stored := range c.Events {
		switch ev, err := event.Decode(0, stored.Body); {
		case err != nil:
			return 0, err
		case ev.Kind == event.Done:
			s.end(c.Body)
		case ev.Kind == event.Intent:
			this.quiet = strings.HasPrefix(ev.Step, string(rotation.Sync)) || ev.Step == string(rotation.Hold)
			s.begun = &this
		case ev.Kind == event.Card:
			s.asked <- l.Key
		}
	}
	if c.Release { // the step waits: its outcome so far
		s.end(c.Body)
	}
	if c.Close {
		s.closed <- struct{}{}
	}
	s.since = time.Now()
	return next, nil
}

// end ends the step that was begun, if one was, with the record it left. Then
// it is the bare writes' turn.
func (s *benchClock) end(body []byte) {
	if s.begun == nil {
		return
	}
	s.steps = append(s.steps, *s.begun)
	s.begun = nil
	s.keep(body)
	if s.bare != nil {
		s.pairs = append(s.pairs, s.bare())
	}
}

// keep keeps the records of the first steps, about one rotation's.
func (s *benchClock) keep(body []byte) {
	if len(s.bodies) < benchLeastSteps {
		s.bodies = append(s.bodies, body)
	}
}

// record is of middle size among those of a rotation.
func (s *benchClock) record() []byte {
	sorted := slices.SortedFunc(slices.Values(s.bodies), func(a, b []byte) int { return len(a) - len(b) })
	return sorted[len(sorted)/2]
}

// times lists what the steps took by one measure.
func (s *benchClock) times(of func(benchLap) time.Duration) []time.Duration {
	var all []time.Duration
	for _, l := range s.steps {
		if d := of(l); d > 0 {
			all = append(all, d)
		}
	}
	return all
}

func benchWhole(l benchLap) time.Duration { return l.whole }
func benchStore(l benchLap) time.Duration { return l.store }

// benchQuiet is of a step whose act does nothing: what is left is durability.
func benchQuiet(l benchLap) time.Duration {
	if !l.quiet {
		return 0
	}
	return l.whole
}
