package statetest_test

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"rekey/state"
	"rekey/state/statetest"
)

func TestMemory(t *testing.T) {
	statetest.Run(t, func(*testing.T) statetest.Backend {
		m := statetest.NewMemory()
		return statetest.Backend{
			Open:   func(*testing.T) statetest.Store { return m },
			Elapse: func(_ *testing.T, d time.Duration) { m.Elapse(d) },
			Damage: func(_ *testing.T, key string) { m.Damage(key) },
		}
	})
}

// TestMemoryInABubble holds what the suite cannot, because it needs real
// sockets elsewhere: leases run out by the bubble's clock, to the moment, and
// nothing of the store keeps the bubble from ending.
func TestMemoryInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := statetest.NewMemory()
		signals, err := m.Wakes(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		<-signals
		l, err := m.Claim(t.Context(), "rotation/a", "one", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Minute - time.Nanosecond)
		if _, err := m.Claim(t.Context(), "rotation/a", "two", time.Minute); !errors.Is(err, state.ErrHeld) {
			t.Errorf("claiming in the last moment of a lease: %v", err)
		}
		<-time.After(time.Nanosecond)
		if !time.Now().Equal(l.Until) {
			t.Errorf("the lease ends at %s, not after its minute", l.Until)
		}
		if _, err := m.Renew(t.Context(), l, time.Minute); !errors.Is(err, state.ErrLost) {
			t.Errorf("renewing after the last moment: %v", err)
		}
		if _, err := m.Claim(t.Context(), "rotation/a", "two", time.Minute); err != nil {
			t.Errorf("claiming after the last moment: %v", err)
		}
	})
}

// TestMemoryFails lets a test's own error come through, from before the change.
func TestMemoryFails(t *testing.T) {
	full := errors.New("the disk is full")
	m := statetest.NewMemory()
	if err := m.Create(t.Context(), state.Creation{Key: "rotation/a"}); err != nil {
		t.Fatal(err)
	}
	l, err := m.Claim(t.Context(), "rotation/a", "one", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	m.Fail = func(key string, c state.Change) error {
		if r, err := m.Load(t.Context(), key); err != nil || r.Revision != 1 || string(c.Body) != "new" {
			t.Errorf("asked about %q at %+v, %v", c.Body, r, err)
		}
		return full
	}
	if _, err := m.Commit(t.Context(), l, 1, state.Change{Body: []byte("new"), Release: true}); !errors.Is(err, full) {
		t.Errorf("got %v, want the test's own error", err)
	}
	m.Fail = nil
	if _, err := m.Commit(t.Context(), l, 1, state.Change{Release: true}); err != nil {
		t.Errorf("the failed commit has changed something: %v", err)
	}
}

// TestMemorySignals counts what the suite cannot: signals that do not come.
func TestMemorySignals(t *testing.T) {
	m := statetest.NewMemory()
	wakes, err := m.Wakes(t.Context())
	news, newsErr := m.News(t.Context())
	if err := errors.Join(err, newsErr, m.Create(t.Context(), state.Creation{Key: "rotation/a"})); err != nil {
		t.Fatal(err)
	}
	<-wakes
	<-news
	l, err := m.Claim(t.Context(), "rotation/a", "one", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	for i, step := range []struct {
		change     state.Change
		wake, news bool
	}{
		{change: state.Change{Events: []state.Event{{}}}},
		{change: state.Change{Timer: now}, wake: true},
		{change: state.Change{Timer: now}},
		{change: state.Change{Timer: now.Add(time.Second), Events: []state.Event{{Post: true}}}, news: true},
		{change: state.Change{Timer: now}, wake: true},
		{change: state.Change{}},
	} {
		if _, err := m.Commit(t.Context(), l, int64(i)+1, step.change); err != nil {
			t.Fatal(err)
		}
		if wake, told := taken(wakes), taken(news); wake != step.wake || told != step.news {
			t.Errorf("commit %d signalled wake-ups %t, news %t", i, wake, told)
		}
	}
}

// taken takes a signal if there is one.
func taken(signals <-chan struct{}) bool {
	select {
	case <-signals:
		return true
	default:
		return false
	}
}

// TestMemoryCopies changes what was given to the store and what it answered.
func TestMemoryCopies(t *testing.T) {
	m, body := statetest.NewMemory(), []byte("as it was")
	err := m.Create(t.Context(), state.Creation{Key: "rotation/a", Change: state.Change{
		Body: body, Events: []state.Event{{Body: body, Post: true}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	body[0] = 'X'
	for range 2 {
		r, err := m.Load(t.Context(), "rotation/a")
		events, eventsErr := m.Events(t.Context(), "rotation/a", 0, 1)
		rows, rowsErr := m.Rows(t.Context(), "rotation/a", 1)
		if err := errors.Join(err, eventsErr, rowsErr); err != nil {
			t.Fatal(err)
		}
		for _, got := range [][]byte{r.Body, events[0].Body, rows[0].Body} {
			if string(got) != "as it was" {
				t.Errorf("the store's own bytes became %q", got)
			}
			got[0] = 'Y'
		}
	}
}
