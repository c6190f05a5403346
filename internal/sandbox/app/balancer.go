package app

import (
	"net/http"
	"slices"
	"sync"
)

// balancer hands requests to instances in turn. An instance that was taken out
// gets no new request; its seat is drained when the last one is done.
type balancer struct {
	mu    sync.Mutex
	seats []*seat
	turn  int
}

type seat struct {
	*instance
	busy    int
	out     bool
	drained chan struct{}
}

func (b *balancer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s := b.take()
	if s == nil {
		http.Error(w, "no instance", http.StatusServiceUnavailable)
		return
	}
	defer b.give(s)
	s.ServeHTTP(w, r)
}

func (b *balancer) take() *seat {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.seats) == 0 {
		return nil
	}
	b.turn++
	s := b.seats[b.turn%len(b.seats)]
	s.busy++
	return s
}

func (b *balancer) give(s *seat) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.busy--
	s.closeLocked()
}

func (s *seat) closeLocked() {
	if s.out && s.busy == 0 {
		close(s.drained)
	}
}

// add puts a ready instance into the rotation.
func (b *balancer) add(i *instance) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.seats = append(b.seats, &seat{instance: i, drained: make(chan struct{})})
}

// drop takes an instance out. The channel is closed when it is drained.
func (b *balancer) drop(i *instance) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	at := slices.IndexFunc(b.seats, func(s *seat) bool { return s.instance == i })
	s := b.seats[at]
	b.seats = slices.Delete(b.seats, at, at+1)
	s.out = true
	s.closeLocked()
	return s.drained
}

// instances lists what is in the rotation, oldest first.
func (b *balancer) instances() []*instance {
	b.mu.Lock()
	defer b.mu.Unlock()
	var all []*instance
	for _, s := range b.seats {
		all = append(all, s.instance)
	}
	return all
}
