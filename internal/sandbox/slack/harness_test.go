package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	slackgo "github.com/slack-go/slack"
	"github.com/slack-go/slack/socketmode"

	"rekey/internal/sandbox/slack"
)

const (
	botToken = "xoxb-sandbox-bot"
	appToken = "xapp-sandbox-app"
	ann      = "U0ANN"
	bob      = "U0BOB"
	ops      = "C0OPS"
)

// world is a server with a little workspace and a client for it.
type world struct {
	*slack.Server
	url string
	api *slackgo.Client
}

func start(t *testing.T, c slack.Config) *world {
	t.Helper()
	w := &world{Server: slack.New(c)}
	furnish(w.Server)
	srv := httptest.NewServer(w.Handler())
	w.url = srv.URL
	w.api = w.client(botToken, appToken)
	t.Cleanup(srv.Close)
	t.Cleanup(w.Close)
	return w
}

func furnish(s *slack.Server) {
	s.AddUser(slack.User{ID: ann, Name: "ann", RealName: "Ann Example"})
	s.AddUser(slack.User{ID: bob, Name: "bob"})
	s.AddChannel(slack.Channel{ID: ops, Name: "ops", BotIn: true})
	s.AddGroup(slack.Group{ID: "S0APPROVERS", Name: "approvers", Users: []string{ann, bob}})
}

func (w *world) client(bot, app string) *slackgo.Client {
	return slackgo.New(bot, slackgo.OptionAPIURL(w.url+"/api/"), slackgo.OptionAppLevelToken(app))
}

// limited changes Slack's own limits.
func limited(change func(*slack.Limits)) slack.Config {
	l := slack.RealLimits()
	change(&l)
	return slack.Config{Limits: &l}
}

func (w *world) post(t *testing.T, text string, more ...slackgo.MsgOption) string {
	t.Helper()
	_, ts, err := w.api.PostMessageContext(t.Context(), ops, append(more, slackgo.MsgOptionText(text, false))...)
	if err != nil || ts == "" {
		t.Fatalf("posting %q: ts %q, %v", text, ts, err)
	}
	return ts
}

// until waits for something to become true of the workspace.
func (w *world) until(t *testing.T, holds func(slack.Snapshot) bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := w.Wait(ctx, holds); err != nil {
		t.Fatalf("%v; stats %+v", err, w.Stats())
	}
}

// app is a Socket Mode client whose envelopes a test can read one by one.
type app struct {
	*socketmode.Client
	got chan socketmode.Event // envelopes only
}

// connect runs slack-go's client until the test ends and returns when the
// socket is open.
func (w *world) connect(t *testing.T, options ...socketmode.Option) *app {
	t.Helper()
	quiet := socketmode.OptionLog(log.New(io.Discard, "", 0))
	a := &app{Client: socketmode.New(w.api, append(options, quiet)...), got: make(chan socketmode.Event, 100)}
	open := w.Stats().Opened
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.RunContext(ctx) }()
	go func() {
		for {
			select {
			case e := <-a.Events:
				if e.Request != nil && e.Type != socketmode.EventTypeHello {
					a.got <- e
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; !errors.Is(err, context.Canceled) {
			t.Errorf("socket mode client ended with %v", err)
		}
	})
	w.until(t, func(p slack.Snapshot) bool { return p.Stats.Opened > open && p.Sockets > 0 })
	return a
}

// next is the next envelope the app got.
func (a *app) next(t *testing.T) socketmode.Event {
	t.Helper()
	select {
	case e := <-a.got:
		return e
	case <-time.After(20 * time.Second):
		t.Fatal("no envelope came")
		return socketmode.Event{}
	}
}

// always acknowledges everything, with a payload for what takes one.
func (a *app) always(t *testing.T, payload any) {
	ctx := t.Context()
	go func() {
		for {
			select {
			case e := <-a.got:
				if e.Request.AcceptsResponsePayload {
					_ = a.Ack(*e.Request, payload)
				} else {
					_ = a.Ack(*e.Request)
				}
			case <-ctx.Done():
				return
			}
		}
	}()
}

// raw is a socket without a client library: frames as they are.
type raw struct{ *websocket.Conn }

func (w *world) dial(t *testing.T, opts *websocket.DialOptions) raw {
	t.Helper()
	_, url, err := w.api.StartSocketModeContext(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.Dial(t.Context(), url, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.CloseNow() })
	return raw{conn}
}

func (r raw) frame(t *testing.T) map[string]any {
	t.Helper()
	_, frame, err := r.Read(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(frame, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func (r raw) send(t *testing.T, frame string) {
	t.Helper()
	if err := r.Write(t.Context(), websocket.MessageText, []byte(frame)); err != nil {
		t.Fatal(err)
	}
}

// wantCode asserts that err is Slack's refusal with this code.
func wantCode(t *testing.T, err error, code string) slackgo.SlackErrorResponse {
	t.Helper()
	var refused slackgo.SlackErrorResponse
	if !errors.As(err, &refused) || refused.Err != code {
		t.Errorf("got error %v, want %s", err, code)
	}
	return refused
}

func texts(list []slack.Message) string {
	var out []string
	for _, m := range list {
		out = append(out, m.Text)
	}
	return strings.Join(out, "|")
}
