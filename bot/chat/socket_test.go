package chat

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/rotation/event"
)

// line2slack is Slack's end of the socket: it hands out envelopes and keeps
// the acknowledgements.
type line2slack struct {
	slack *fakeSlack
	conn  *websocket.Conn
	opens int
	acks  map[string]json.RawMessage // payload by envelope
}

func (l *line2slack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	conn.SetReadLimit(1 << 20)
	_ = conn.Write(r.Context(), websocket.MessageText, []byte(`{"type":"hello","num_connections":1}`))
	l.slack.with(func() { l.conn, l.opens = conn, l.opens+1 })
	for {
		_, body, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var ack struct {
			ID      string          `json:"envelope_id"`
			Payload json.RawMessage `json:"payload"`
		}
		if json.Unmarshal(body, &ack) == nil {
			l.slack.with(func() { l.acks[ack.ID] = append(ack.Payload, ' ') })
		}
	}
}

// send delivers one envelope on the newest connection.
func (l *line2slack) send(t *testing.T, id, kind string, payload any) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"envelope_id": id, "type": kind, "payload": payload, "accepts_response_payload": kind != "events_api"})
	if err != nil {
		t.Fatal(err)
	}
	l.raw(t, string(body))
}

func (l *line2slack) raw(t *testing.T, body string) {
	t.Helper()
	l.slack.mu.Lock()
	conn := l.conn
	l.slack.mu.Unlock()
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func (l *line2slack) acked(id string) func() bool {
	return func() bool { _, ok := l.acks[id]; return ok }
}

// live is a world with a real listener and Run under way.
type live struct {
	*world
	line   *line2slack
	server *httptest.Server
	echo   *echo
	result chan error
	cancel context.CancelFunc
}

func newLive(t *testing.T, changes ...func(*Config)) *live {
	t.Helper()
	l := &live{echo: &echo{}, result: make(chan error, 1)}
	var server *httptest.Server
	l.world = newWorld(t, func(c *Config) {
		c.HTTP, c.Coalesce, c.RetryFirst, c.RetryMax = nil, time.Millisecond, time.Millisecond, 5*time.Millisecond
		c.PollCards = time.Hour
	})
	l.line = &line2slack{slack: l.slack, acks: map[string]json.RawMessage{}}
	l.slack.socket = l.line
	server = httptest.NewServer(l.slack)
	t.Cleanup(server.Close)
	l.server = server
	l.config.APIURL = server.URL + "/api/"
	for _, change := range changes {
		change(&l.config)
	}
	chat, err := New(l.config, l.store)
	if err != nil {
		t.Fatal(err)
	}
	l.chat = chat
	l.store.change, l.engine.change, l.log.change = l.slack.changed, l.slack.changed, l.slack.changed
	return l
}

func (l *live) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l.cancel = cancel
	go func() { l.result <- l.chat.Run(ctx, l.engine, l.echo) }()
	t.Cleanup(func() {
		cancel()
		select {
		case err := <-l.result:
			if err != nil {
				t.Errorf("Run: %v", err)
			}
		case <-time.After(30 * time.Second):
			t.Error("Run did not end")
		}
	})
	l.slack.await(t, "connected", func() bool { return l.line.opens > 0 })
}

func slash(l *live, command, text string) map[string]any {
	return map[string]any{"command": command, "text": text, "user_id": "U0ANNA", "team_id": "T1", "channel_id": channel, "response_url": l.server.URL + "/hook/1", "trigger_id": "1.2.3"}
}

func TestACommandIsAcknowledgedThenAnswered(t *testing.T) {
	l := newLive(t)
	l.echo.hold = make(chan struct{})
	l.run(t)
	l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", "FAL_KEY"))
	l.slack.await(t, "acknowledged", l.line.acked("e1"))
	if ack := string(l.line.acks["e1"]); !strings.Contains(ack, "Looking at") || !strings.Contains(ack, "ephemeral") || strings.Contains(ack, "FAL_KEY") {
		t.Errorf("acknowledged with %s", ack)
	}
	if len(l.slack.answers) > 0 {
		t.Error("answered before the answer was there")
	}
	close(l.echo.hold)
	l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
	var answer struct {
		Type, Text string
		Kind       string `json:"response_type"`
		Blocks     []any
	}
	if err := json.Unmarshal([]byte(l.slack.answers[0]), &answer); err != nil || answer.Kind != "ephemeral" || len(answer.Blocks) == 0 || !strings.Contains(answer.Text, "answered T1/U0ANNA, starter true") {
		t.Errorf("answered %s (%v)", l.slack.answers[0], err)
	}
}

func TestWhoMayStart(t *testing.T) {
	tests := map[string]struct {
		starters People
		user     map[string]any
		want     string
	}{
		"every member":   {want: "starter true"},
		"on the list":    {starters: People{Users: []string{"U0ANNA"}}, want: "starter true"},
		"off the list":   {starters: People{Users: []string{"U0BEN"}}, want: "starter false"},
		"in the group":   {starters: People{Group: "S0SECOPS"}, want: "starter false"},
		"nobody can say": {starters: People{Group: "S0GONE"}, want: "could not find out who you are"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := newLive(t, func(c *Config) { c.Starters = tt.starters })
			l.run(t)
			l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", ""))
			l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
			if !strings.Contains(l.slack.answers[0], tt.want) {
				t.Errorf("answered %s", l.slack.answers[0])
			}
		})
	}
}

// A pasted key reaches the answerer, which refuses it, and nothing else: not
// the log, not Slack, not even when Slack cannot say who pasted it.
func TestAPastedKeyGoesNowhere(t *testing.T) {
	pasted := "sk-ant-api03-Zm9vYmFyYmF6cXV4-AA"
	l := newLive(t, func(c *Config) { c.Starters = People{Group: "S0GONE"} })
	l.slack.fail("users.info", fault{status: 500})
	l.run(t)
	l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", pasted))
	l.line.raw(t, `{"envelope_id":"e2","type":"slash_commands","payload":{"command":["`+pasted+`"]}}`)
	l.slack.await(t, "both acknowledged", func() bool { return l.line.acked("e1")() && l.line.acked("e2")() && len(l.slack.answers) == 1 })
	if len(l.echo.got) != 1 || l.echo.got[0].Text != pasted {
		t.Errorf("the answerer got %d requests", len(l.echo.got))
	}
	everything := l.log.String() + strings.Join(l.slack.answers, "") + fmt.Sprint(l.slack.calls) + string(l.line.acks["e1"])
	for _, form := range secret.Forms(pasted) {
		if strings.Contains(everything, form) {
			t.Errorf("the pasted key went on")
		}
	}
}

func TestAnswersGoToSlackOnly(t *testing.T) {
	l := newLive(t)
	strangers := 0
	stranger := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { strangers++ }))
	defer stranger.Close()
	l.run(t)
	for i, target := range []string{stranger.URL + "/hook/1", "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "not a url\x7f", ""} {
		id := fmt.Sprintf("e%d", i)
		payload := slash(l, "/rotate", "")
		payload["response_url"] = target
		l.line.send(t, id, "slash_commands", payload)
		l.slack.await(t, "acknowledged", l.line.acked(id))
	}
	l.line.send(t, "last", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "the honest one answered", func() bool { return len(l.slack.answers) == 1 })
	l.cancel()
	if strangers > 0 {
		t.Error("an answer went elsewhere")
	}
	if err := l.chat.trusted("https://hooks.slack.com/commands/T1/2/3"); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerIsTriedAgain(t *testing.T) {
	l := newLive(t)
	l.slack.fail("hook", fault{status: 503}, fault{status: 200})
	l.run(t)
	l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "answered again", func() bool { return len(l.slack.answers) == 2 })
}

func reaction(kind, user, emoji, ts string, more map[string]any) map[string]any {
	payload := map[string]any{"type": "event_callback", "team_id": "T1", "event_id": "Ev1", "event": map[string]any{
		"type": kind, "user": user, "reaction": emoji, "item": map[string]any{"type": "message", "channel": channel, "ts": ts}, "event_ts": "1.1"}}
	for name, value := range more {
		payload[name] = value
	}
	return payload
}

func (l *live) liveCard(t *testing.T) string {
	t.Helper()
	l.store.tell(key, event.Event{Kind: event.Started})
	l.ask(1)
	l.slack.await(t, "the card is posted and seeded", func() bool {
		m := l.slack.at(channel, l.ref("card/1"))
		return m != nil && len(m.reactions["x"]) == 1
	})
	return l.ref("card/1")
}

func TestAReactionIsStoredThenAcknowledgedThenCounted(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.slack.react(ts, "white_check_mark", "U0BEN")
	l.line.send(t, "e1", "events_api", reaction("reaction_added", "U0BEN", "white_check_mark", ts, nil))
	l.slack.await(t, "acknowledged and approved", func() bool {
		r, _ := l.engine.Load(t.Context(), key)
		return l.line.acked("e1")() && r.Card.State == rotation.CardApproved
	})
	l.slack.await(t, "the card is closed", func() bool { return strings.Contains(l.slack.at(channel, ts).text, "approved") })
}

// An event says nothing by itself: what it claims and the card does not show
// is not counted, however often and in whatever order it comes.
func TestEventsAreOnlyHints(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	for i, payload := range []map[string]any{
		reaction("reaction_added", "U0BEN", "white_check_mark", ts, nil),
		reaction("reaction_removed", "U0BEN", "white_check_mark", ts, nil),
		reaction("reaction_added", "U0BEN", "white_check_mark", ts, nil),
		reaction("reaction_added", "U0BEN", "white_check_mark", "1699999999.000001", nil),
		reaction("reaction_added", "U0BEN", "white_check_mark", l.ref("root"), nil),
		reaction("reaction_added", us, "white_check_mark", ts, nil),
		reaction("reaction_added", "U0BEN", "white_check_mark", ts, map[string]any{"is_ext_shared_channel": true}),
	} {
		id := fmt.Sprintf("e%d", i)
		l.line.send(t, id, "events_api", payload)
		l.slack.await(t, "acknowledged "+id, l.line.acked(id))
	}
	l.slack.await(t, "every hint is settled", func() bool { l.store.mu.Lock(); defer l.store.mu.Unlock(); return len(l.store.hints) == 0 })
	r, _ := l.engine.Load(t.Context(), key)
	if r.Card.State != rotation.CardOpen {
		t.Errorf("the card is %s", r.Card.State)
	}
	if !strings.Contains(l.log.String(), "shared with another company") {
		t.Error("a reaction from a shared channel went unnoticed")
	}
}

func TestWithoutTheStoreNothingIsAcknowledged(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.slack.react(ts, "white_check_mark", "U0BEN")
	l.store.mu.Lock()
	l.store.down = errStoreDown
	l.store.mu.Unlock()
	l.line.send(t, "e1", "events_api", reaction("reaction_added", "U0BEN", "white_check_mark", ts, nil))
	l.line.send(t, "e2", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "the command is acknowledged", l.line.acked("e2"))
	l.store.mu.Lock()
	l.store.down = nil
	l.store.mu.Unlock()
	l.line.send(t, "e1", "events_api", reaction("reaction_added", "U0BEN", "white_check_mark", ts, map[string]any{"retry_attempt": 1}))
	l.slack.await(t, "the repeated event is taken", func() bool {
		r, _ := l.engine.Load(t.Context(), key)
		return l.line.acked("e1")() && r.Card.State == rotation.CardApproved
	})
	if n := strings.Count(l.log.String(), "the store is away"); n == 0 {
		t.Error("the outage was not logged")
	}
}

func TestReactionsMadeWhileAwayAreFound(t *testing.T) {
	l := newLive(t)
	l.run(t)
	ts := l.liveCard(t)
	l.slack.react(ts, "white_check_mark", "U0BEN") // and no event
	l.line.raw(t, `{"type":"disconnect","reason":"refresh_requested"}`)
	l.slack.await(t, "connected again, and approved", func() bool {
		r, _ := l.engine.Load(t.Context(), key)
		return l.line.opens == 2 && r.Card.State == rotation.CardApproved
	})
	if strings.Contains(l.log.String(), "level=ERROR") {
		t.Errorf("an ordinary refresh is called an error:\n%s", l.log)
	}
}

func TestTheSocketBreaksInTheMiddle(t *testing.T) {
	l := newLive(t)
	l.run(t)
	l.slack.mu.Lock()
	conn := l.line.conn
	l.slack.mu.Unlock()
	_ = conn.CloseNow()
	l.slack.await(t, "connected again", func() bool { return l.line.opens == 2 })
	l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
}

func TestUnknownEnvelopesAreAcknowledged(t *testing.T) {
	l := newLive(t)
	l.run(t)
	l.line.raw(t, `{"envelope_id":"e1","type":"something_new","payload":{}}`)
	l.line.raw(t, `{"envelope_id":"e2","type":"events_api","payload":{"type":"event_callback","event":{"type":"never_heard_of"}}}`)
	l.line.raw(t, `{"envelope_id":"e3","type":"interactive","payload":{"type":"block_actions","user":{"id":"U0BEN"},"response_url":"`+l.server.URL+`/hook/9","actions":[{"type":"button","action_id":"x","block_id":"y"}]}}`)
	l.line.raw(t, `{"envelope_id":"e4","type":"events_api","payload":{"type":"event_callback","event":{"type":"subteam_members_changed","subteam_id":"S0SECOPS"}}}`)
	l.line.raw(t, `not json at all`)
	l.line.send(t, "e5", "slash_commands", slash(l, "/rotate", ""))
	for _, id := range []string{"e1", "e2", "e3", "e4", "e5"} {
		l.slack.await(t, "acknowledged "+id, l.line.acked(id))
	}
	l.slack.await(t, "the click and the command are answered", func() bool { return len(l.slack.answers) == 2 })
	if all := strings.Join(l.slack.answers, ""); !strings.Contains(all, "no such button") {
		t.Errorf("answers: %s", all)
	}
}

// With every worker busy the reader goes on: what has no room is left for
// Slack to send again, and the connection lives.
func TestABusyPoolDropsInsteadOfBlocking(t *testing.T) {
	l := newLive(t, func(c *Config) { c.Workers = 1 })
	l.run(t)
	l.store.mu.Lock() // a store that does not answer
	for i := range 30 {
		l.line.send(t, fmt.Sprintf("e%d", i), "events_api", reactionOn("1700000000.000100"))
	}
	l.slack.await(t, "something is dropped", func() bool { return l.chat.Dropped() > 0 })
	l.line.send(t, "meanwhile", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "a command is acknowledged meanwhile", l.line.acked("meanwhile"))
	l.store.mu.Unlock()
	l.slack.await(t, "what was taken is acknowledged, the rest dropped", func() bool { return len(l.line.acks)-1+int(l.chat.Dropped()) == 30 })
	l.line.send(t, "after", "events_api", reactionOn("1700000000.000100"))
	l.slack.await(t, "still alive", l.line.acked("after"))
	if l.line.opens != 1 {
		t.Errorf("%d connections", l.line.opens)
	}
}

func reactionOn(ts string) map[string]any {
	return map[string]any{"type": "event_callback", "team_id": "T1", "event": map[string]any{
		"type": "reaction_added", "user": "U0BEN", "reaction": "white_check_mark", "item": map[string]any{"type": "message", "channel": channel, "ts": ts},
	}}
}

// However many commands come, each is acknowledged, and each that was told so is
// answered; the others are told that nothing was done.
func TestTooManyCommandsAreToldSo(t *testing.T) {
	l := newLive(t, func(c *Config) { c.Workers = 1 })
	l.echo.hold = make(chan struct{})
	l.run(t)
	const all = atDesk + 50
	for i := range all {
		l.line.send(t, fmt.Sprintf("e%d", i), "slash_commands", slash(l, "/rotate", ""))
	}
	l.slack.await(t, "all acknowledged", func() bool { return len(l.line.acks) == all })
	taken := 0
	for _, ack := range l.line.acks {
		switch text := string(ack); {
		case strings.Contains(text, lookingText):
			taken++
		case !strings.Contains(text, "nothing was changed"):
			t.Errorf("acknowledged with %s", text)
		}
	}
	if taken < atDesk || taken == all {
		t.Errorf("%d of %d were taken", taken, all)
	}
	close(l.echo.hold)
	l.slack.await(t, "every one that was taken is answered", func() bool { return len(l.slack.answers) == taken })
	if l.chat.Dropped() > 0 {
		t.Errorf("%d were dropped", l.chat.Dropped())
	}
}

func TestFatalAnswersEndTheLoop(t *testing.T) {
	for _, word := range []string{"invalid_auth", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type", "missing_scope"} {
		for _, method := range []string{"auth.test", "apps.connections.open"} {
			t.Run(word+" by "+method, func(t *testing.T) {
				l := newLive(t)
				l.slack.fail(method, fault{word: word})
				err := l.chat.Run(t.Context(), l.engine, l.echo)
				var fatal *fatalError
				if !errors.As(err, &fatal) || fatal.code != word {
					t.Errorf("Run returned %v", err)
				}
			})
		}
	}
}

func TestPassingTroubleDoesNot(t *testing.T) {
	l := newLive(t)
	l.slack.fail("auth.test", fault{status: 500}, fault{word: "fatal_error"}, fault{body: `{"ok":true}`})
	l.slack.fail("apps.connections.open", fault{status: 503}, fault{word: "internal_error"})
	l.run(t)
	l.line.send(t, "e1", "slash_commands", slash(l, "/rotate", ""))
	l.slack.await(t, "answered", func() bool { return len(l.slack.answers) == 1 })
}
