package chat

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// pass lets fake time go by, and everything that follows from it happen.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// serving runs the loops that need no socket, in a bubble of fake time.
func serving(t *testing.T, w *world) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	loops.Go(func() { w.chat.follow(ctx) })
	loops.Go(func() { newPoster(w.chat).run(ctx) })
	loops.Go(func() { w.chat.work(ctx) })
	loops.Go(func() { w.chat.poll(ctx) })
	return func() { cancel(); loops.Wait() }
}

func inBubble(t *testing.T, test func(t *testing.T, w *world), changes ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, changes...)
		defer serving(t, w)()
		test(t, w)
	})
}

func line(text string) event.Event { return event.Event{Kind: event.Done, Text: text} }

func TestOneRootAndOneThread(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U0ANNA"})
		synctest.Wait()
		if got := w.slack.thread(); len(got) != 1 || !strings.Contains(got[0], "Rotating FAL_KEY") {
			t.Fatalf("after the start: %q", got)
		}
		root := w.slack.messages[0]
		if w.ref("root") != root.ts || root.thread != "" {
			t.Errorf("root ref %q, message %+v", w.ref("root"), root)
		}
		w.store.tell(key, line("one"))
		pass(500 * time.Millisecond)
		w.store.tell(key, line("two"))
		pass(time.Second)
		if n := len(w.slack.thread()); n != 1 {
			t.Errorf("lines were posted before they could be joined: %d messages", n)
		}
		pass(time.Second)
		w.store.tell(key, line("three"))
		pass(3 * time.Second)
		got := w.slack.thread()
		if len(got) != 3 || !strings.Contains(got[1], "one") || !strings.Contains(got[1], "two") || !strings.Contains(got[2], "three") {
			t.Errorf("thread: %q", got)
		}
		for _, m := range w.slack.messages[1:] {
			if m.thread != root.ts {
				t.Errorf("%q is not in the thread", m.text)
			}
		}
		if root.edits == 0 {
			t.Error("the root message was never edited")
		}
	})
}

func TestUrgentEventsStandAlone(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started}, line("before"), event.Event{Kind: event.Stopped, Step: "hold", Text: "Look into it."},
			event.Event{Kind: event.Pending, Text: "Both live."}, line("after"))
		pass(3 * time.Second)
		got := w.slack.thread()
		if len(got) != 5 || !strings.Contains(got[1], "before") || !strings.Contains(got[2], "Look into it") || !strings.Contains(got[3], "Both live") || !strings.Contains(got[4], "after") {
			t.Fatalf("thread: %q", got)
		}
		for _, i := range []int{2, 3} {
			if !strings.Contains(got[i], "<!subteam^S0SECOPS>") {
				t.Errorf("nobody is called by %q", got[i])
			}
		}
		if strings.Contains(got[1]+got[4], "<!subteam") {
			t.Error("a line calls people")
		}
	})
}

// The card is seeded, decided by a reaction nobody told us of, and loses its
// call to act.
func TestCardFromAskingToItsEnd(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started})
		w.ask(1)
		pass(2 * time.Second)
		ts := w.ref("card/1")
		card := w.slack.at(channel, ts)
		if card == nil || card.thread != w.ref("root") || !strings.Contains(card.text, "<!subteam^S0SECOPS>") {
			t.Fatalf("card %+v", card)
		}
		if !slices.Equal(card.reactions["white_check_mark"], []string{us}) || !slices.Equal(card.reactions["x"], []string{us}) {
			t.Errorf("seeds: %v", card.reactions)
		}
		w.slack.react(ts, "white_check_mark", "U0BEN")
		pass(time.Minute) // the slow poll
		pass(3 * time.Second)
		if w.engine.all[key].Card.State != rotation.CardApproved {
			t.Fatalf("the card is %s", w.engine.all[key].Card.State)
		}
		if card.edits != 1 || strings.Contains(card.blocks, "React ") || !strings.Contains(card.text, "approved") {
			t.Errorf("the card still reads %q", card.text)
		}
		if got := w.slack.thread(); !strings.Contains(got[len(got)-1], "<@U0BEN> *approved*") {
			t.Errorf("thread: %q", got)
		}
	})
}

func TestARequestDecidedBeforeItWasPosted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.fail("chat.postMessage", fault{status: 503}, fault{status: 503})
		w.ask(1)
		w.engine.set(key, func(r *rotation.Rotation) { r.State, r.Card.State = rotation.Pending, rotation.CardExpired })
		pass(10 * time.Second)
		got := w.slack.thread()
		if last := got[len(got)-1]; strings.Contains(last, "React") || !strings.Contains(last, "expired") {
			t.Errorf("people are still asked: %q", got)
		}
	})
}

func TestPeopleAreToldOnceWhy(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.ask(1)
		synctest.Wait()
		ts := w.ref("card/1")
		w.slack.react(ts, "white_check_mark", "U0ANNA", "U0DAN")
		w.slack.react(ts, "heavy_check_mark", "U0CARA")
		for range 5 {
			pass(time.Minute)
		}
		got := map[string]string{}
		for _, m := range w.slack.whispers {
			if got[m.user] != "" || m.thread != w.ref("root") {
				t.Errorf("told again, or elsewhere: %+v", m)
			}
			got[m.user] = m.text
		}
		if len(got) != 3 || !strings.Contains(got["U0ANNA"], "does not approve it") || !strings.Contains(got["U0DAN"], "not on the approver list") || !strings.Contains(got["U0CARA"], "That emoji does not count") {
			t.Errorf("told: %v", got)
		}
		for _, text := range w.slack.thread() {
			if strings.Contains(text, "not counted") {
				t.Errorf("a public scolding: %q", text)
			}
		}
	})
}

func TestRetryAfterIsKept(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started})
		synctest.Wait()
		w.slack.fail("chat.update", fault{status: http.StatusTooManyRequests, header: map[string]string{"Retry-After": "40"}})
		w.store.tell(key, event.Event{Kind: event.Stopped, Text: "look"})
		pass(39 * time.Second)
		before := len(w.slack.called("chat.update"))
		for range 5 {
			w.store.tell(key, line("more"))
			pass(100 * time.Millisecond)
		}
		pass(30 * time.Second)
		if got := w.slack.thread(); len(got) != 3 {
			t.Errorf("posting stopped because editing was limited: %q", got)
		}
		calls := w.slack.called("chat.update")
		if len(calls) <= before {
			t.Fatal("the edit was never made")
		}
		limited := calls[before-1].at
		if waited := calls[before].at.Sub(limited); waited < 40*time.Second {
			t.Errorf("called again after %s", waited)
		}
	})
}

func TestEditsAreCoalesced(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started})
		synctest.Wait()
		for range 30 {
			w.store.tell(key, event.Event{Kind: event.Stopped, Text: "again"})
			pass(100 * time.Millisecond)
		}
		pass(10 * time.Second)
		if n := len(w.slack.called("chat.update")); n > 5 || n < 2 {
			t.Errorf("%d edits in three seconds", n)
		}
		if n := len(w.slack.thread()); n != 31 {
			t.Errorf("%d messages", n)
		}
	})
}

func TestALostAnswer(t *testing.T) {
	tests := map[string]struct {
		fault   fault
		history bool
		posts   int  // messages with the line
		marked  bool // the second one says that it is a copy
	}{
		"lost, no history":       {fault{lost: true}, false, 2, true},
		"lost, history":          {fault{lost: true}, true, 1, false},
		"a proxy's page":         {fault{body: "<html>"}, false, 1, true},
		"ok without a timestamp": {fault{body: `{"ok":true}`}, false, 1, true},
		"a server error":         {fault{status: 502}, false, 1, true},
		"fatal_error":            {fault{word: "fatal_error"}, false, 1, true},
		"not reached":            {fault{dial: true}, false, 1, false},
		"rate limited":           {fault{status: 429, header: map[string]string{"Retry-After": "3"}}, false, 1, false},
		"rate limited, no time":  {fault{status: 429}, false, 1, false},
		"refused":                {fault{word: "not_in_channel"}, false, 1, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.store.tell(key, event.Event{Kind: event.Started})
				synctest.Wait()
				w.slack.fail("chat.postMessage", tt.fault)
				w.store.tell(key, line("the line"))
				pass(2 * time.Minute)
				var with []string
				for _, text := range w.slack.thread() {
					if strings.Contains(text, "the line") {
						with = append(with, text)
					}
				}
				if len(with) != tt.posts {
					t.Fatalf("%d posts: %q", len(with), with)
				}
				if marked := strings.Contains(with[len(with)-1], "(posted again after a lost answer)"); marked != tt.marked {
					t.Errorf("marked as a copy: %v, want %v", marked, tt.marked)
				}
			}, func(c *Config) { c.History = tt.history })
		})
	}
}

// A replica that died between posting and noting it leaves a copy that says
// so; only the one in the record is live.
// More lines come between a lost answer and the next attempt. The longer post
// says that it repeats something; where the first one can be found, only the
// rest is posted.
func TestALostAnswerWithMoreToTell(t *testing.T) {
	for name, c := range map[string]struct {
		history bool
		want    []string // posts after the root
	}{
		"no history": {false, []string{"one", "(posted again after a lost answer) ✓ one", "two"}},
		"history":    {true, []string{"✓ one", "✓ two"}},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.store.tell(key, event.Event{Kind: event.Started})
				synctest.Wait()
				w.slack.fail("chat.postMessage", fault{lost: true})
				w.store.tell(key, line("one"))
				pass(w.chat.config.Coalesce + w.chat.config.RetryFirst/2) // posted once, not yet again
				w.store.tell(key, line("two"))
				pass(2 * time.Minute)
				got := w.slack.thread()[1:]
				if !c.history {
					got = strings.Split(strings.Join(got, "\n"), "\n") // a line each
				}
				if len(got) != len(c.want) {
					t.Fatalf("posts: %q", got)
				}
				for i, text := range got {
					if !strings.Contains(text, c.want[i]) || strings.Contains(text, "again") != strings.Contains(c.want[i], "again") {
						t.Errorf("post %d is %q, want %q", i, text, c.want[i])
					}
				}
			}, func(conf *Config) { conf.History = c.history })
		})
	}
}

func TestACopyOfACardIsInert(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.fail("chat.postMessage", fault{}, fault{lost: true})
		w.ask(1)
		pass(10 * time.Second)
		var cards []*message
		for _, m := range w.slack.messages {
			if strings.Contains(m.text, "React ✅") {
				cards = append(cards, m)
			}
		}
		if len(cards) != 2 || w.ref("card/1") != cards[1].ts {
			t.Fatalf("%d cards, live: %s", len(cards), w.ref("card/1"))
		}
		w.slack.react(cards[0].ts, "white_check_mark", "U0BEN")
		pass(2 * time.Minute)
		if got := w.engine.all[key].Card.State; got != rotation.CardOpen {
			t.Errorf("a reaction on the copy made the card %s", got)
		}
	})
}

// A thread stays in order whatever fails, and rows leave only when told.
func TestOrderIsKeptUnderFaults(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.fail("chat.postMessage", fault{}, fault{status: 500}, fault{word: "not_in_channel"}, fault{status: 429, header: map[string]string{"Retry-After": "5"}}, fault{lost: true}, fault{dial: true})
		for i := range 12 {
			w.store.tell(key, event.Event{Kind: event.Stopped, Text: fmt.Sprintf("event %02d", i)})
		}
		pass(10 * time.Minute)
		next := 0
		for _, text := range w.slack.thread()[1:] {
			if strings.Contains(text, "posted again") && strings.Contains(text, fmt.Sprintf("event %02d", next-1)) {
				continue
			}
			if !strings.Contains(text, fmt.Sprintf("event %02d", next)) {
				t.Fatalf("expected event %02d, got %q", next, text)
			}
			next++
		}
		if next != 12 {
			t.Errorf("%d of 12 events were told", next)
		}
		if log := w.log.String(); !strings.Contains(log, "/invite") {
			t.Errorf("the log does not say what to do:\n%s", log)
		}
	})
}

// Another rotation's thread goes on while one's channel is in trouble, and an
// outage of the store is outlived.
func TestTroubleDoesNotSpread(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		other := "rotation/other00000"
		r := record()
		r.ID, r.Secret = "other00000", "MEM0_API_KEY"
		w.engine.all[other] = r
		w.slack.fail("chat.postMessage", slices.Repeat([]fault{{word: "internal_error"}}, 3)...)
		w.store.tell(key, event.Event{Kind: event.Started}, line("first"))
		w.store.tell(other, event.Event{Kind: event.Started}, line("second"))
		w.store.mu.Lock()
		w.store.down = errStoreDown
		w.store.mu.Unlock()
		pass(30 * time.Second)
		w.store.mu.Lock()
		w.store.down = nil
		w.store.mu.Unlock()
		pass(2 * time.Minute)
		all := strings.Join(w.slack.thread(), "\n")
		if !strings.Contains(all, "first") || !strings.Contains(all, "second") {
			t.Errorf("threads: %s", all)
		}
	})
}

func TestTwoReplicasPostOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		second, err := New(w.config, w.store)
		if err != nil {
			t.Fatal(err)
		}
		second.engine = w.engine
		v := *w
		v.chat = second
		defer serving(t, w)()
		defer serving(t, &v)()
		w.store.tell(key, event.Event{Kind: event.Started})
		for i := range 10 {
			w.store.tell(key, event.Event{Kind: event.Stopped, Text: fmt.Sprintf("event %02d", i)})
			pass(700 * time.Millisecond)
		}
		pass(3 * time.Minute)
		if got := w.slack.thread(); len(got) != 11 {
			t.Errorf("%d messages: %q", len(got), got)
		}
	})
}

func TestALostLeaseStopsPosting(t *testing.T) {
	w := newWorld(t)
	w.store.tell(key, event.Event{Kind: event.Started}, event.Event{Kind: event.Stopped, Text: "one"})
	p := newPoster(w.chat)
	stolen := false
	w.slack.with(func() {
		w.slack.faults["chat.postMessage"] = nil
	})
	w.store.change = func() { // runs inside the store, after the root was noted
		if !stolen && w.store.refs[key]["root"] != "" {
			stolen = true
			w.store.leases["post/"+key] = state.Lease{Key: "post/" + key, Owner: "b", Fence: 99, Until: time.Now().Add(time.Hour)}
		}
	}
	if _, err := p.deliver(t.Context(), key); err == nil {
		t.Error("posting went on without the lease")
	}
	if got := w.slack.thread(); len(got) != 1 {
		t.Errorf("posted without the lease: %q", got)
	}
}

func TestRootIsReplacedWhenDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started})
		synctest.Wait()
		first := w.ref("root")
		w.slack.delete(first)
		w.store.tell(key, event.Event{Kind: event.Stopped, Text: "look"})
		pass(30 * time.Second)
		if now := w.ref("root"); now == first || w.slack.at(channel, now) == nil {
			t.Errorf("the root message is still %s", now)
		}
		w.store.tell(key, event.Event{Kind: event.Stopped, Text: "more"})
		pass(10 * time.Second)
		if last := w.slack.messages[len(w.slack.messages)-1]; last.thread != w.ref("root") {
			t.Errorf("%q went to the dead thread", last.text)
		}
	})
}

func TestWhereEditingIsForbidden(t *testing.T) {
	for _, word := range []string{"edit_window_closed", "cant_update_message"} {
		inBubble(t, func(t *testing.T, w *world) {
			w.slack.fail("chat.update", slices.Repeat([]fault{{word: word}}, 50)...)
			w.ask(1)
			synctest.Wait()
			w.slack.react(w.ref("card/1"), "x", "U0BEN")
			pass(90 * time.Second)
			var closed, brief int
			for _, m := range w.slack.messages {
				if strings.Contains(m.text, "FAL_KEY: denied") {
					closed++
				}
				if m.thread != "" && strings.HasPrefix(m.text, "FAL_KEY: revocation pending") {
					brief++
				}
			}
			if closed != 1 || brief != 1 {
				t.Errorf("%s: the closed card was told %d times, the state %d times\n%s", word, closed, brief, w.slack.transcript())
			}
		})
	}
}

func TestRowsOfALaterVersionDoNotBlock(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started})
		w.store.mu.Lock()
		w.store.seq[key]++
		w.store.rows[key] = append(w.store.rows[key], state.Row{Seq: w.store.seq[key], Body: []byte(`{"v":99,"kind":"x"}`)})
		w.store.mu.Unlock()
		w.store.tell(key, line("after"))
		pass(3 * time.Second)
		got := w.slack.thread()
		if len(got) != 3 || !strings.Contains(got[1], "another version") || !strings.Contains(got[2], "after") {
			t.Errorf("thread: %q", got)
		}
	})
}

func TestTheReportComesLast(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started}, line("watched"))
		w.engine.set(key, func(r *rotation.Rotation) {
			r.State, r.Cursor, r.Ended = rotation.Succeeded, len(r.Plan), time.Now()
			r.Ends = map[string]rotation.Ending{"": {Dead: time.Now(), Refused: time.Now(), Answer: "401", Probes: 3}}
		})
		w.store.tell(key, event.Event{Kind: event.Reported, Text: "Done."})
		pass(3 * time.Second)
		got := w.slack.thread()
		if len(got) != 3 || !strings.Contains(got[2], "FAL_KEY is rotated") || !strings.Contains(got[0], "FAL_KEY is rotated") {
			t.Errorf("thread: %q", got)
		}
	})
}

func TestMetadataNamesTheEventOnly(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.store.tell(key, event.Event{Kind: event.Started}, event.Event{Kind: event.Stopped, Text: "look"})
		pass(3 * time.Second)
		want := []string{`{"event_type":"rekey","event_payload":{"first":"0","key":"` + key + `","seq":"0"}}`, `{"event_type":"rekey","event_payload":{"first":"2","key":"` + key + `","seq":"2"}}`}
		for i, m := range w.slack.messages {
			if m.metadata != want[i] {
				t.Errorf("metadata %s, want %s", m.metadata, want[i])
			}
		}
	})
}
