package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"rekey/state"
)

// Memory is a store in the process's memory. By itself it is for tests of what
// stands above package state, and so are Fail, Elapse and Damage; a [Journal]
// adds a file that outlives the process. It passes the suite of statetest, so that
// a test upon it proves something about another store too. It has no sockets and reads no
// clock but package time's, so it can live in a testing/synctest bubble, and
// it can be told to fail.
//
// All replicas of a test share one Memory. It is safe for concurrent use.
//
// What it lacks: it forgets everything with the process, and it has no bounds;
// closed records stay for ever. Who wants a full store uses Fail.
type Memory struct {
	// Fail, when set, is asked before every commit, without a lock: it may
	// use the store. An error is returned by the commit, and nothing changes.
	// It is set before the store is shared.
	Fail func(key string, c state.Change) error

	mu      sync.Mutex
	keep    func(op) error // writes down what is about to be changed; nil keeps nothing
	ahead   time.Duration  // what Elapse added to the clock
	tickets int64          // the last ticket; see ticketLocked
	records map[string]*entry
	slots   map[string]string // to the key of the record that holds it
	found   map[string]name   // the way back from a reference
	leases  map[string]lease
	hints   map[string]int64 // to the mark
	onces   map[string]time.Time
	wakes   listeners
	news    listeners
}

// NewMemory returns an empty store.
func NewMemory() *Memory {
	return &Memory{
		records: make(map[string]*entry),
		slots:   make(map[string]string),
		found:   make(map[string]name),
		leases:  make(map[string]lease),
		hints:   make(map[string]int64),
		onces:   make(map[string]time.Time),
		wakes:   make(listeners),
		news:    make(listeners),
	}
}

// Elapse lets time pass for the store alone: what was to last another d, a
// lease or the memory of something done once, is over. The process's clock
// stays as it is, like that of a replica which does not know yet.
func (m *Memory) Elapse(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.ahead += d
}

// Damage makes a record unreadable, as when something else has written into a
// real store.
func (m *Memory) Damage(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.records[key]; e != nil {
		e.bad = fmt.Errorf("bad stored data: record %s was damaged", key)
	}
}

// lastingLocked returns the end of something that lasts for ttl from now on. Until
// that moment by the store's clock it counts, and no longer.
func (m *Memory) lastingLocked(ttl time.Duration) time.Time { return m.nowLocked().Add(ttl) }

func (m *Memory) nowLocked() time.Time { return time.Now().Add(m.ahead) }

// keptLocked writes down a change that was found possible, before it is made.
func (m *Memory) keptLocked(o op) error {
	if m.keep == nil {
		return nil
	}
	o.Tickets = m.tickets
	return m.keep(o)
}

// ticketLocked gives the next number of the one counter behind fences, marks
// and the orders of lists. One counter for all of them means that a name which
// is removed and comes back never has a number it had before.
func (m *Memory) ticketLocked() int64 {
	m.tickets++
	return m.tickets
}

// orderedLocked lists the records that belong, by ascending rank. Records of
// one rank are in the order of their keys, as in a Redis sorted set.
func (m *Memory) orderedLocked(belongs func(*entry) bool, rank func(*entry) int64) []*entry {
	var all []*entry
	for _, e := range m.records {
		if belongs(e) {
			all = append(all, e)
		}
	}
	slices.SortFunc(all, func(a, b *entry) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.key, b.key))
	})
	return all
}

// head is the beginning of a list. A limit below one takes nothing.
func head[T any](all []T, limit int) []T { return all[:min(max(limit, 0), len(all))] }

// usable refuses what no store would take: a context that is done, and names
// that are empty or hold control characters, which separate names in stored
// forms.
func usable(ctx context.Context, names ...string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, n := range names {
		if n == "" {
			return errors.New("a name is empty")
		}
		if strings.ContainsFunc(n, unicode.IsControl) {
			return fmt.Errorf("the name %q holds a control character", n)
		}
	}
	return nil
}

// long refuses durations that a store which counts milliseconds takes for
// none.
func long(d time.Duration) error {
	if d < time.Millisecond {
		return fmt.Errorf("a duration of %s is less than a millisecond", d)
	}
	return nil
}
