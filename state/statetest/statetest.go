// Package statetest is the conformance suite of package state: what every
// store must do, written once. It is imported by tests only.
//
// A store's tests call [Run] with a function that makes an empty backend. The
// suite opens it as often as it wants replicas, lets the backend's time pass
// where a lease must run out, and, where the backend can be killed, kills it
// and looks for what was committed. [NewServer] starts a redis-server that can
// be killed and started again, for this suite and for other tests.
package statetest

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rekey/state"
)

// Store is everything the contract asks for.
type Store interface {
	state.Store
	state.Leases
	state.Lists
	state.Timers
	state.News
	state.Outbox
	state.Refs
	state.Decisions
	state.Hints
	state.Onces
}

// Backend is a store to be tested, empty at first.
type Backend struct {
	// Open connects one more replica to the same data. It is closed by the
	// test's cleanup.
	Open func(t *testing.T) Store
	// Elapse returns once this much time has passed for the backend.
	Elapse func(t *testing.T, d time.Duration)
	// Crash kills the backend and starts it again on the same data, without
	// giving it a chance to tidy up. Nil skips what needs it.
	Crash func(t *testing.T)
	// Damage makes a record unreadable behind the store's back.
	Damage func(t *testing.T, key string)
	// Limits are what the store allows at most; see the fields.
	Limits Limits
}

// Limits are bounds the suite walks up to. Zero skips the test of a bound.
type Limits struct {
	Closed int // closed records kept
}

// world is what one test works with.
type world struct {
	*testing.T
	Backend
	ctx context.Context
	s   Store
}

// Run runs the suite, each part on a backend of its own.
func Run(t *testing.T, open func(t *testing.T) Backend) {
	parts := []struct {
		name string
		test func(w world)
	}{
		{"create", testCreate},
		{"create again", testCreateAgain},
		{"slots", testSlots},
		{"commit", testCommit},
		{"commit with the wrong revision", testConflict},
		{"commit sent twice", testReplay},
		{"commit is whole or not at all", testAllOrNothing},
		{"closed records take no timer", testCommitAfterClose},
		{"lease", testLease},
		{"lease that ran out", testLeaseRunsOut},
		{"lease extended and released by a commit", testLeaseInCommit},
		{"open and closed", testLists},
		{"a damaged record hides no other", testDamaged},
		{"closed records are bounded", testClosedBound},
		{"journal", testJournal},
		{"timers", testTimers},
		{"outbox", testOutbox},
		{"delivery needs its lease", testDeliveredLease},
		{"references", testRefs},
		{"decisions", testDecisions},
		{"hints", testHints},
		{"hint left by a commit", testHintInCommit},
		{"once", testOnce},
		{"wake-ups", testWakes},
		{"news", testNews},
		{"signals end", testSignalsEnd},
		{"concurrent commits", testConcurrentCommits},
		{"one creation wins", testConcurrentCreations},
		{"crash keeps what was committed", testCrash},
		{"signals after a crash", testSignalsAfterCrash},
		{"a context that is done", testContext},
	}
	for _, part := range parts {
		t.Run(part.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			b := open(t)
			part.test(world{T: t, Backend: b, ctx: ctx, s: b.Open(t)})
		})
	}
}

// ttl is the length of leases that are not meant to run out.
const ttl = time.Minute

func (w world) ok(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w world) is(err, want error) {
	w.Helper()
	if !errors.Is(err, want) {
		w.Fatalf("got error %v, want %v", err, want)
	}
}

// same compares; nil and empty are the same.
func (w world) same(got, want any) {
	w.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		w.Fatalf("differs (-want +got):\n%s", diff)
	}
}

func (w world) create(key string, slots ...string) {
	w.Helper()
	w.ok(w.s.Create(w.ctx, state.Creation{Key: key, Slots: slots, Change: state.Change{Body: []byte("new")}}))
}

func (w world) claim(key string) state.Lease {
	w.Helper()
	l, err := w.s.Claim(w.ctx, key, "replica-1", ttl)
	w.ok(err)
	return l
}

func (w world) load(key string) state.Record {
	w.Helper()
	r, err := w.s.Load(w.ctx, key)
	w.ok(err)
	return r
}

// change commits on top of whatever the record is, under a lease of its own.
func (w world) change(key string, c state.Change) int64 {
	w.Helper()
	l := w.claim(key)
	c.Release = true
	revision, err := w.s.Commit(w.ctx, l, w.load(key).Revision, c)
	w.ok(err)
	return revision
}

func (w world) close(key string) {
	w.Helper()
	w.change(key, state.Change{Body: []byte("closed"), Close: true})
}

func keysOf(records []state.Record) []string {
	var keys []string
	for _, r := range records {
		keys = append(keys, r.Key)
	}
	return keys
}

// odd is a body that survives only if nothing interprets it.
var odd = bytes.Join([][]byte{{0, 255, '\n', '\r', '\n', '"', '\\'}, []byte("{\"ä\":1}"), {0}}, nil)

// noon is a time in whole milliseconds.
var noon = time.UnixMilli(1_790_000_000_123)
