package chat

import (
	"testing"
	"testing/synctest"
	"time"
)

// A burst of one person's commands asks Slack once, for as long as a user
// group's members are believed; a count of approvals asks every time.
func TestWhoTypesIsRememberedForAShortWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, func(c *Config) { c.GroupCache = time.Minute })
		asked := func(step string, want int) {
			t.Helper()
			for range 3 {
				if k, err := w.chat.people.recent(t.Context(), "U0ANNA"); err != nil || !k.member {
					t.Fatalf("%s: %+v, %v", step, k, err)
				}
			}
			if got := len(w.slack.called("users.info")); got != want {
				t.Errorf("%s: Slack was asked %d times, not %d", step, got, want)
			}
		}
		asked("at first", 1)
		pass(59 * time.Second)
		asked("within the minute", 1)
		pass(2 * time.Second)
		asked("after it", 2)
		if _, err := w.chat.people.look(t.Context(), "U0ANNA"); err != nil || len(w.slack.called("users.info")) != 3 {
			t.Errorf("who approves is looked up anew: %v", err)
		}
	})
}

// What could not be asked, and somebody nobody knows, is asked again.
func TestFailuresAreNotRemembered(t *testing.T) {
	w := newWorld(t)
	w.slack.fail("users.info", fault{status: 500})
	if _, err := w.chat.people.recent(t.Context(), "U0ANNA"); err == nil {
		t.Error("no answer was taken for one")
	}
	if k, err := w.chat.people.recent(t.Context(), "U0ANNA"); err != nil || !k.member {
		t.Errorf("after that: %+v, %v", k, err)
	}
	for range 2 {
		if k, err := w.chat.people.recent(t.Context(), "U0NOBODY"); err != nil || k.member {
			t.Errorf("nobody: %+v, %v", k, err)
		}
	}
	if got := len(w.slack.called("users.info")); got != 4 {
		t.Errorf("Slack was asked %d times, not 4", got)
	}
}
