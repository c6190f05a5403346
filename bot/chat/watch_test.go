package chat

import (
	"strings"
	"testing"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/rotation/watch"
)

// begun is the event of a watch's beginning.
func begun(number string) event.Event {
	return event.Event{Kind: event.Watching, Step: "watch", Text: "Watching production.", Facts: map[string]string{"watch": number}}
}

// shown is one of the rotation's messages as it reads now.
func (w *world) shown(name string) message {
	ref := w.ref(name)
	w.slack.mu.Lock()
	defer w.slack.mu.Unlock()
	if m := w.slack.at(channel, ref); m != nil {
		return *m
	}
	return message{}
}

// begins puts a rotation at its watch and tells of it.
func (w *world) begins(number int) {
	w.engine.set(key, func(r *rotation.Rotation) {
		for i, s := range r.Plan {
			if s.Act == rotation.Watch {
				r.Cursor = i
			}
		}
		r.Watches = number
		r.Vigils = map[rotation.Act]*rotation.Vigil{rotation.Watch: {Number: number, Start: time.Now(), Rules: watch.Defaults(), Series: []watch.Series{{Check: "errors", Required: true}}}}
	})
	w.store.tell(key, begun(string(rune('0'+number))))
}

// looks makes a look as a commit does: record and hint together.
func (w *world) looks(t *testing.T) {
	t.Helper()
	number := 0
	w.engine.set(key, func(r *rotation.Rotation) {
		v := *r.Vigils[rotation.Watch]
		s := v.Series[0]
		s.Ticks = append(s.Ticks[:len(s.Ticks):len(s.Ticks)], watch.Tick{N: len(s.Ticks) + 1, Outcome: watch.OK, At: time.Now()})
		v.Series = []watch.Series{s}
		r.Vigils, number = map[rotation.Act]*rotation.Vigil{rotation.Watch: &v}, v.Number
	})
	if err := w.store.Hint(t.Context(), rotation.WatchHint(key, number)); err != nil {
		t.Fatal(err)
	}
}

func (w *world) judges(v watch.Verdict) {
	w.engine.set(key, func(r *rotation.Rotation) {
		now := *r.Vigils[rotation.Watch]
		now.Verdict = v
		r.Vigils = map[rotation.Act]*rotation.Vigil{rotation.Watch: &now}
		r.Cursor++
	})
	w.store.tell(key, event.Event{Kind: event.Verdict, Step: "watch", Facts: map[string]string{"watch": "1", "verdict": string(v)}, Text: "Good at every look."})
}

// One message per watch: posted at its start, edited after each look, and by
// its end it says what came of it.
func TestTheWatchIsOneMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started}, line("proved"))
		w.begins(1)
		pass(3 * time.Second)
		at := w.shown("watch/1")
		if at.thread != w.ref("root") || !strings.Contains(at.text, "minute 0 of 15") {
			t.Fatalf("the watch's message: %+v\n%s", at, w.slack.transcript())
		}
		for range 15 {
			pass(time.Minute)
			w.looks(t)
		}
		pass(3 * time.Second)
		at = w.shown("watch/1")
		if at.edits != 15 || !strings.Contains(at.text, "minute 15 of 15") {
			t.Errorf("after 15 looks: %d edits, %s", at.edits, at.text)
		}
		w.judges(watch.Passed)
		pass(5 * time.Second)
		at = w.shown("watch/1")
		if !strings.Contains(at.text, "ended: passed") {
			t.Errorf("the watch ended and still reads %q", at.text)
		}
		got := w.slack.thread()
		if len(got) != 5 || !strings.Contains(got[1], "proved") || !strings.Contains(got[3], "Watch: passed") {
			t.Errorf("thread: %q", got)
		}
		if len(w.store.hints) != 0 {
			t.Errorf("hints are left: %v", w.store.hints)
		}
	})
}

// Looks that come faster than a message may be edited share an edit, and the
// last one is not lost.
func TestManyLooksShareAnEdit(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.begins(1)
		pass(3 * time.Second)
		for range 15 {
			w.looks(t)
			pass(100 * time.Millisecond)
		}
		pass(5 * time.Second)
		at := w.shown("watch/1")
		if at.edits > 4 || !strings.Contains(at.text, "minute 15 of 15") {
			t.Errorf("%d edits, and it reads %q", at.edits, at.text)
		}
	})
}

// A stopped rotation has no running watch, whatever was last told of it.
func TestAWatchThatIsCutShortSaysSo(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.begins(1)
		w.looks(t)
		pass(3 * time.Second)
		w.engine.set(key, func(r *rotation.Rotation) { r.State = rotation.Pending })
		w.store.tell(key, event.Event{Kind: event.Pending, Text: "Both live."})
		pass(5 * time.Second)
		if at := w.shown("watch/1"); !strings.Contains(at.text, "ended without a verdict") {
			t.Errorf("it reads %q", at.text)
		}
	})
}

// Slack is away when the watch begins, and other replicas take over: what is
// posted in the end shows the record, and a watch begun anew does not write
// over the one before.
func TestTheWatchComesLateAndOnce(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.fail("chat.postMessage", fault{status: 503}, fault{status: 503}, fault{status: 503})
		w.begins(1)
		w.looks(t)
		pass(time.Minute)
		if at := w.shown("watch/1"); !strings.Contains(at.text, "minute 1 of 15") {
			t.Fatalf("it reads %+v", at)
		}
		w.slack.fail("chat.update", fault{status: 503}, fault{word: "edit_window_closed"})
		w.judges(watch.Failed)
		w.engine.set(key, func(r *rotation.Rotation) { r.Cursor-- })
		w.begins(2)
		w.looks(t)
		pass(2 * time.Minute)
		first, second := w.shown("watch/1"), w.shown("watch/2")
		if first.ts == second.ts || !strings.Contains(second.text, "minute 1 of 15") {
			t.Errorf("the second watch reads %+v", second)
		}
		if len(w.store.hints) != 0 {
			t.Errorf("hints are left: %v", w.store.hints)
		}
	})
}

// Editing leaves room: what people wait for is not held up by a watch.
func TestWatchesLeaveRoomForCards(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.begins(1)
		pass(3 * time.Second)
		limiter, _ := w.chat.api.limits.of(methodUpdate, "")
		if !limiter.AllowN(time.Now(), int(limiter.Tokens())) {
			t.Fatal("the limiter had no such tokens")
		}
		edits := w.shown("watch/1").edits
		w.looks(t)
		pass(2 * time.Second)
		if at := w.shown("watch/1"); at.edits != edits {
			t.Error("a watch took what was left of the limit")
		}
		pass(time.Minute)
		if at := w.shown("watch/1"); at.edits != edits+1 || !strings.Contains(at.text, "minute 1 of 15") {
			t.Errorf("it was never edited: %s", at.text)
		}
	}, func(c *Config) { c.Rates = Rates{} })
}
