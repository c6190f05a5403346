package rotation

import (
	"sync"
	"testing"
)

// The tables of moments and the storms are complete without the race detector,
// which sees in a sample of them what it would see in all.

// stride is how many of a table's rows one stands for.
func stride() int {
	if racing {
		return 29 // prime to what the tables repeat, so that every call is met
	}
	return 1
}

// sample picks what is played of the tables: every so manieth moment, and of
// each call, in whatever table it comes first, the moment before it.
type sample struct {
	mu  sync.Mutex
	met map[string]bool // calls
}

// played is the sample of this run.
var played = sample{met: make(map[string]bool)}

func (s *sample) of(all []crash) (some []crash) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, c := range all {
		if i%stride() == 0 || !s.met[c.call] {
			s.met[c.call] = true
			some = append(some, c)
		}
	}
	return some
}

// long marks a test of thousands of looks, one after another, in which nothing
// runs side by side that other tests do not have.
func long(t *testing.T) {
	t.Helper()
	if racing {
		t.Skip("it is played without the race detector")
	}
}
