package chat

import (
	"errors"
	"strings"
	"testing"

	"rekey/rotation"
)

// waiting is a world with a card that was looked at once, so that its place is
// known, and shows only our own two emoji.
func waiting(t *testing.T) (w *world, ts string) {
	t.Helper()
	w = newWorld(t)
	ts = w.card(t)
	w.slack.react(ts, emojiYes, us)
	w.slack.react(ts, emojiNo, us)
	w.glance(t)
	return w, ts
}

func (w *world) glance(t *testing.T) {
	t.Helper()
	if err := w.chat.lookAtAll(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// A request nobody has answered costs the store nothing but its part of one
// question about all of them, however often it is looked at.
func TestAnUnansweredRequestIsLookedAtInSlackOnly(t *testing.T) {
	w, ts := waiting(t)
	before := w.store.surveyed
	w.store.down = errors.New("the store was asked")
	if err := w.chat.lookAtAll(t.Context()); !errors.Is(err, w.store.down) || strings.Contains(err.Error(), "\n") {
		t.Errorf("a look at an unanswered request failed by more than the one question: %v", err)
	}
	if len(w.engine.seen) > 0 || w.store.surveyed != before+1 {
		t.Errorf("the engine was asked to count %d, the store was asked about clicks %d times", len(w.engine.seen), w.store.surveyed-before)
	}
	w.slack.react(ts, emojiYes, "U0BEN")
	if err := w.chat.lookAtAll(t.Context()); err == nil {
		t.Fatal("an answer was counted without the store")
	}
	w.store.down = nil
	w.glance(t)
	if len(w.engine.seen) != 1 || w.engine.seen[0].State != rotation.CardApproved {
		t.Errorf("counted: %+v", w.engine.seen)
	}
}

// A click is stored before its hint is left. The process that died in between
// left one that only a look at all requests finds.
func TestAClickWithoutItsHintIsFound(t *testing.T) {
	w, _ := waiting(t)
	w.clicked(t, "U0BEN", true)
	w.glance(t)
	if len(w.engine.seen) != 1 || w.engine.seen[0].State != rotation.CardApproved || w.engine.seen[0].Votes[0].Path != "button" {
		t.Errorf("counted: %+v", w.engine.seen)
	}
}

// Whatever is not as it was is looked at whole.
func TestALookFindsMoreThanReactions(t *testing.T) {
	for name, change := range map[string]func(w *world, ts string){
		"the message is deleted": func(w *world, ts string) { w.slack.delete(ts) },
		"the channel is shared": func(w *world, _ string) {
			w.slack.with(func() { w.slack.channels[channel]["is_ext_shared"] = true })
		},
		"a look-alike by a person":     func(w *world, ts string) { w.slack.react(ts, "heavy_check_mark", "U0BEN") },
		"an emoji that means nothing":  func(w *world, ts string) { w.slack.react(ts, "tada", "U0BEN") },
		"an emoji of somebody unknown": func(w *world, ts string) { w.slack.react(ts, emojiNo, "U0NOBODY") },
	} {
		t.Run(name, func(t *testing.T) {
			w, ts := waiting(t)
			change(w, ts)
			w.glance(t)
			if len(w.engine.seen) != 1 {
				t.Errorf("counted %d times", len(w.engine.seen))
			}
		})
	}
}
