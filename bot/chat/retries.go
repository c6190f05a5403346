package chat

import (
	"sync"
	"time"
)

// retries remembers when to try again what did not work, with pauses that
// double up to a bound. It holds one entry for each thing that fails now.
type retries struct {
	first, max time.Duration

	mu *sync.Mutex
	by map[string]attempt
}

type attempt struct {
	pause time.Duration
	next  time.Time
}

func newRetries(first, longest time.Duration) retries {
	return retries{first: first, max: longest, mu: new(sync.Mutex), by: make(map[string]attempt)}
}

// wait says how long something still has to be left alone.
func (r retries) wait(name string) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.by[name]
	left := max(0, time.Until(a.next))
	if left == 0 && a.pause == 0 {
		delete(r.by, name) // was only postponed
	}
	return left
}

// failed notes a failure and returns the pause; at least is what the other
// side asked for.
func (r retries) failed(name string, atLeast time.Duration) time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.by[name]
	a.pause = max(min(max(a.pause*2, r.first), r.max), atLeast)
	a.next = time.Now().Add(a.pause)
	r.by[name] = a
	return a.pause
}

// later postpones without counting a failure.
func (r retries) later(name string, d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a := r.by[name]
	a.next = time.Now().Add(d)
	r.by[name] = a
}

func (r retries) done(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, name)
}
