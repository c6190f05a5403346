package chat

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// A stored hint is read back as what it was written from, and nothing else is
// taken for one.
func FuzzHint(f *testing.F) {
	for _, name := range []string{"card rotation/a 1", "root rotation/a", "close rotation/a 12", "seed  1", "card rotation/a 0", "card rotation/a -1", "later rotation/a 1", ""} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		h, ok := readHint(name)
		if !ok {
			return
		}
		if again, ok := readHint(h.String()); !ok || again != h {
			t.Errorf("%q reads as %+v, which is written %q", name, h, h)
		}
		if h.key == "" || (h.verb == hintRoot || h.verb == hintDigest || h.verb == hintBatch) != (h.card == 0) {
			t.Errorf("%q reads as %+v", name, h)
		}
	})
}

func TestHintNames(t *testing.T) {
	for _, h := range []hint{{hintCard, key, 3}, {hintClose, key, 1}, {hintSeed, key, 2}, {hintWatch, key, 4}, {verb: hintRoot, key: key}} {
		if got, ok := readHint(h.String()); !ok || got != h {
			t.Errorf("%q reads as %+v, %v", h, got, ok)
		}
	}
	if h, ok := readHint(rotation.BatchHint("batch/a")); !ok || h != (hint{verb: hintBatch, key: "batch/a"}) {
		t.Errorf("the engine's own hint of a batch reads as %+v, %v", h, ok)
	}
	if h, ok := readHint(rotation.WatchHint(key, 4)); !ok || h != (hint{hintWatch, key, 4}) {
		t.Errorf("the engine's own hint reads as %+v, %v", h, ok)
	}
}

// A hint that only another version knows stays for that version, and does not
// keep this one busy.
func TestHintsOfAnotherVersionStay(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		if err := w.store.Hint(t.Context(), "dance "+key+" 1"); err != nil {
			t.Fatal(err)
		}
		pass(10 * time.Minute)
		if len(w.store.hints) != 1 || len(w.store.leases) != 0 {
			t.Errorf("hints %v, leases %v", w.store.hints, w.store.leases)
		}
	})
}

// Hints that nobody settles stand before all others, being the oldest.
func TestHintsThatStayAreInNobodysWay(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		for i := range 2*hintsAtOnce + 1 {
			if err := w.store.Hint(t.Context(), fmt.Sprintf("dance %s %d", key, i)); err != nil {
				t.Fatal(err)
			}
		}
		w.ask(1)
		pass(2 * time.Second)
		w.slack.react(w.ref("card/1"), emojiYes, "U0BEN")
		if err := w.store.Hint(t.Context(), hint{hintCard, key, 1}.String()); err != nil {
			t.Fatal(err)
		}
		pass(5 * time.Second) // well before the next look at all cards
		if len(w.engine.seen) == 0 || w.engine.seen[len(w.engine.seen)-1].State != rotation.CardApproved {
			t.Errorf("counted: %+v", w.engine.seen)
		}
	})
}

// A pause beyond reason is cut, and who holds a rotation meanwhile is told
// instead of kept.
func TestAPauseForDays(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ask(1)
		pass(2 * time.Second)
		for _, days := range []string{"864000", "99999999999"} {
			w.slack.fail("reactions.get", fault{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": days}})
			marks := func() error {
				r, err := w.engine.Load(t.Context(), key)
				if err == nil {
					_, err = w.chat.Ballot().Marks(t.Context(), r, 1)
				}
				return err
			}
			for range 2 {
				if marks() == nil {
					t.Error("marks were read while Slack wanted to be left alone")
				}
			}
			pass(longestPause + time.Minute)
			if err := marks(); err != nil {
				t.Errorf("after the longest pause: %v", err)
			}
		}
	})
}

func TestRetriesGrowAndEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRetries(time.Second, 8*time.Second)
		for _, want := range []time.Duration{1, 2, 4, 8, 8} {
			if got := r.failed("x", 0); got != want*time.Second {
				t.Errorf("pause %s, want %ds", got, want)
			}
		}
		if got := r.failed("x", time.Minute); got != time.Minute || r.wait("x") != time.Minute {
			t.Errorf("asked to wait a minute, waits %s", got)
		}
		r.done("x")
		if r.wait("x") != 0 || r.failed("x", 0) != time.Second {
			t.Error("success does not start over")
		}
		r.later("y", time.Second)
		pass(time.Second)
		if r.wait("y") != 0 || len(r.by) != 1 {
			t.Errorf("%d entries are kept", len(r.by))
		}
	})
}

func TestALimitBlocksItsOwnMethodOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(Rates{}.withDefaults())
		l.shut(methodUpdate, 10*time.Second)
		l.shut(methodUpdate, time.Second) // a shorter one does not open it early
		began := time.Now()
		for _, method := range []string{methodPost, methodReactions, methodUser} {
			if err := l.wait(t.Context(), method, channel); err != nil || time.Since(began) != 0 {
				t.Errorf("%s waited %s: %v", method, time.Since(began), err)
			}
		}
		if err := l.wait(t.Context(), methodUpdate, ""); err != nil || time.Since(began) != 10*time.Second {
			t.Errorf("%s waited %s: %v", methodUpdate, time.Since(began), err)
		}
	})
}

// Posting keeps to one message a second in a channel, after a short burst, and
// channels do not share a limit.
func TestPostingPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimits(Rates{}.withDefaults())
		began := time.Now()
		for range 13 {
			if err := l.wait(t.Context(), methodPost, "C1"); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began).Round(time.Millisecond); took != 10*time.Second {
			t.Errorf("13 posts took %s", took)
		}
		if err := l.wait(t.Context(), methodPost, "C2"); err != nil || time.Since(began).Round(time.Millisecond) != 10*time.Second {
			t.Error("another channel had to wait")
		}
	})
}

func TestBatches(t *testing.T) {
	row := func(seq int64, kind event.Kind) state.Row {
		body, err := event.Event{Kind: kind, Text: "x"}.Encode()
		if err != nil {
			t.Fatal(err)
		}
		return state.Row{Seq: seq, Body: body}
	}
	rows := []state.Row{row(1, event.Started), row(2, event.Done), row(3, event.Verdict), row(4, event.Card), row(5, event.Approved), {Seq: 6, Body: []byte("?")}, row(7, event.Done)}
	for i := range 25 {
		rows = append(rows, row(int64(8+i), event.Done))
	}
	var ends []int64
	for _, b := range batches(rows) {
		ends = append(ends, b.last)
	}
	if want := []int64{1, 3, 4, 5, 6, 26, 32}; !slices.Equal(ends, want) {
		t.Fatalf("batches end at %v, want %v", ends, want)
	}
}
