package chat

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
)

const severalKey = "batch/k3v9q2m7xb"

// cries puts a batch into the outbox, as its creation does. Its first secret is
// the world's one rotation.
func (w *world) cries() {
	w.engine.mu.Lock()
	r := w.engine.all[key]
	r.Batch = severalKey
	b := &rotation.Batch{ID: "k3v9q2m7xb", Requester: r.Requester, Reason: "a laptop was stolen <!channel>", Started: time.Now(), Members: []rotation.Member{
		{Secret: r.Secret, Begun: true, Rotation: r.ID}, {Secret: "MEM0_API_KEY", Refused: true, Why: "Nobody <answers>."},
	}}
	w.engine.several = func() *rotation.Progress {
		p := &rotation.Progress{Batch: b}
		p.Parts = []rotation.Part{{Member: &b.Members[0], Rotation: copied(r), Stand: rotation.Moves}, {Member: &b.Members[1], Stand: rotation.Failed}}
		if r.State == rotation.Asking {
			p.Parts[0].Stand = rotation.Asks
		}
		return p
	}
	w.engine.mu.Unlock()
	w.store.tell(severalKey, event.Event{Kind: event.Started, By: r.Requester.ID})
}

// TestSeveralAreOneMessage: one message in the channel, edited in place whenever
// one of its rotations has something to tell, with a link to each thread; and in
// its own thread nothing but what it came to.
func TestSeveralAreOneMessage(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cries()
		synctest.Wait()
		first := w.slack.messages[0]
		if len(w.slack.messages) != 1 || first.thread != "" || !strings.Contains(first.text, "0 of 2 dead, 1 moving, 1 failed.") || strings.Contains(first.blocks, "<!channel>") {
			t.Fatalf("posted:\n%s", w.slack.transcript())
		}
		w.engine.mu.Lock()
		r := w.engine.all[key]
		r.State, r.Card = rotation.Asking, &rotation.Card{Number: 1, State: rotation.CardOpen}
		w.engine.mu.Unlock()
		w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U1"}, event.Event{Kind: event.Card, Card: 1, Text: "May it be revoked?"})
		pass(10 * time.Second)
		first = w.slack.messages[0]
		if !strings.Contains(first.blocks, "asks for approval") || !strings.Contains(first.blocks, "https://acme.slack.com/archives/") {
			t.Errorf("edited to %s", first.blocks)
		}
		posted := len(w.slack.messages)
		w.store.tell(severalKey, event.Event{Kind: event.Tabled, Text: "1 of 2 old keys are dead."})
		pass(10 * time.Second)
		last := w.slack.messages[len(w.slack.messages)-1]
		if len(w.slack.messages) != posted+1 || last.thread != first.ts || !strings.Contains(last.text, "1 of 2 old keys are dead.") {
			t.Errorf("posted last %+v", last)
		}
	})
}
