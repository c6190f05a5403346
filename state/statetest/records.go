package statetest

import (
	"bytes"
	"errors"
	"slices"
	"strconv"
	"time"

	"rekey/state"
)

func testCreate(w world) {
	_, err := w.s.Load(w.ctx, "rotation/a")
	w.is(err, state.ErrNotFound)
	w.ok(w.s.Create(w.ctx, state.Creation{
		Key:    "rotation/a",
		Change: state.Change{Body: odd, Timer: noon.Add(999 * time.Microsecond)},
	}))
	w.same(w.load("rotation/a"), state.Record{Key: "rotation/a", Body: odd, Revision: 1, Open: true, Timer: noon})
	w.ok(w.s.Create(w.ctx, state.Creation{Key: "rotation/empty"}))
	w.same(w.load("rotation/empty"), state.Record{Key: "rotation/empty", Revision: 1, Open: true})
	for name, c := range map[string]state.Creation{
		"no key":     {},
		"line break": {Key: "a\nb"},
		"no slot":    {Key: "x", Slots: []string{""}},
		"closed":     {Key: "x", Change: state.Change{Close: true}},
		"released":   {Key: "x", Change: state.Change{Release: true}},
		"extended":   {Key: "x", Change: state.Change{Extend: time.Second}},
	} {
		if err := w.s.Create(w.ctx, c); err == nil {
			w.Errorf("%s: the creation was accepted", name)
		}
	}
}

func testCreateAgain(w world) {
	w.create("rotation/a", "secret/A")
	first := w.load("rotation/a")
	err := w.s.Create(w.ctx, state.Creation{
		Key: "rotation/a", Slots: []string{"secret/A", "secret/B"}, Change: state.Change{Body: []byte("other")},
	})
	w.is(err, state.ErrExists)
	w.same(w.load("rotation/a"), first)
	w.create("rotation/b", "secret/B") // the refused creation took nothing
	w.close("rotation/a")
	w.is(w.s.Create(w.ctx, state.Creation{Key: "rotation/a"}), state.ErrExists)
}

func testSlots(w world) {
	w.create("rotation/a", "secret/A", "account/1")
	err := w.s.Create(w.ctx, state.Creation{
		Key: "rotation/b", Slots: []string{"secret/B", "account/1"}, Change: state.Change{Timer: noon, Events: []state.Event{{Post: true}}},
	})
	var taken *state.SlotError
	if !errors.As(err, &taken) {
		w.Fatalf("got error %v, want a SlotError", err)
	}
	w.same(*taken, state.SlotError{Slot: "account/1", Holder: "rotation/a"})
	_, err = w.s.Load(w.ctx, "rotation/b")
	w.is(err, state.ErrNotFound)
	due, _, err := w.s.Due(w.ctx, noon, 10)
	w.ok(err)
	w.same(due, []string(nil))

	w.create("rotation/c", "secret/B") // not taken by the refused creation
	w.change("rotation/a", state.Change{Body: []byte("still open")})
	w.is(asSlot(w.s.Create(w.ctx, state.Creation{Key: "rotation/d", Slots: []string{"secret/A"}})), errTaken)
	w.close("rotation/a")
	w.create("rotation/d", "secret/A", "account/1", "account/1")
	w.close("rotation/a") // closing again does not free what others hold now
	w.is(asSlot(w.s.Create(w.ctx, state.Creation{Key: "rotation/e", Slots: []string{"secret/A"}})), errTaken)
}

var errTaken = errors.New("taken")

func asSlot(err error) error {
	var taken *state.SlotError
	if errors.As(err, &taken) {
		return errTaken
	}
	return err
}

func testCommit(w world) {
	w.create("rotation/a")
	l := w.claim("rotation/a")
	for revision := int64(1); revision <= 3; revision++ {
		timer := noon.Add(time.Duration(revision) * time.Second)
		got, err := w.s.Commit(w.ctx, l, revision, state.Change{Body: append(odd, byte(revision)), Timer: timer})
		w.ok(err)
		w.same(got, revision+1)
		w.same(w.load("rotation/a"), state.Record{
			Key: "rotation/a", Body: append(odd, byte(revision)), Revision: revision + 1, Open: true, Timer: timer,
		})
	}
	_, err := w.s.Commit(w.ctx, l, 4, state.Change{})
	w.ok(err)
	w.same(w.load("rotation/a"), state.Record{Key: "rotation/a", Revision: 5, Open: true})

	nothing := w.claim("rotation/nothing")
	_, err = w.s.Commit(w.ctx, nothing, 1, state.Change{})
	w.is(err, state.ErrNotFound)
}

func testConflict(w world) {
	w.create("rotation/a")
	l := w.claim("rotation/a")
	_, err := w.s.Commit(w.ctx, l, 2, state.Change{Body: []byte("early")})
	w.is(err, state.ErrConflict)
	_, err = w.s.Commit(w.ctx, l, 1, state.Change{Body: []byte("first")})
	w.ok(err)
	_, err = w.s.Commit(w.ctx, l, 1, state.Change{Body: []byte("late")})
	w.is(err, state.ErrConflict)
	w.same(string(w.load("rotation/a").Body), "first")
	if _, err = w.s.Commit(w.ctx, l, 0, state.Change{}); err == nil {
		w.Error("revision 0 was accepted")
	}
}

// testReplay plays a caller who never got the answer to a commit.
func testReplay(w world) {
	changes := map[string]state.Change{
		"plain":     {Body: []byte("x"), Events: []state.Event{{Body: []byte("e"), Post: true}}},
		"releasing": {Body: []byte("x"), Events: []state.Event{{Body: []byte("e"), Post: true}}, Release: true},
		"closing":   {Body: []byte("x"), Events: []state.Event{{Body: []byte("e"), Post: true}}, Release: true, Close: true},
	}
	for name, c := range changes {
		key := "rotation/" + name
		w.create(key)
		l := w.claim(key)
		_, err := w.s.Commit(w.ctx, l, 1, c)
		w.ok(err)
		_, err = w.s.Commit(w.ctx, l, 1, c)
		w.is(err, state.ErrConflict)
		events, err := w.s.Events(w.ctx, key, 0, 10)
		w.ok(err)
		rows, err := w.s.Rows(w.ctx, key, 10)
		w.ok(err)
		w.same([]int{len(events), len(rows)}, []int{1, 1})
	}
}

// testAllOrNothing refuses a change that touches everything, and looks for
// any part of it.
func testAllOrNothing(w world) {
	w.create("rotation/a", "secret/A")
	lost := w.claim("rotation/a")
	w.ok(w.s.Release(w.ctx, lost))
	l := w.claim("rotation/a")
	before := w.load("rotation/a")
	everything := state.Change{
		Body:   []byte("refused"),
		Events: []state.Event{{Body: []byte("e"), Post: true}},
		Timer:  noon,
		Close:  true, Release: true,
	}
	_, err := w.s.Commit(w.ctx, lost, 1, everything)
	w.is(err, state.ErrLost)
	_, err = w.s.Commit(w.ctx, l, 7, everything)
	w.is(err, state.ErrConflict)

	w.same(w.load("rotation/a"), before)
	events, err := w.s.Events(w.ctx, "rotation/a", 0, 10)
	w.ok(err)
	rows, err := w.s.Rows(w.ctx, "rotation/a", 10)
	w.ok(err)
	pending, err := w.s.Pending(w.ctx, 10)
	w.ok(err)
	due, next, err := w.s.Due(w.ctx, noon, 10)
	w.ok(err)
	w.same([]int{len(events), len(rows), len(pending), len(due)}, []int{0, 0, 0, 0})
	w.same(next.IsZero(), true)
	w.is(asSlot(w.s.Create(w.ctx, state.Creation{Key: "rotation/b", Slots: []string{"secret/A"}})), errTaken)
	_, err = w.s.Renew(w.ctx, l, ttl) // the refused release released nothing
	w.ok(err)
}

func testCommitAfterClose(w world) {
	w.create("rotation/a")
	w.change("rotation/a", state.Change{Timer: noon})
	w.change("rotation/a", state.Change{Body: []byte("end"), Timer: noon, Close: true})
	w.same(w.load("rotation/a"), state.Record{Key: "rotation/a", Body: []byte("end"), Revision: 3})
	due, next, err := w.s.Due(w.ctx, noon, 10)
	w.ok(err)
	w.same(len(due), 0)
	w.same(next.IsZero(), true)

	l := w.claim("rotation/a")
	if _, err := w.s.Commit(w.ctx, l, 3, state.Change{Timer: noon}); err == nil {
		w.Error("a closed record was given a timer")
	}
	_, err = w.s.Commit(w.ctx, l, 3, state.Change{Body: []byte("late"), Events: []state.Event{{Body: []byte("late")}}})
	w.ok(err)
	w.same(w.load("rotation/a"), state.Record{Key: "rotation/a", Body: []byte("late"), Revision: 4})
}

func testLists(w world) {
	var want []string
	for i := range 130 { // more than a store is likely to read at once
		key := "rotation/" + strconv.Itoa(i)
		w.ok(w.s.Create(w.ctx, state.Creation{Key: key, Change: state.Change{Body: bytes.Repeat(odd, i)}}))
		want = append(want, key)
	}
	open, err := w.s.Open(w.ctx)
	w.ok(err)
	w.same(keysOf(open), want)
	w.same(open[77], w.load("rotation/77"))

	for _, key := range []string{"rotation/5", "rotation/99", "rotation/0"} {
		w.close(key)
	}
	open, err = w.s.Open(w.ctx)
	w.ok(err)
	w.same(len(open), 127)
	w.same(keysOf(open)[:5], []string{"rotation/1", "rotation/2", "rotation/3", "rotation/4", "rotation/6"})
	w.close("rotation/5") // again; it keeps its place
	closed, err := w.s.Closed(w.ctx, 10)
	w.ok(err)
	w.same(keysOf(closed), []string{"rotation/0", "rotation/99", "rotation/5"})
	w.same(closed[0], w.load("rotation/0"))
	for limit, want := range map[int]int{-1: 0, 0: 0, 2: 2} {
		closed, err := w.s.Closed(w.ctx, limit)
		w.ok(err)
		w.same(len(closed), want)
	}
}

// testDamaged spoils one record in the middle of each list. It is named there,
// and what is around it can be read, found and changed as ever.
func testDamaged(w world) {
	var keys []string
	for i := range 130 { // more than a store is likely to read at once
		key := "rotation/" + strconv.Itoa(i)
		w.ok(w.s.Create(w.ctx, state.Creation{Key: key, Slots: []string{"secret/" + key}, Change: state.Change{Body: odd, Timer: noon}}))
		keys = append(keys, key)
	}
	w.close("rotation/3")
	w.close("rotation/4")
	keys = slices.Delete(keys, 3, 5)
	for _, key := range []string{"rotation/0", "rotation/4", "rotation/77", "rotation/129"} {
		w.Damage(w.T, key)
	}
	open, err := w.s.Open(w.ctx)
	w.ok(err)
	w.same(keysOf(open), keys)
	w.same(badOf(open), []string{"rotation/0", "rotation/77", "rotation/129"})
	w.same(open[1], w.load("rotation/1"))
	closed, err := w.s.Closed(w.ctx, 10)
	w.ok(err)
	w.same(keysOf(closed), []string{"rotation/4", "rotation/3"})
	w.same(badOf(closed), []string{"rotation/4"})

	if _, err := w.s.Load(w.ctx, "rotation/0"); err == nil || errors.Is(err, state.ErrNotFound) {
		w.Errorf("loading the damaged one: %v", err)
	}
	w.is(asSlot(w.s.Create(w.ctx, state.Creation{Key: "rotation/x", Slots: []string{"secret/rotation/0"}})), errTaken)
	w.change("rotation/1", state.Change{Body: []byte("goes on")})
	w.close("rotation/2")
	w.create("rotation/y", "secret/rotation/2")
	due, _, err := w.s.Due(w.ctx, noon, 1000)
	w.ok(err)
	w.same(slices.Contains(due, "rotation/5"), true)
}

// badOf returns the keys of the records that cannot be read. Nothing else is
// known of those.
func badOf(records []state.Record) []string {
	var keys []string
	for _, r := range records {
		switch {
		case r.Bad == nil:
		case r.Body != nil || r.Revision != 0 || r.Open || !r.Timer.IsZero():
			keys = append(keys, r.Key+", with more than its key")
		default:
			keys = append(keys, r.Key)
		}
	}
	return keys
}

// testClosedBound closes more records than are kept. The first has rows
// waiting and stays; the others go with journal and references.
func testClosedBound(w world) {
	most := w.Limits.Closed
	if most == 0 {
		w.Skip("this store names no bound")
	}
	key := func(i int) string { return "rotation/" + strconv.Itoa(i) }
	for i := range most + 3 {
		w.create(key(i))
		if i < 5 {
			w.deliver(key(i), 0, map[string]string{"root": "C1/" + strconv.Itoa(i)})
		}
		w.change(key(i), state.Change{Close: true, Events: []state.Event{{Body: []byte("end"), Post: i == 0}}})
	}
	closed, err := w.s.Closed(w.ctx, most+3)
	w.ok(err)
	w.same(len(closed), most)
	w.load(key(0))
	for _, i := range []int{1, 2, 3} {
		_, err := w.s.Load(w.ctx, key(i))
		w.is(err, state.ErrNotFound)
		events, err := w.s.Events(w.ctx, key(i), 0, 1)
		w.ok(err)
		w.same(len(events), 0)
		_, _, err = w.s.FindRef(w.ctx, "C1/"+strconv.Itoa(i))
		w.is(err, state.ErrNotFound)
	}
	for _, i := range []int{0, 4} {
		got, _, err := w.s.FindRef(w.ctx, "C1/"+strconv.Itoa(i))
		w.ok(err)
		w.same(got, key(i))
	}
	w.load(key(4))
	w.load(key(most + 2))
}
