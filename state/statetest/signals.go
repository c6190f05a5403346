package statetest

import (
	"context"
	"errors"
	"time"

	"rekey/state"
)

func testHints(w world) {
	for _, name := range []string{"approval/a", "inbox/b", "approval/a"} {
		w.ok(w.s.Hint(w.ctx, name))
	}
	hints, err := w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same([]string{hints[0].Name, hints[1].Name}, []string{"inbox/b", "approval/a"})
	w.same(len(hints), 2)
	few, err := w.s.Hints(w.ctx, 0, 1)
	w.ok(err)
	w.same(few, hints[:1])
	rest, err := w.s.Hints(w.ctx, few[0].Mark, 10)
	w.ok(err)
	w.same(rest, hints[1:])
	none, err := w.s.Hints(w.ctx, hints[1].Mark, 10)
	w.ok(err)
	w.same(len(none), 0)
	none, err = w.s.Hints(w.ctx, 0, 0)
	w.ok(err)
	w.same(len(none), 0)

	taken := hints[1]
	w.ok(w.s.Hint(w.ctx, taken.Name)) // left again while it is looked into
	w.ok(w.s.Settle(w.ctx, taken))
	w.ok(w.s.Settle(w.ctx, hints[0]))
	w.ok(w.s.Settle(w.ctx, hints[0])) // twice
	hints, err = w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same(len(hints), 1)
	again := hints[0]
	w.same(again.Name, taken.Name)
	if again.Mark <= taken.Mark {
		w.Errorf("mark %d follows %d", again.Mark, taken.Mark)
	}
	// Settled and left anew: a late Settle of the one before must not hit it.
	w.ok(w.s.Settle(w.ctx, again))
	w.ok(w.s.Hint(w.ctx, again.Name))
	w.ok(w.s.Settle(w.ctx, again))
	hints, err = w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same(len(hints), 1)
	if err := w.s.Hint(w.ctx, ""); err == nil {
		w.Error("a hint without a name was accepted")
	}
}

// testHintInCommit holds that a commit's hint is left with it or not at all,
// like one left by itself.
func testHintInCommit(w world) {
	w.create("rotation/a", "secret/A")
	news := w.news(w.Open(w.T))
	w.change("rotation/a", state.Change{Hint: "watch/a"})
	w.signal(news)
	hints, err := w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same(len(hints), 1)
	taken := hints[0]
	w.same(taken.Name, "watch/a")
	w.change("rotation/a", state.Change{Hint: "watch/a"}) // while it is looked into
	w.signal(news)
	w.ok(w.s.Settle(w.ctx, taken))

	l := w.claim("rotation/a")
	_, err = w.s.Commit(w.ctx, l, 1, state.Change{Hint: "watch/b"})
	w.is(err, state.ErrConflict)
	l.Fence += 5
	_, err = w.s.Commit(w.ctx, l, 3, state.Change{Hint: "watch/b"})
	w.is(err, state.ErrLost)
	l.Fence -= 5
	hints, err = w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same(len(hints), 1)
	w.same(hints[0].Name, "watch/a")
	if hints[0].Mark <= taken.Mark {
		w.Errorf("mark %d follows %d", hints[0].Mark, taken.Mark)
	}

	_, err = w.s.Commit(w.ctx, l, 3, state.Change{Hint: "watch/b", Close: true, Release: true})
	w.ok(err)
	hints, err = w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same(len(hints), 2)
	if err := w.s.Create(w.ctx, state.Creation{Key: "rotation/b", Change: state.Change{Hint: "watch/b"}}); err == nil {
		w.Error("a creation left a hint")
	}
}

func testOnce(w world) {
	const short = 200 * time.Millisecond
	expect := func(s Store, name string, ttl time.Duration, want bool) {
		w.Helper()
		got, err := s.Once(w.ctx, name, ttl)
		w.ok(err)
		w.same(got, want)
	}
	other := w.Open(w.T)
	expect(w.s, "digest/tuesday", ttl, true)
	expect(other, "digest/tuesday", ttl, false)
	expect(w.s, "digest/monday", short, true)
	w.Elapse(w.T, 2*short)
	expect(other, "digest/monday", ttl, true)
	expect(w.s, "digest/monday", ttl, false)
	expect(w.s, "digest/tuesday", short, false)
	if _, err := w.s.Once(w.ctx, "digest/monday", 0); err == nil {
		w.Error("a memory of no length was accepted")
	}
}

// wakes subscribes to wake-ups and takes the signal of the subscription itself.
func (w world) wakes(s Store) <-chan struct{} { return w.listen(s.Wakes) }

// news subscribes to news and takes the signal of the subscription itself.
func (w world) news(s Store) <-chan struct{} { return w.listen(s.News) }

func (w world) listen(to func(context.Context) (<-chan struct{}, error)) <-chan struct{} {
	w.Helper()
	signals, err := to(w.ctx)
	w.ok(err)
	w.signal(signals)
	return signals
}

func (w world) signal(signals <-chan struct{}) {
	w.Helper()
	select {
	case _, open := <-signals:
		if !open {
			w.Fatal("the channel of signals was closed")
		}
	case <-w.ctx.Done():
		w.Fatal("no signal came")
	}
}

// testWakes holds that an earlier timer is signalled. That others are not is
// for the tests of a store, who can count: signals are merged.
func testWakes(w world) {
	w.create("rotation/a")
	signals := w.wakes(w.Open(w.T))
	w.ok(w.s.Create(w.ctx, state.Creation{Key: "rotation/timer", Change: state.Change{Timer: noon}}))
	w.signal(signals)
	w.change("rotation/a", state.Change{Timer: noon.Add(time.Hour)}) // its first
	w.signal(signals)
	w.change("rotation/a", state.Change{Timer: noon.Add(time.Hour - time.Millisecond)})
	w.signal(signals)
	w.change("rotation/a", state.Change{Timer: noon.Add(2 * time.Hour)}) // put off: whoever sleeps may go on
	w.change("rotation/a", state.Change{Timer: noon})                    // and earlier again, though not the earliest of all
	w.signal(signals)
	w.change("rotation/a", state.Change{})
	w.change("rotation/a", state.Change{Timer: noon.Add(time.Hour)}) // the first again
	w.signal(signals)
}

func testNews(w world) {
	w.create("rotation/a")
	signals := w.news(w.Open(w.T))
	w.ok(w.s.Create(w.ctx, state.Creation{Key: "rotation/post", Change: state.Change{Events: events(true, "1")}}))
	w.signal(signals)
	w.change("rotation/a", state.Change{Events: []state.Event{{}, {Post: true}}})
	w.signal(signals)
	w.ok(w.s.Hint(w.ctx, "inbox/a"))
	w.signal(signals)

	for range 50 {
		w.ok(w.s.Hint(w.ctx, "inbox/a")) // many at once are merged, not queued
	}
	w.signal(signals)
}

func testSignalsEnd(w world) {
	for _, listen := range []func(context.Context) (<-chan struct{}, error){w.s.Wakes, w.s.News} {
		ctx, cancel := context.WithCancel(w.ctx)
		signals, err := listen(ctx)
		w.ok(err)
		cancel()
		w.drained(signals)
		if _, err := listen(ctx); err == nil {
			w.Error("somebody listens under a context that is done")
		}
	}
}

// drained takes what is left until the channel is closed.
func (w world) drained(signals <-chan struct{}) {
	w.Helper()
	for {
		select {
		case _, open := <-signals:
			if !open {
				return
			}
		case <-w.ctx.Done():
			w.Fatal("the channel was not closed")
		}
	}
}

func testCrash(w world) {
	if w.Crash == nil {
		w.Skip("this backend cannot be killed")
	}
	w.create("rotation/a", "secret/A")
	l := w.claim("rotation/a")
	_, err := w.s.Commit(w.ctx, l, 1, state.Change{Body: odd, Timer: noon, Events: events(true, "1", "2")})
	w.ok(err)
	w.deliver("rotation/a", 1, map[string]string{"root": "C1/1.0"})
	w.ok(w.s.Hint(w.ctx, "inbox/a"))
	w.ok(w.s.Decide(w.ctx, "rotation/a", "T1/U1", odd))

	w.Crash(w.T)
	w.s = w.Open(w.T)
	decided, err := w.s.Decisions(w.ctx, "rotation/a")
	w.ok(err)
	w.same(decided, map[string][]byte{"T1/U1": odd})
	w.same(w.load("rotation/a"), state.Record{Key: "rotation/a", Body: odd, Revision: 2, Open: true, Timer: noon})
	journal, err := w.s.Events(w.ctx, "rotation/a", 0, 10)
	w.ok(err)
	w.same(len(journal), 2)
	rows, err := w.s.Rows(w.ctx, "rotation/a", 10)
	w.ok(err)
	w.same(rows, []state.Row{{Seq: 2, Body: []byte("2")}})
	due, _, err := w.s.Due(w.ctx, noon, 10)
	w.ok(err)
	w.same(due, []string{"rotation/a"})
	_, name, err := w.s.FindRef(w.ctx, "C1/1.0")
	w.ok(err)
	w.same(name, "root")
	hints, err := w.s.Hints(w.ctx, 0, 10)
	w.ok(err)
	w.same(len(hints), 1)
	w.is(asSlot(w.s.Create(w.ctx, state.Creation{Key: "rotation/b", Slots: []string{"secret/A"}})), errTaken)
	_, err = w.s.Commit(w.ctx, l, 2, state.Change{Release: true}) // the lease has survived too
	w.ok(err)
	if again := w.claim("rotation/a"); again.Fence <= l.Fence {
		w.Errorf("fence %d follows %d", again.Fence, l.Fence)
	}
}

// testSignalsAfterCrash kills the backend under listeners. They have to hear of
// the new connection, since they may have missed something, and then of what
// happens.
func testSignalsAfterCrash(w world) {
	if w.Crash == nil {
		w.Skip("this backend cannot be killed")
	}
	wakes, news := w.wakes(w.s), w.news(w.s)
	w.Crash(w.T)
	w.signal(wakes)
	w.signal(news)
	other := w.Open(w.T)
	w.ok(other.Hint(w.ctx, "inbox/a"))
	w.signal(news)
	w.ok(other.Create(w.ctx, state.Creation{Key: "rotation/timer", Change: state.Change{Timer: noon}}))
	w.signal(wakes)
}

func testContext(w world) {
	w.create("rotation/a")
	ctx, cancel := context.WithCancel(w.ctx)
	cancel()
	_, err := w.s.Load(ctx, "rotation/a")
	if !errors.Is(err, context.Canceled) {
		w.Errorf("loading with a context that is done: %v", err)
	}
	if err := w.s.Create(ctx, state.Creation{Key: "rotation/b"}); !errors.Is(err, context.Canceled) {
		w.Errorf("creating with a context that is done: %v", err)
	}
	_, err = w.s.Load(w.ctx, "rotation/b")
	w.is(err, state.ErrNotFound)
}
