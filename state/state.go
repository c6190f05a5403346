// Package state is the contract for keeping workflow state: opaque versioned
// bytes under a fenced lease, with a journal, an outbox and timers that change
// together with them or not at all.
//
// # The model
//
// A record is an opaque body with a revision, under a key such as
// "rotation/fal_key-7f3a". Whoever wants to change it first claims a [Lease];
// each claim of a key gets a larger fence than the one before. A [Commit]
// names the lease and the revision it was computed from. The store applies it
// only while the lease is still held with that fence and the record still has
// that revision: body, journal events, outbox rows, timer and slots then
// change in one indivisible act.
//
// A record that is open may hold slots: names of which there is one each
// ("secret/FAL_KEY"). Creating a record takes all its slots or fails, closing
// it frees them. That is how one rotation per secret holds on every replica.
//
// # What may run twice
//
// Load, Due, Pending and Events may run any number of times. A Commit whose
// answer was lost may be sent again with the same revision: if the first one
// had arrived the second fails with [ErrConflict], and the caller loads the
// record to see. Two holders never both commit: the fence of the older one is
// refused with [ErrLost].
//
// A waiting record holds no lease and costs nothing: one sleeper per replica
// waits for the earliest timer or a wake-up ([Timers]), and one for something
// to tell people ([News]).
package state

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrNotFound is returned for a key without a record.
	ErrNotFound = errors.New("no such record")
	// ErrExists is returned by Create for a key that has a record.
	ErrExists = errors.New("the record exists already")
	// ErrHeld is returned by Claim while somebody else holds the lease.
	ErrHeld = errors.New("somebody else holds the lease")
	// ErrLost is returned when the lease ran out or was taken over. Whatever
	// was being done under it must stop at once.
	ErrLost = errors.New("the lease was lost")
	// ErrConflict is returned by Commit when the record has another revision.
	ErrConflict = errors.New("the record has changed")
)

// SlotError is returned by Create when a slot is taken.
type SlotError struct {
	Slot   string // the slot that was taken
	Holder string // key of the record that holds it
}

func (e *SlotError) Error() string { return "slot " + e.Slot + " is taken by " + e.Holder }

// Record is one stored body.
type Record struct {
	Key      string
	Body     []byte
	Revision int64     // 1 for a record just created, +1 with every commit
	Open     bool      // false once closed
	Timer    time.Time // when the record wants to be woken; zero means never by itself
	// Bad is why a record in a list cannot be read, nil for a whole one. Of a
	// bad one only the key is known.
	Bad error
}

// Lease is the right to change one record for a while.
type Lease struct {
	Key   string
	Owner string    // names the replica, for people
	Fence int64     // grows with every claim of the key
	Until time.Time // by the local clock, conservatively; renew well before
}

// Event is one line of a record's journal.
type Event struct {
	Seq  int64 // 1, 2, 3 … within the record; assigned by the store
	Body []byte
	Post bool // also put a row into the outbox
}

// Change is what one commit does to a record.
type Change struct {
	Body   []byte    // the new body, whole
	Events []Event   // appended in order; Seq is ignored
	Timer  time.Time // the next wake-up; zero clears it. Stored in milliseconds
	Close  bool      // the record is finished: slots freed, timer cleared, listed as closed
	// Extend renews the lease to this length, counted from the commit; zero
	// leaves it. The caller keeps its own idea of Lease.Until.
	Extend time.Duration
	// Release gives the lease up with the commit, saving a round trip.
	Release bool
	// Hint leaves a hint of this name with the commit; empty leaves none. It
	// is there to make what people see fresher and holds up nothing: where
	// there is no room for another hint, the change is made without it.
	Hint string
}

// Row is an event waiting to be delivered to people.
type Row struct {
	Seq  int64
	Body []byte // the event's body
}

// Creation is a new record.
type Creation struct {
	Key   string
	Slots []string // taken together or not at all
	Change
}

// Store keeps records. Every method is bounded by its context.
type Store interface {
	// Create makes an open record; *SlotError when a slot is taken,
	// ErrExists when the key is.
	Create(ctx context.Context, c Creation) error
	// Load returns the record; ErrNotFound when there is none.
	Load(ctx context.Context, key string) (Record, error)
	// Commit applies a change under a lease and returns the new revision.
	// ErrLost, ErrConflict.
	Commit(ctx context.Context, l Lease, revision int64, c Change) (int64, error)
}

// Leases hands out leases. A key need not have a record: the chat leases
// "post/<key>" to be the only one to deliver a record's rows.
type Leases interface {
	// Claim takes the lease for ttl. ErrHeld while another holds it.
	Claim(ctx context.Context, key, owner string, ttl time.Duration) (Lease, error)
	// Renew extends a lease that is still held. ErrLost.
	Renew(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	// Release gives it up. Releasing a lost lease is not an error.
	Release(ctx context.Context, l Lease) error
}

// Lists finds records. One that cannot be read is in the list like the others,
// with Bad saying why: it must not hide them.
type Lists interface {
	// Open lists all open records, oldest first.
	Open(ctx context.Context) ([]Record, error)
	// Closed lists at most limit closed records, last closed first.
	Closed(ctx context.Context, limit int) ([]Record, error)
	// Events lists a record's journal after the given sequence number.
	Events(ctx context.Context, key string, after int64, limit int) ([]Event, error)
}

// Timers tells which records want to be woken.
type Timers interface {
	// Due lists keys whose timer is not after now, earliest first, and the
	// time of the next timer after now (zero if there is none).
	Due(ctx context.Context, now time.Time, limit int) (keys []string, next time.Time, err error)
	// Wakes delivers a signal after any commit or creation of any replica
	// that gave a record its first timer or an earlier one. A timer put off
	// is not signalled: who sleeps until the old time looks again then, and
	// finds the new one. So a rotation that goes on step by step, putting its
	// timer off with each, wakes nobody.
	//
	// Signals may be merged; one is sent after every (re)connection, because
	// some may have been missed. The channel closes when ctx ends.
	Wakes(ctx context.Context) (<-chan struct{}, error)
}

// News tells those who talk to people that there is something to do. It has a
// signal apart from that of [Timers], so that who waits for the one is not
// disturbed by the other.
type News interface {
	// News delivers a signal after any commit or creation of any replica
	// that posted an event or left a hint, and after any hint left by itself;
	// as [Timers].Wakes does.
	News(ctx context.Context) (<-chan struct{}, error)
}

// Outbox is what waits to be told to people, in order per record.
type Outbox interface {
	// Pending lists keys that have rows waiting, the longest waiting first.
	Pending(ctx context.Context, limit int) ([]string, error)
	// Rows lists a record's waiting rows in order.
	Rows(ctx context.Context, key string, limit int) ([]Row, error)
	// Delivered removes all rows up to and including seq and stores refs
	// (name to message reference) in the same act, under a lease of
	// "post/<key>". ErrLost.
	Delivered(ctx context.Context, l Lease, key string, seq int64, refs map[string]string) error
}

// Refs are the places where messages of a record stand: names such as "root"
// or "card/2" to references such as "C0123/1700000000.000100".
type Refs interface {
	// Refs returns all references of a record.
	Refs(ctx context.Context, key string) (map[string]string, error)
	// FindRef returns the record and the name that a reference stands for;
	// ErrNotFound when it is none of ours.
	FindRef(ctx context.Context, ref string) (key, name string, err error)
}

// Decisions are what people decided about a record in a way that no other
// place can be asked about later: a click leaves nothing behind in Slack. The
// store keeps what it is given; a body must prove by itself whose it is, and
// for what, because whoever can write to the store could have put it there.
type Decisions interface {
	// Decide stores a decision under a name, instead of an earlier one of that
	// name, for as long as the record is open. ErrNotFound when no record of
	// that key is.
	Decide(ctx context.Context, key, name string, body []byte) error
	// Decisions returns all decisions about a record by name.
	Decisions(ctx context.Context, key string) (map[string][]byte, error)
	// Decided lists the open records about which something was decided, oldest
	// first, in one look: who asks about many records asks this first.
	Decided(ctx context.Context) (keys []string, err error)
}

// Hint is something to look into.
type Hint struct {
	Name string
	Mark int64 // grows each time the hint is left
}

// Hints are facts to look into, as a set: leaving one twice is leaving it once.
// They carry no decision; whoever takes one up asks the source.
type Hints interface {
	// Hint stores a hint and tells the replicas by [News].
	Hint(ctx context.Context, name string) error
	// Hints lists at most limit hints with a mark after the given one, the
	// one left the longest ago first: hints that cannot be settled are in
	// nobody's way.
	Hints(ctx context.Context, after int64, limit int) ([]Hint, error)
	// Settle removes a hint that was looked into, unless it was left again
	// meanwhile (its mark has grown).
	Settle(ctx context.Context, h Hint) error
}

// Onces remembers that something was done, for a while.
type Onces interface {
	// Once reports true to the first caller with this name within ttl, on
	// all replicas together.
	Once(ctx context.Context, name string, ttl time.Duration) (bool, error)
}
