package statetest

import (
	"strconv"
	"time"

	"rekey/state"
)

func events(post bool, bodies ...string) []state.Event {
	var all []state.Event
	for _, b := range bodies {
		all = append(all, state.Event{Body: []byte(b), Post: post})
	}
	return all
}

func testJournal(w world) {
	w.ok(w.s.Create(w.ctx, state.Creation{Key: "rotation/a", Change: state.Change{Events: events(true, "1", "2")}}))
	w.change("rotation/a", state.Change{Events: []state.Event{{Body: odd, Seq: 77}, {}}})
	w.change("rotation/a", state.Change{})
	w.change("rotation/a", state.Change{Events: events(false, "5"), Close: true})
	all := []state.Event{
		{Seq: 1, Body: []byte("1"), Post: true}, {Seq: 2, Body: []byte("2"), Post: true},
		{Seq: 3, Body: odd}, {Seq: 4}, {Seq: 5, Body: []byte("5")},
	}
	for _, c := range []struct {
		after int64
		limit int
		want  []state.Event
	}{
		{0, 10, all}, {-3, 10, all}, {0, 2, all[:2]}, {2, 2, all[2:4]}, {4, 1, all[4:]}, {5, 10, nil}, {99, 1, nil},
		{0, 0, nil}, {0, -1, nil},
	} {
		got, err := w.s.Events(w.ctx, "rotation/a", c.after, c.limit)
		w.ok(err)
		w.same(got, c.want)
	}
	none, err := w.s.Events(w.ctx, "rotation/none", 0, 10)
	w.ok(err)
	w.same(len(none), 0)
}

func testTimers(w world) {
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	for i, s := range []int{30, 10, 20, 10} {
		key := "rotation/" + strconv.Itoa(i)
		w.ok(w.s.Create(w.ctx, state.Creation{Key: key, Change: state.Change{Timer: at(s)}}))
	}
	w.create("rotation/never")
	expect := func(now time.Time, limit int, next time.Time, keys ...string) {
		w.Helper()
		gotKeys, gotNext, err := w.s.Due(w.ctx, now, limit)
		w.ok(err)
		w.same(gotKeys, keys)
		if !gotNext.Equal(next) {
			w.Fatalf("the next timer is %v, want %v", gotNext, next)
		}
	}
	expect(at(9), 10, at(10))
	expect(at(10).Add(-time.Nanosecond), 10, at(10))
	expect(at(10), 10, at(20), "rotation/1", "rotation/3")
	expect(at(25), 10, at(30), "rotation/1", "rotation/3", "rotation/2")
	expect(at(25), 1, at(30), "rotation/1")
	expect(at(25), 0, at(30))
	expect(at(99), 10, time.Time{}, "rotation/1", "rotation/3", "rotation/2", "rotation/0")

	w.change("rotation/1", state.Change{Timer: at(40)}) // later
	w.change("rotation/3", state.Change{})              // cleared
	w.change("rotation/0", state.Change{Timer: at(5)})  // earlier
	w.close("rotation/2")
	w.change("rotation/never", state.Change{Timer: time.Unix(-5, 0)}) // long ago
	expect(at(5), 10, at(40), "rotation/never", "rotation/0")
	expect(at(39), 10, at(40), "rotation/never", "rotation/0")
	expect(at(40), 10, time.Time{}, "rotation/never", "rotation/0", "rotation/1")
}

func testOutbox(w world) {
	for _, key := range []string{"rotation/a", "rotation/b", "rotation/c"} {
		w.create(key)
	}
	expect := func(keys ...string) {
		w.Helper()
		got, err := w.s.Pending(w.ctx, 10)
		w.ok(err)
		w.same(got, keys)
	}
	expect()
	w.change("rotation/b", state.Change{Events: events(true, "b1")})
	w.change("rotation/a", state.Change{Events: []state.Event{
		{Body: []byte("a1"), Post: true}, {Body: []byte("a2")}, {Body: odd, Post: true},
	}})
	w.change("rotation/c", state.Change{Events: events(false, "c1")})
	w.change("rotation/b", state.Change{Events: events(true, "b2")})
	expect("rotation/b", "rotation/a")
	rows, err := w.s.Rows(w.ctx, "rotation/a", 10)
	w.ok(err)
	w.same(rows, []state.Row{{Seq: 1, Body: []byte("a1")}, {Seq: 3, Body: odd}})

	w.deliver("rotation/b", 1, nil)
	expect("rotation/a", "rotation/b") // b2 came after a1
	w.deliver("rotation/a", 2, nil)
	rows, err = w.s.Rows(w.ctx, "rotation/a", 10)
	w.ok(err)
	w.same(rows, []state.Row{{Seq: 3, Body: odd}})
	w.deliver("rotation/a", 2, nil) // sent twice
	w.deliver("rotation/a", 3, nil)
	expect("rotation/b")
	w.change("rotation/b", state.Change{Events: events(true, "b3"), Close: true})
	w.deliver("rotation/b", 99, nil) // of a closed record
	expect()

	for limit, want := range map[int]int{-1: 0, 0: 0, 1: 1} {
		w.change("rotation/c", state.Change{Events: events(true, "x")})
		rows, err := w.s.Rows(w.ctx, "rotation/c", limit)
		w.ok(err)
		pending, err := w.s.Pending(w.ctx, limit)
		w.ok(err)
		w.same([]int{len(rows), len(pending)}, []int{want, want})
	}
}

// deliver says that rows were delivered, under a lease of its own.
func (w world) deliver(key string, seq int64, refs map[string]string) {
	w.Helper()
	l := w.claim("post/" + key)
	w.ok(w.s.Delivered(w.ctx, l, key, seq, refs))
	w.ok(w.s.Release(w.ctx, l))
}

func testDeliveredLease(w world) {
	w.ok(w.s.Create(w.ctx, state.Creation{Key: "rotation/a", Change: state.Change{Events: events(true, "1")}}))
	l := w.claim("post/rotation/a")
	record := w.claim("rotation/a")
	if err := w.s.Delivered(w.ctx, record, "rotation/a", 1, nil); err == nil {
		w.Error("rows were removed under the record's own lease")
	}
	w.ok(w.s.Release(w.ctx, l))
	w.is(w.s.Delivered(w.ctx, l, "rotation/a", 1, map[string]string{"root": "C1/1"}), state.ErrLost)
	w.claim("post/rotation/a")
	w.is(w.s.Delivered(w.ctx, l, "rotation/a", 1, map[string]string{"root": "C1/1"}), state.ErrLost)
	rows, err := w.s.Rows(w.ctx, "rotation/a", 10)
	w.ok(err)
	w.same(len(rows), 1)
	_, _, err = w.s.FindRef(w.ctx, "C1/1")
	w.is(err, state.ErrNotFound)
	w.is(w.s.Delivered(w.ctx, w.claim("post/rotation/none"), "rotation/none", 1, nil), state.ErrNotFound)
}

func testRefs(w world) {
	w.create("rotation/a")
	w.create("rotation/b")
	w.deliver("rotation/a", 0, map[string]string{"root": "C1/1.0", "card/2": "C1/2.0"})
	w.deliver("rotation/b", 0, map[string]string{"root": "C1/3.0"})
	w.deliver("rotation/a", 0, map[string]string{"card/2": "C1/4.0"})
	refs, err := w.s.Refs(w.ctx, "rotation/a")
	w.ok(err)
	w.same(refs, map[string]string{"root": "C1/1.0", "card/2": "C1/4.0"})
	none, err := w.s.Refs(w.ctx, "rotation/none")
	w.ok(err)
	w.same(len(none), 0)

	for ref, want := range map[string][2]string{
		"C1/1.0": {"rotation/a", "root"}, "C1/4.0": {"rotation/a", "card/2"}, "C1/3.0": {"rotation/b", "root"},
	} {
		key, name, err := w.s.FindRef(w.ctx, ref)
		w.ok(err)
		w.same([2]string{key, name}, want)
	}
	for _, ref := range []string{"C1/2.0", "C9/9.9"} { // replaced; never ours
		_, _, err := w.s.FindRef(w.ctx, ref)
		w.is(err, state.ErrNotFound)
	}
	// The old reference of one name goes to another: replacing the first
	// name's must not hide the second's.
	w.deliver("rotation/a", 0, map[string]string{"report": "C1/4.0"})
	w.deliver("rotation/a", 0, map[string]string{"card/2": "C1/5.0"})
	_, name, err := w.s.FindRef(w.ctx, "C1/4.0")
	w.ok(err)
	w.same(name, "report")
	l := w.claim("post/rotation/a")
	for name, refs := range map[string]map[string]string{
		"empty reference": {"root": ""}, "empty name": {"": "C1/1.0"}, "line break": {"a\nb": "C1/1.0"},
	} {
		if err := w.s.Delivered(w.ctx, l, "rotation/a", 0, refs); err == nil {
			w.Errorf("%s: accepted", name)
		}
	}
}
