package chat

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/bot/chat/render"
	"rekey/commands"
	"rekey/rotation"
	"rekey/rotation/due"
	"rekey/rotation/event"
)

const calendar = "calendar/1"

// announce makes a digest and puts it into the outbox, as a commit does.
func (w *world) announce(tick time.Time) {
	since := tick.Add(-120 * 24 * time.Hour)
	w.engine.mu.Lock()
	w.engine.digest = &rotation.Digest{Tick: tick, At: tick, Within: 14 * 24 * time.Hour, Key: calendar, Items: []rotation.Item{
		{Matter: rotation.Overdue, Secret: "FAL_KEY", Title: "fal.ai", At: since.Add(90 * 24 * time.Hour), Age: due.Age{Known: true, Since: since}},
	}}
	w.engine.mu.Unlock()
	w.store.tell(calendar, event.Event{Kind: event.Digest, Facts: map[string]string{"tick": tick.UTC().Format(time.RFC3339)}})
}

// becomes changes what the digest's one item is now.
func (w *world) becomes(n rotation.Now) {
	w.engine.mu.Lock()
	defer w.engine.mu.Unlock()
	d := *w.engine.digest
	d.Items = append([]rotation.Item{}, d.Items...)
	d.Items[0].Now = n
	w.engine.digest = &d
}

func (w *world) digestRef() string {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	at, _ := placeOf(w.store.refs[calendar][digestRef])
	return at.String()
}

func TestADigestIsPosted(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.announce(time.Now())
		synctest.Wait()
		if len(w.slack.messages) != 1 {
			t.Fatalf("posted:\n%s", w.slack.transcript())
		}
		m := w.slack.messages[0]
		if m.channel != "C0DIGEST" || m.thread != "" || !strings.Contains(m.text, "Overdue: FAL_KEY.") || w.digestRef() != "C0DIGEST/"+m.ts {
			t.Errorf("posted %+v, ref %s", m, w.digestRef())
		}
		for _, id := range []string{"rekey/1/rotate/FAL_KEY", "rekey/1/snooze/FAL_KEY"} {
			if !strings.Contains(m.blocks, id) {
				t.Errorf("%s is not offered: %s", id, m.blocks)
			}
		}
	}, func(c *Config) { c.Digests = "C0DIGEST" })
}

// TestADigestWhoseAnswerWasLost is posted again, and says so; what has gone
// meanwhile is not told after it.
func TestADigestWhoseAnswerWasLost(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.fail("chat.postMessage", fault{lost: true})
		w.announce(time.Now())
		pass(time.Minute)
		if len(w.slack.messages) != 2 || !strings.Contains(w.slack.messages[1].text, "(posted again after a lost answer)") {
			t.Fatalf("posted:\n%s", w.slack.transcript())
		}
		if w.digestRef() != channel+"/"+w.slack.messages[1].ts {
			t.Errorf("the live one is %s", w.digestRef())
		}
	})
}

// TestOnlyTheLastDigestIsTold: while Slack was away three came to wait.
func TestOnlyTheLastDigestIsTold(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.slack.fail("chat.postMessage", fault{dial: true}, fault{dial: true}, fault{dial: true})
		for day := range 3 {
			w.announce(time.Now().Add(time.Duration(day-2) * 24 * time.Hour))
			synctest.Wait()
		}
		pass(time.Minute)
		if len(w.slack.messages) != 1 || strings.Contains(w.slack.messages[0].text, "again") {
			t.Fatalf("posted:\n%s", w.slack.transcript())
		}
		if rows, _ := w.store.Rows(t.Context(), calendar, 10); len(rows) != 0 {
			t.Errorf("%d rows still wait", len(rows))
		}
	})
}

// TestADigestFollowsItsRotations: one that starts takes the controls away, one
// that ends is named.
func TestADigestFollowsItsRotations(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.announce(time.Now())
		synctest.Wait()
		w.becomes(rotation.Now{Known: true, Open: record()})
		w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U0ANNA"})
		pass(time.Minute)
		m := w.slack.messages[0]
		if m.edits != 1 || strings.Contains(m.blocks, "rekey/1/") || !strings.Contains(m.blocks, "A rotation is open now") {
			t.Errorf("after the start, %d edits: %s", m.edits, m.blocks)
		}
		w.becomes(rotation.Now{Known: true, Rotated: true})
		w.store.tell(key, event.Event{Kind: event.Reported})
		pass(time.Minute)
		if m.edits != 2 || !strings.Contains(m.blocks, "Rotated since.") {
			t.Errorf("after the end, %d edits: %s", m.edits, m.blocks)
		}
	})
}

// TestADigestIsEditedAfterTheCalendarWentOn: its message is known under the
// key under which it was told.
func TestADigestIsEditedAfterTheCalendarWentOn(t *testing.T) {
	inBubble(t, func(t *testing.T, w *world) {
		w.announce(time.Now())
		synctest.Wait()
		w.engine.mu.Lock()
		w.engine.sheet = "calendar/2"
		w.engine.mu.Unlock()
		w.becomes(rotation.Now{Known: true, Open: record()})
		w.store.tell(key, event.Event{Kind: event.Started, By: "T1/U0ANNA"})
		pass(time.Minute)
		if m := w.slack.messages[0]; m.edits != 1 || !strings.Contains(m.blocks, "A rotation is open now") {
			t.Errorf("%d edits: %s", m.edits, m.blocks)
		}
	})
}

// pick is a click on a menu.
func pick(l *live, user, action, value string) map[string]any {
	c := clickOn(l, user, action, "1.5")
	c["actions"] = []any{map[string]any{"type": "static_select", "action_id": action, "block_id": "b", "action_ts": "1.1",
		"selected_option": map[string]any{"value": value, "text": map[string]any{"type": "plain_text", "text": "x"}}}}
	return c
}

// TestAClickOnADigestIsATypedLine: with the standing the person has now, and
// with the moment of what they saw.
func TestAClickOnADigestIsATypedLine(t *testing.T) {
	seen := time.UnixMilli(1764057600123)
	value := fmt.Sprint(seen.UnixMilli())
	for name, c := range map[string]struct {
		user, action, value string
		want                commands.Request
		member              bool
	}{
		"rotate": {"U0BEN", render.ControlID("rotate/FAL_KEY"), value, commands.Request{Text: "FAL_KEY"}, true},
		"snooze": {"U0BEN", render.ControlID("snooze/FAL_KEY"), "7d " + value, commands.Request{Text: "snooze FAL_KEY 7d"}, true},
		"guest":  {"U0EVA", render.ControlID("rotate/FAL_KEY"), value, commands.Request{Text: "FAL_KEY"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.slack.users["U0EVA"] = map[string]any{"id": "U0EVA", "team_id": "T1", "name": "eva", "is_restricted": true}
			l.run(t)
			send := clickOn(l, c.user, c.action, "1.5")
			if strings.Contains(c.action, "snooze") {
				send = pick(l, c.user, c.action, c.value)
			} else {
				send["actions"].([]any)[0].(map[string]any)["value"] = c.value
			}
			l.line.send(t, "e1", "interactive", send)
			l.slack.await(t, "acknowledged and answered", func() bool { return l.line.acked("e1")() && len(l.slack.answers) == 1 })
			l.echo.mu.Lock()
			defer l.echo.mu.Unlock()
			if len(l.echo.got) != 1 {
				t.Fatalf("asked %d times", len(l.echo.got))
			}
			q := l.echo.got[0]
			if q.Command != "/rotate" || q.Text != c.want.Text || !q.Seen.Equal(seen) || q.Person.ID != "T1/"+c.user || q.Standing.Member != c.member {
				t.Errorf("asked %+v", q)
			}
			var answer struct {
				Type    string `json:"response_type"`
				Replace bool   `json:"replace_original"`
			}
			if err := json.Unmarshal([]byte(l.slack.answers[0]), &answer); err != nil || answer.Type != "ephemeral" || answer.Replace {
				t.Errorf("answered %s", l.slack.answers[0])
			}
		})
	}
}

// TestAClickThatCarriesNonsense reaches nobody.
func TestAClickThatCarriesNonsense(t *testing.T) {
	for _, value := range []string{"", "soon", "7d soon", "-5", "7d 0"} {
		t.Run(value, func(t *testing.T) {
			l := newLive(t)
			l.run(t)
			l.line.send(t, "e1", "interactive", pick(l, "U0BEN", render.ControlID("snooze/FAL_KEY"), value))
			l.slack.await(t, "acknowledged and answered", func() bool { return l.line.acked("e1")() && len(l.slack.answers) == 1 })
			l.echo.mu.Lock()
			defer l.echo.mu.Unlock()
			if len(l.echo.got) != 0 || !strings.Contains(l.slack.answers[0], "cannot read that button; nothing was done") {
				t.Errorf("asked %+v, answered %s", l.echo.got, l.slack.answers[0])
			}
		})
	}
}

// TestTheDigestsHintIsOurs: what the engine leaves is what is taken up here.
func TestTheDigestsHintIsOurs(t *testing.T) {
	want := hint{verb: hintDigest, key: calendar}
	if got, ok := readHint(rotation.DigestHint(calendar)); !ok || got != want || want.String() != rotation.DigestHint(calendar) {
		t.Errorf("%+v, %t", got, ok)
	}
}
