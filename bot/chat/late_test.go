package chat

import (
	"strings"
	"testing"
	"time"

	"rekey/rotation"
)

// Who reacts on a request that is closed is told so privately, once; who
// decided it is not, and nobody is where the request was granted.
func TestReactionsOnAClosedRequest(t *testing.T) {
	for name, c := range map[string]struct {
		close func(*rotation.Rotation)
		told  string // what U0CARA hears; "" is silence
	}{
		"expired": {func(r *rotation.Rotation) { r.State, r.Card.State = rotation.Pending, rotation.CardExpired }, "This request has expired; marks on it are not counted any more. Old key still valid."},
		"denied": {func(r *rotation.Rotation) {
			r.State, r.Card.State, r.Card.Denied = rotation.Pending, rotation.CardDenied, &rotation.Vote{Person: rotation.Person{ID: "T1/U0BEN"}}
		}, "This request was denied"},
		"void":     {func(r *rotation.Rotation) { r.State, r.Card.State = rotation.Pending, rotation.CardVoid }, "`/rotate retry FAL_KEY` asks again"},
		"replaced": {func(r *rotation.Rotation) { r.Card = &rotation.Card{Number: 2, State: rotation.CardOpen} }, "A later request in this thread took the place of this one"},
		"denied when the end was asked for": {func(r *rotation.Rotation) {
			r.State, r.Card.State, r.Ends = rotation.Pending, rotation.CardDenied, map[string]rotation.Ending{"": {ID: "0ldkey"}}
			r.Card.Denied = &rotation.Vote{Person: rotation.Person{ID: "T1/U0BEN"}}
		}, "This request was denied; marks on it are not counted any more."},
		"granted":  {func(r *rotation.Rotation) { r.State, r.Card.State = rotation.Running, rotation.CardApproved }, ""},
		"finished": {func(r *rotation.Rotation) { r.State, r.Card.State = rotation.Succeeded, rotation.CardVoid }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, w *world) {
				w.ask(1)
				pass(2 * time.Second)
				ts := w.ref("card/1")
				w.slack.react(ts, "x", "U0BEN")
				w.engine.set(key, c.close)
				w.slack.react(ts, "white_check_mark", "U0CARA")
				for range 2 { // the event comes twice
					if err := w.store.Hint(t.Context(), hint{hintCard, key, 1}.String()); err != nil {
						t.Fatal(err)
					}
					kick(w.chat.looks)
					pass(time.Minute)
				}
				var told []string
				for _, m := range w.slack.whispers {
					if m.user == "U0CARA" {
						told = append(told, m.text)
					} else if name != "void" && name != "replaced" && name != "expired" {
						t.Errorf("%s was told %q", m.user, m.text)
					}
				}
				if got := strings.Join(told, "|"); !strings.Contains(got, c.told) || (got == "") != (c.told == "") || len(told) > 1 {
					t.Errorf("told %q, want %q", got, c.told)
				}
				if strings.Contains(strings.Join(told, ""), "Old key still valid") && strings.Contains(name, "end was asked") {
					t.Errorf("a promise that may not hold: %q", told)
				}
			})
		})
	}
}
