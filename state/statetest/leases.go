package statetest

import (
	"errors"
	"strconv"
	"sync"
	"time"

	"rekey/state"
)

func testLease(w world) {
	before := time.Now()
	first, err := w.s.Claim(w.ctx, "rotation/a", "replica 1", ttl)
	w.ok(err)
	if first.Until.Before(before) || first.Until.After(time.Now().Add(ttl)) {
		w.Errorf("the lease ends %s after the claim, it was asked for %s", first.Until.Sub(before), ttl)
	}
	w.same([]string{first.Key, first.Owner}, []string{"rotation/a", "replica 1"})
	for _, owner := range []string{"replica 2", "replica 1"} {
		_, err = w.s.Claim(w.ctx, "rotation/a", owner, ttl)
		w.is(err, state.ErrHeld)
	}
	other, err := w.s.Claim(w.ctx, "rotation/b", "replica 2", ttl)
	w.ok(err)
	renewed, err := w.s.Renew(w.ctx, first, 2*ttl)
	w.ok(err)
	w.same(renewed.Fence, first.Fence)
	w.same(renewed.Until.After(first.Until), true)

	w.ok(w.s.Release(w.ctx, first))
	w.ok(w.s.Release(w.ctx, first)) // of a lost lease: no error
	_, err = w.s.Renew(w.ctx, first, ttl)
	w.is(err, state.ErrLost)
	second, err := w.s.Claim(w.ctx, "rotation/a", "replica 1", ttl)
	w.ok(err)
	if second.Fence <= first.Fence {
		w.Errorf("fence %d follows %d", second.Fence, first.Fence)
	}
	w.ok(w.s.Release(w.ctx, first)) // must not release the second
	_, err = w.s.Renew(w.ctx, second, ttl)
	w.ok(err)
	_, err = w.s.Renew(w.ctx, other, ttl)
	w.ok(err)

	if _, err := w.s.Claim(w.ctx, "rotation/c", "replica 1", 0); err == nil {
		w.Error("a lease of no length was given out")
	}
}

func testLeaseRunsOut(w world) {
	w.create("rotation/a")
	const short = 200 * time.Millisecond
	old, err := w.s.Claim(w.ctx, "rotation/a", "replica-1", short)
	w.ok(err)
	w.Elapse(w.T, 2*short)
	_, err = w.s.Commit(w.ctx, old, 1, state.Change{Body: []byte("too late")})
	w.is(err, state.ErrLost)
	_, err = w.s.Renew(w.ctx, old, ttl)
	w.is(err, state.ErrLost)

	other := w.Open(w.T)
	l, err := other.Claim(w.ctx, "rotation/a", "replica-2", ttl)
	w.ok(err)
	if l.Fence <= old.Fence {
		w.Errorf("fence %d follows %d", l.Fence, old.Fence)
	}
	_, err = w.s.Commit(w.ctx, old, 1, state.Change{Body: []byte("too late")})
	w.is(err, state.ErrLost)
	_, err = other.Commit(w.ctx, l, 1, state.Change{Body: []byte("in time")})
	w.ok(err)
	for _, revision := range []int64{1, 2} {
		_, err = w.s.Commit(w.ctx, old, revision, state.Change{Body: []byte("too late")})
		w.is(err, state.ErrLost)
	}
	w.same(string(w.load("rotation/a").Body), "in time")
}

func testLeaseInCommit(w world) {
	l, short := w.commitInTime("rotation/longer", state.Change{Extend: ttl})
	w.Elapse(w.T, 2*short)
	_, err := w.s.Commit(w.ctx, l, 2, state.Change{})
	w.ok(err)
	_, err = w.s.Claim(w.ctx, l.Key, "replica-2", ttl)
	w.is(err, state.ErrHeld)
	_, err = w.s.Commit(w.ctx, l, 3, state.Change{Extend: ttl, Release: true}) // releasing wins
	w.ok(err)
	_, err = w.s.Claim(w.ctx, l.Key, "replica-2", ttl)
	w.ok(err)

	l, short = w.commitInTime("rotation/unchanged", state.Change{})
	w.Elapse(w.T, 2*short)
	_, err = w.s.Commit(w.ctx, l, 2, state.Change{})
	w.is(err, state.ErrLost)

	w.create("rotation/shorter")
	l = w.claim("rotation/shorter")
	_, err = w.s.Commit(w.ctx, l, 1, state.Change{Extend: 50 * time.Millisecond})
	w.ok(err)
	w.Elapse(w.T, 100*time.Millisecond)
	_, err = w.s.Commit(w.ctx, l, 2, state.Change{})
	w.is(err, state.ErrLost)
}

// commitInTime creates a record and makes the first commit under a short
// lease. On a busy machine the lease may be over before the commit arrives;
// then it tries again with a longer one. It returns the lease and its length.
func (w world) commitInTime(key string, c state.Change) (state.Lease, time.Duration) {
	w.Helper()
	w.create(key)
	for short := 100 * time.Millisecond; short < ttl/2; short *= 2 {
		l, err := w.s.Claim(w.ctx, key, "replica-1", short)
		w.ok(err)
		switch _, err = w.s.Commit(w.ctx, l, 1, c); {
		case err == nil:
			return l, short
		case !errors.Is(err, state.ErrLost):
			w.Fatal(err)
		}
	}
	w.Fatal("no commit arrived in time")
	return state.Lease{}, 0
}

// testConcurrentCommits lets eight replicas count in one body. The counter
// they arrive at shows whether an update was lost.
func testConcurrentCommits(w world) {
	const replicas, rounds = 8, 10
	w.ok(w.s.Create(w.ctx, state.Creation{Key: "rotation/a", Change: state.Change{Body: []byte("0")}}))
	var mu sync.Mutex
	var fences []int64 // in the order of the commits they made
	var all sync.WaitGroup
	for i := range replicas {
		s := w.Open(w.T)
		all.Go(func() {
			for done := 0; done < rounds && w.ctx.Err() == nil; {
				l, err := s.Claim(w.ctx, "rotation/a", "replica-"+strconv.Itoa(i), ttl)
				if errors.Is(err, state.ErrHeld) {
					continue
				}
				if err != nil {
					w.Error(err)
					return
				}
				// While the lease is held nobody else gets here.
				mu.Lock()
				fences = append(fences, l.Fence)
				mu.Unlock()
				if err := increment(w, s, l); err != nil {
					w.Error(err)
					return
				}
				done++
			}
		})
	}
	all.Wait()
	r := w.load("rotation/a")
	w.same(string(r.Body), strconv.Itoa(replicas*rounds))
	w.same(r.Revision, int64(replicas*rounds+1))
	for i := 1; i < len(fences); i++ {
		if fences[i] <= fences[i-1] {
			w.Errorf("fence %d follows %d", fences[i], fences[i-1])
		}
	}
	events, err := w.s.Events(w.ctx, "rotation/a", 0, replicas*rounds+1)
	w.ok(err)
	for i, e := range events {
		w.same(string(e.Body), strconv.Itoa(i+1))
	}
	w.same(len(events), replicas*rounds)
}

func increment(w world, s Store, l state.Lease) error {
	r, err := s.Load(w.ctx, l.Key)
	if err != nil {
		return err
	}
	n, err := strconv.Atoi(string(r.Body))
	if err != nil {
		return err
	}
	body := []byte(strconv.Itoa(n + 1))
	_, err = s.Commit(w.ctx, l, r.Revision, state.Change{
		Body: body, Events: []state.Event{{Body: body}}, Release: true,
	})
	return err
}

// testConcurrentCreations starts eight records over one slot at once.
func testConcurrentCreations(w world) {
	const replicas = 8
	results := make([]error, replicas)
	var all sync.WaitGroup
	for i := range replicas {
		s := w.Open(w.T)
		all.Go(func() {
			key := "rotation/" + strconv.Itoa(i)
			results[i] = s.Create(w.ctx, state.Creation{Key: key, Slots: []string{"secret/A"}})
		})
	}
	all.Wait()
	won := -1
	for i, err := range results {
		switch {
		case err == nil && won < 0:
			won = i
		case err == nil:
			w.Errorf("both %d and %d were created", won, i)
		}
	}
	for i, err := range results {
		if i != won {
			var taken *state.SlotError
			if !errors.As(err, &taken) || taken.Holder != "rotation/"+strconv.Itoa(won) {
				w.Errorf("replica %d was told %v, not that %d holds the slot", i, err, won)
			}
		}
	}
	open, err := w.s.Open(w.ctx)
	w.ok(err)
	w.same(len(open), 1)
}
