package chat

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// clickOn is a block_actions payload, by the sample of the Java SDK
// (https://github.com/slackapi/java-slack-sdk/tree/main/json-logs/samples).
func clickOn(l *live, user, action, ts string) map[string]any {
	return map[string]any{
		"type": "block_actions", "api_app_id": "A1", "token": "t", "trigger_id": "1.2.3", "response_url": l.server.URL + "/hook/1",
		"user": map[string]any{"id": user, "username": user, "team_id": "T1"}, "team": map[string]any{"id": "T1", "domain": "d"},
		"container": map[string]any{"type": "message", "message_ts": ts, "channel_id": channel, "is_ephemeral": false},
		"channel":   map[string]any{"id": channel, "name": "ops"},
		"actions":   []any{map[string]any{"type": "button", "action_id": action, "block_id": "b", "value": "v", "action_ts": "1.1"}},
	}
}

// modalOf is a view_submission payload.
func modalOf(user, callback, private, block, text string) map[string]any {
	return map[string]any{
		"type": "view_submission", "api_app_id": "A1", "token": "t", "trigger_id": "1.2.4",
		"user": map[string]any{"id": user, "username": user, "team_id": "T1"}, "team": map[string]any{"id": "T1", "domain": "d"},
		"view": map[string]any{
			"id": "V1", "type": "modal", "callback_id": callback, "private_metadata": private, "hash": "1.a",
			"state": map[string]any{"values": map[string]any{block: map[string]any{"text": map[string]any{"type": "plain_text_input", "value": text}}}},
		},
	}
}

// A click is taken, then acknowledged, then answered.
func TestAClickIsTakenThenAcknowledged(t *testing.T) {
	l := newLive(t)
	took, go1, go2 := make(chan press, 1), make(chan struct{}), make(chan struct{})
	l.chat.pressers = map[string]presser{"try": func(_ context.Context, p press) (later, error) {
		took <- p
		<-go1
		return func(ctx context.Context) error {
			<-go2
			return l.chat.sayTo(ctx, p, "done")
		}, nil
	}}
	l.run(t)
	l.line.send(t, "e1", "interactive", clickOn(l, "U0BEN", "rekey/1/try", "1.5"))
	p := <-took
	if p.user != "U0BEN" || p.at.String() != channel+"/1.5" || p.value != "v" || p.trigger != "1.2.3" {
		t.Errorf("it was told %+v", p)
	}
	l.slack.mu.Lock()
	if l.line.acked("e1")() {
		t.Error("acknowledged before it was taken")
	}
	l.slack.mu.Unlock()
	close(go1)
	l.slack.await(t, "acknowledged", l.line.acked("e1"))
	l.slack.mu.Lock()
	if len(l.slack.answers) > 0 {
		t.Error("answered too early")
	}
	l.slack.mu.Unlock()
	close(go2)
	l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
}

// One that could not be taken is not acknowledged, and the person is told.
func TestAClickThatIsNotTaken(t *testing.T) {
	l := newLive(t)
	l.chat.pressers = map[string]presser{"try": func(context.Context, press) (later, error) { return nil, errors.New("the store is away") }}
	l.run(t)
	l.line.send(t, "e1", "interactive", clickOn(l, "U0BEN", "rekey/1/try", "1.5"))
	l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
	if !strings.Contains(l.slack.answers[0], "could not confirm that just now") || l.line.acked("e1")() {
		t.Errorf("answered %s, acknowledged %t", l.slack.answers[0], l.line.acked("e1")())
	}
}

// What is not ours, or of another version, does nothing and says so.
func TestAnUnknownControl(t *testing.T) {
	for _, action := range []string{"try", "rekey/1/", "rekey/1/other", "rekey/2/try", ""} {
		t.Run(action, func(t *testing.T) {
			l := newLive(t)
			l.chat.pressers = map[string]presser{"try": func(context.Context, press) (later, error) { panic("it was pressed") }}
			l.run(t)
			l.line.send(t, "e1", "interactive", clickOn(l, "U0BEN", action, "1.5"))
			l.slack.await(t, "acknowledged and answered", func() bool { return l.line.acked("e1")() && len(l.slack.answers) == 1 })
			if !strings.Contains(l.slack.answers[0], "no such button. Nothing was done.") {
				t.Errorf("answered %s", l.slack.answers[0])
			}
		})
	}
}

// A modal is answered in its acknowledgement: nothing closes it, faults stand
// under their fields.
func TestAModalIsTaken(t *testing.T) {
	tests := map[string]struct {
		callback string
		take     submitter
		want     string
	}{
		"closes": {"rekey/1/form", func(context.Context, submission) (map[string]string, later, error) { return nil, nil, nil }, ""},
		"faults": {"rekey/1/form", func(_ context.Context, s submission) (map[string]string, later, error) {
			return map[string]string{"why": s.user + " " + s.private + " " + s.values["why"]}, nil, nil
		}, `{"response_action":"errors","errors":{"why":"U0BEN C1/2.3 because"}}`},
		"not taken": {"rekey/1/form", func(context.Context, submission) (map[string]string, later, error) {
			return nil, nil, errors.New("the store is away")
		}, notTaken},
		"unknown": {"rekey/1/another", nil, unknownModal},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLive(t)
			l.chat.submitters = map[string]submitter{"form": tt.take}
			l.run(t)
			l.line.send(t, "e1", "interactive", modalOf("U0BEN", tt.callback, "C1/2.3", "why", "because"))
			l.slack.await(t, "acknowledged", l.line.acked("e1"))
			if got := strings.TrimSpace(string(l.line.acks["e1"])); !strings.Contains(got, tt.want) || tt.want == "" && got != "" && got != "null" {
				t.Errorf("acknowledged with %s", got)
			}
		})
	}
}
