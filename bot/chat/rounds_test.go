package chat

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation"
	"rekey/rotation/event"
)

// wants has a person make a key for the world's one rotation.
func (w *world) wants(console, label string) {
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	r := w.engine.all[key]
	r.State, r.Errand = rotation.Running, &rotation.Errand{Environment: rotation.Staging, Label: label, Asked: time.Now()}
	r.Visits = append(r.Visits, rotation.Visit{Environment: rotation.Staging, Console: console, Key: label, Inbox: "folder /inbox", Paste: []string{"FAL_KEY"}, Asked: time.Now()})
}

// changes changes the world's one rotation.
func (w *world) changes(change func(*rotation.Rotation)) {
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	change(w.engine.all[key])
}

// list is the message that tells what is to be done in consoles, and how many
// there are.
func (w *world) list() (m message, n int) {
	w.slack.mu.Lock()
	defer w.slack.mu.Unlock()
	for _, posted := range w.slack.messages {
		if strings.Contains(posted.text, "Consoles to walk") {
			m, n = *posted, n+1
		}
	}
	return m, n
}

// TestConsolesAreOneList: one message in the batch's thread, with a mention when
// it is posted, and edited in place as values are refused and taken.
func TestConsolesAreOneList(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cries()
		synctest.Wait()
		root := w.slack.messages[0].ts
		w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U1"})
		pass(10 * time.Second)
		w.wants("https://console.test/keys", "rk_1")
		w.store.tell(severalKey, event.Event{Kind: event.Rounds, Text: "People are needed."})
		pass(10 * time.Second)
		first, n := w.list()
		if n != 1 || first.thread != root || !strings.Contains(first.text, "<@U") || !strings.Contains(first.blocks, "make the key `rk_1`") || !strings.Contains(first.blocks, "|thread") {
			t.Fatalf("posted %d times: %+v", n, first)
		}
		for _, step := range []struct {
			change func(*rotation.Rotation)
			kind   event.Kind
			want   string
		}{
			{func(r *rotation.Rotation) { r.Errand.Wrong = "That key has another name." }, event.Unfit, "✗ *FAL_KEY*, both environments: *Not taken:* That key has another name."},
			{func(r *rotation.Rotation) { r.Errand, r.Visits[0].Taken = nil, time.Now() }, event.Done, "the new key was taken"},
		} {
			w.changes(step.change)
			w.store.tell(key, event.Event{Kind: step.kind, Text: "Something came of it."})
			pass(30 * time.Second)
			if now, n := w.list(); n != 1 || now.ts != first.ts || !strings.Contains(now.blocks, step.want) {
				t.Errorf("after %s, %d lists: %s", step.kind, n, now.blocks)
			}
		}
	})
}

// TestWhoIsCalledToAConsole: while the list is about to call people a guide does
// not do it as well; once it has, each further guide does.
func TestWhoIsCalledToAConsole(t *testing.T) {
	for name, walked := range map[string]bool{"before the list": false, "after it": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.cries()
				w.wants("https://console.test/keys", "rk_1")
				if walked {
					w.engine.mu.Lock()
					w.engine.several().Walked = time.Now()
					w.engine.mu.Unlock()
				}
				w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U1"}, event.Event{Kind: event.Guide, Text: "A person has to make it."})
				pass(10 * time.Second)
				guide := ""
				for _, text := range w.slack.thread() {
					if strings.Contains(text, "A person has to make it.") {
						guide = text
					}
				}
				if guide == "" || strings.Contains(guide, "<!subteam^S0SECOPS>") != walked {
					t.Errorf("the guide: %s", guide)
				}
			})
		})
	}
}

// TestMessagesOfABatchAreReplacedWhenDeleted: whoever looks for the message finds
// one, and what follows stands in its thread.
func TestMessagesOfABatchAreReplacedWhenDeleted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.cries()
		w.wants("https://console.test/keys", "rk_1")
		w.store.tell(severalKey, event.Event{Kind: event.Rounds, Text: "People are needed."})
		pass(10 * time.Second)
		root, list := w.slack.messages[0].ts, w.slack.messages[1].ts
		w.slack.delete(root)
		w.slack.delete(list)
		w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U1"}, event.Event{Kind: event.Done, Text: "Something was done."})
		pass(time.Minute)
		var ts string
		for _, m := range w.slack.messages {
			if strings.Contains(m.text, "Emergency ·") {
				ts = m.ts
			}
		}
		if again, n := w.list(); ts == "" || ts == root || n != 1 || again.thread != ts {
			t.Errorf("%s", w.slack.transcript())
		}
	})
}
