package slack_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	slackgo "github.com/slack-go/slack"

	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
)

func TestSlashCommandAnsweredByTheAcknowledgement(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	a.always(t, map[string]any{"text": "working on it"})
	r, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", "FAL_KEY")
	if err != nil {
		t.Fatal(err)
	}
	if r.Message.Text != "working on it" || r.Message.To != ann || r.Message.Via != slack.ViaAck || r.Took <= 0 {
		t.Errorf("reply %+v", r)
	}
	if texts(w.Ephemerals(ann)) != "working on it" || len(w.Messages(ops)) != 0 {
		t.Error("the answer was for ann alone")
	}
}

func TestSlashCommandCarriesWhatSlackSends(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	done := make(chan slackgo.SlashCommand, 1)
	go func() {
		e := <-a.got
		_ = a.Ack(*e.Request)
		done <- e.Data.(slackgo.SlashCommand)
	}()
	if r, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", "FAL_KEY --plan"); err != nil || r.Message.TS != "" {
		t.Fatalf("reply %+v, %v; an empty acknowledgement shows nothing", r, err)
	}
	c := <-done
	if c.Command != "/rotate" || c.Text != "FAL_KEY --plan" || c.UserID != ann || c.UserName != "ann" || c.ChannelID != ops ||
		c.ChannelName != "ops" || c.TeamID != "T0SANDBOX" || c.APIAppID != "A0SANDBOX" || c.TriggerID == "" {
		t.Errorf("command %+v", c)
	}
	if err := w.SpendTrigger(c.TriggerID); err != nil {
		t.Errorf("a fresh trigger: %v", err)
	}
	if err := w.SpendTrigger(c.TriggerID); err == nil || err.Error() != "trigger_exchanged" {
		t.Errorf("a used trigger: %v", err)
	}
	if err := w.SpendTrigger("none"); err == nil || err.Error() != "invalid_trigger_id" {
		t.Errorf("a made-up trigger: %v", err)
	}
}

func TestSlashCommandForEverybody(t *testing.T) {
	w := start(t, slack.Config{})
	w.connect(t).always(t, map[string]any{"text": "look", "response_type": "in_channel"})
	if _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", "x"); err != nil {
		t.Fatal(err)
	}
	if got := texts(w.Messages(ops)); got != "/rotate x|look" {
		t.Errorf("channel holds %q", got)
	}
}

func TestSlashCommandRefusals(t *testing.T) {
	w := start(t, slack.Config{})
	w.AddUser(slack.User{ID: "U0OUT", TeamID: "T0OTHER"})
	w.AddUser(slack.User{ID: "U0LEFT", Deleted: true})
	for _, c := range []struct {
		user, channel, command string
		want                   error
	}{
		{"U0OUT", ops, "/rotate", slack.ErrOutsider},
		{"U0LEFT", ops, "/rotate", slack.ErrNobody},
		{"U0NONE", ops, "/rotate", slack.ErrNobody},
		{ann, "C0NONE", "/rotate", slack.ErrNoChannel},
		{ann, ops, "/dance", slack.ErrNoCommand},
		{ann, ops, "/rotate", slack.ErrNotConnected},
	} {
		if _, err := w.SlashCommand(t.Context(), c.user, c.channel, c.command, ""); !errors.Is(err, c.want) {
			t.Errorf("%s in %s types %s: %v, want %v", c.user, c.channel, c.command, err, c.want)
		}
	}
	if got := w.Stats(); got.Failed != 1 || got.Sent != 0 {
		t.Errorf("stats %+v", got)
	}
}

func TestSlashCommandAcknowledgedTooLate(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Ack = time.Millisecond }))
	a := w.connect(t)
	if _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", ""); !errors.Is(err, slack.ErrOperationTimeout) {
		t.Errorf("got %v, want operation_timeout", err)
	}
	e := a.next(t)
	if err := a.Ack(*e.Request, map[string]any{"text": "sorry"}); err != nil {
		t.Fatal(err)
	}
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Late == 1 })
	if len(w.Ephemerals(ann)) != 0 {
		t.Error("a late answer was shown")
	}
}

func TestSlashCommandAnsweredWithNonsense(t *testing.T) {
	for name, payload := range map[string]any{
		"not an object": "hello",
		"bad type":      map[string]any{"text": "x", "response_type": "loud"},
		"bad blocks":    map[string]any{"text": "x", "blocks": []any{map[string]any{"type": "marquee"}}},
	} {
		t.Run(name, func(t *testing.T) {
			w := start(t, slack.Config{})
			w.connect(t).always(t, payload)
			if _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", ""); !errors.Is(err, slack.ErrBadAnswer) {
				t.Errorf("got %v, want invalid_command_response", err)
			}
		})
	}
}

// TestSocketCutMidCommand: the envelope arrived, its socket is gone, and the
// acknowledgement on the next one does not count.
func TestSocketCutMidCommand(t *testing.T) {
	w := start(t, limited(func(l *slack.Limits) { l.Ack = 300 * time.Millisecond }))
	first, second := w.dial(t, nil), w.dial(t, nil)
	got := make(chan string, 1)
	for _, c := range []struct{ reads, acks raw }{{first, second}, {second, first}} {
		c.reads.frame(t) // hello
		go func() {
			_, frame, err := c.reads.Read(t.Context())
			var e struct {
				ID string `json:"envelope_id"`
			}
			if err != nil || json.Unmarshal(frame, &e) != nil {
				return // not the one that got it
			}
			_, _, err = c.reads.Read(t.Context()) // answers the ping, then ends
			if err != nil {
				got <- e.ID
				_ = c.acks.Write(t.Context(), websocket.MessageText, []byte(`{"envelope_id":"`+e.ID+`"}`))
			}
		}()
	}
	w.Disturb(slack.Disturbance{Kind: "slash_commands", How: slack.CutAfter})
	if _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", ""); !errors.Is(err, slack.ErrOperationTimeout) {
		t.Errorf("got %v, want operation_timeout", err)
	}
	if <-got == "" {
		t.Error("the envelope had no id")
	}
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Foreign == 1 && p.Sockets == 1 })
}

func TestSlashCommandRedelivered(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	w.Disturb(slack.Disturbance{Kind: "slash_commands", How: slack.Redeliver})
	ids := make(chan string, 2)
	go func() {
		for range 2 {
			e := <-a.got
			_ = a.Ack(*e.Request)
			ids <- e.Request.EnvelopeID
		}
	}()
	if _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", ""); err != nil {
		t.Fatal(err)
	}
	if first, second := <-ids, <-ids; first != second {
		t.Errorf("envelope ids %s and %s, want the same", first, second)
	}
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Double == 1 })
}

// interaction runs a click and hands its payload to the test.
func interaction(t *testing.T, w *world, a *app, act func() error) slackgo.InteractionCallback {
	t.Helper()
	got := make(chan slackgo.InteractionCallback, 1)
	go func() {
		e := <-a.got
		_ = a.Ack(*e.Request)
		got <- e.Data.(slackgo.InteractionCallback)
	}()
	if err := act(); err != nil {
		t.Fatal(err)
	}
	return <-got
}

func TestClick(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	w.AddUser(slack.User{ID: "U0OUT", Name: "out", TeamID: "T0OTHER"})
	root := w.post(t, "root")
	ts := w.post(t, "approve?", slackgo.MsgOptionTS(root), slackgo.MsgOptionBlocks(section("approve?"), button("approve", "rot_1")))
	press := func(user, action, value string) func() error {
		return func() error {
			_, err := w.Click(t.Context(), user, slack.Press{Channel: ops, TS: ts, Action: action, Value: value})
			return err
		}
	}
	c := interaction(t, w, a, press("U0OUT", "approve", ""))
	action := c.ActionCallback.BlockActions[0]
	if c.Type != slackgo.InteractionTypeBlockActions || c.User.ID != "U0OUT" || c.User.TeamID != "T0OTHER" || c.Team.ID != "T0SANDBOX" ||
		c.Channel.ID != ops || c.Container.MessageTs != ts || c.Container.ThreadTs != root || c.Container.IsEphemeral ||
		c.Message.Text != "approve?" || len(c.Message.Blocks.BlockSet) != 2 || c.ResponseURL == "" || c.TriggerID == "" {
		t.Errorf("interaction %+v", c)
	}
	if action.ActionID != "approve" || action.Value != "rot_1" || action.ActionTs == "" || action.Text.Text != "Press" || action.BlockID == "" {
		t.Errorf("action %+v", action)
	}
	if forged := interaction(t, w, a, press(ann, "approve", "rot_2")); forged.ActionCallback.BlockActions[0].Value != "rot_2" {
		t.Error("a forged value was corrected")
	}
	if stale := interaction(t, w, a, press(ann, "deny", "rot_1")); stale.ActionCallback.BlockActions[0].ActionID != "deny" {
		t.Error("a button that is gone did not arrive")
	}
	if err := press(ann, "deny", "")(); !errors.Is(err, slack.ErrNoAction) {
		t.Errorf("pressing what is not there: %v", err)
	}
	if _, err := w.Click(t.Context(), ann, slack.Press{Channel: ops, TS: "1.0", Action: "approve"}); !errors.Is(err, slack.ErrNoMessage) {
		t.Errorf("pressing on no message: %v", err)
	}
}

func TestMenuChoice(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	option := slackgo.NewOptionBlockObject("fal", slackgo.NewTextBlockObject(slackgo.PlainTextType, "FAL_KEY", false, false), nil)
	menu := slackgo.NewOptionsSelectBlockElement(slackgo.OptTypeStatic, nil, "which", option)
	ts := w.post(t, "which?", slackgo.MsgOptionBlocks(slackgo.NewActionBlock("", menu)))
	c := interaction(t, w, a, func() error {
		_, err := w.Click(t.Context(), ann, slack.Press{Channel: ops, TS: ts, Action: "which", Value: "fal"})
		return err
	})
	if got := c.ActionCallback.BlockActions[0].SelectedOption.Value; got != "fal" {
		t.Errorf("chose %q", got)
	}
	if _, err := w.Click(t.Context(), ann, slack.Press{Channel: ops, TS: ts, Action: "which", Value: "other"}); !errors.Is(err, slack.ErrNoAction) {
		t.Errorf("choosing what is not there: %v", err)
	}
}

// TestResponseURL walks through what one response_url can do, from an ephemeral
// message with a button, in a channel that the app is not in.
func TestResponseURL(t *testing.T) {
	w := start(t, slack.Config{})
	a := w.connect(t)
	w.AddChannel(slack.Channel{ID: "C0OPEN", Name: "open"})
	var command slackgo.SlashCommand
	typed := make(chan struct{})
	go func() {
		e := <-a.got
		command = e.Data.(slackgo.SlashCommand)
		_ = a.Ack(*e.Request, map[string]any{"text": "due", "blocks": []slackgo.Block{button("start", "fal")}})
		close(typed)
	}()
	r, err := w.SlashCommand(t.Context(), ann, "C0OPEN", "/rotate", "")
	if err != nil {
		t.Fatal(err)
	}
	<-typed
	c := interaction(t, w, a, func() error {
		_, err := w.Click(t.Context(), ann, slack.Press{Channel: "C0OPEN", TS: r.Message.TS, Action: "start"})
		return err
	})
	if !c.Container.IsEphemeral || c.Message.Text != "" {
		t.Errorf("container %+v message %+v: an ephemeral message is not sent back", c.Container, c.Message)
	}

	say := func(where slackgo.MsgOption) error {
		_, _, err := w.api.PostMessageContext(t.Context(), "", where, slackgo.MsgOptionText("posted", false))
		return err
	}
	if err := say(slackgo.MsgOptionReplaceOriginal(c.ResponseURL)); err != nil {
		t.Fatal(err)
	}
	if got := w.Ephemerals(ann); len(got) != 1 || got[0].Text != "posted" || got[0].Blocks != nil {
		t.Errorf("replaced: %+v", got)
	}
	if err := say(slackgo.MsgOptionResponseURL(c.ResponseURL, "in_channel")); err != nil {
		t.Fatal(err)
	}
	if err := say(slackgo.MsgOptionDeleteOriginal(c.ResponseURL)); err != nil {
		t.Fatal(err)
	}
	if err := say(slackgo.MsgOptionResponseURL(c.ResponseURL, "ephemeral")); err != nil {
		t.Fatal(err)
	}
	if got := w.Ephemerals(ann); texts(w.Messages("C0OPEN")) != "posted" || len(got) != 1 || got[0].Via != slack.ViaResponseURL {
		t.Errorf("channel %q, ann %+v", texts(w.Messages("C0OPEN")), got)
	}

	body := respond(t, c.ResponseURL, `{"text":"x","blocks":[{"type":"marquee"}]}`)
	if !strings.Contains(body, "invalid_blocks") {
		t.Errorf("bad blocks: %s", body)
	}
	if body := respond(t, c.ResponseURL, `{"text":"fifth"}`); body != "ok" {
		t.Errorf("fifth use: %s", body)
	}
	if body := respond(t, c.ResponseURL, `{"text":"sixth"}`); !strings.Contains(body, "used_url") {
		t.Errorf("sixth use: %s", body)
	}
	if body := respond(t, command.ResponseURL, `{"text":"not an original","replace_original":true}`); body != "ok" {
		t.Errorf("answering the command: %s", body)
	}
	if body := respond(t, command.ResponseURL+"x", `{"text":"x"}`); !strings.Contains(body, "invalid_url") {
		t.Errorf("made-up address: %s", body)
	}
}

func respond(t *testing.T, url, body string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	return answer(t, r)
}

func TestAcknowledgementsAreOnRecord(t *testing.T) {
	w := start(t, slack.Config{})
	w.connect(t).always(t, map[string]any{"text": "hunter2"})
	if _, err := w.SlashCommand(t.Context(), ann, ops, "/rotate", ""); err != nil {
		t.Fatal(err)
	}
	for q := range w.Requests.All() {
		if q.Method == "SOCKET" && bytes.Contains(q.Raw(), []byte("hunter2")) {
			return
		}
	}
	t.Error("the acknowledgement is not on record")
}

func TestLostAnswerLeavesTheMessage(t *testing.T) {
	w := start(t, slack.Config{})
	w.Faults.Inject("lost", wire.Fault{Match: wire.Match{Path: "/api/chat.postMessage"}, Limit: 1, Do: wire.Lose()})
	if _, _, err := w.api.PostMessageContext(t.Context(), ops, slackgo.MsgOptionText("once", false)); err == nil {
		t.Error("there was an answer")
	}
	if got := texts(w.Messages(ops)); got != "once" {
		t.Errorf("channel holds %q", got)
	}
}
