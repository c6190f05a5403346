package slack_test

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/sandbox/slack"
)

// pipes is a network inside a bubble: each dial is a pair of pipes, on which
// waiting counts as idle, as on a real socket it does not.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
}

func (p pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p pipes) Close() error { close(p.closed); return nil }

func (p pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (p pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accept <- theirs:
		return ours, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// connected opens one socket in a bubble and hands the envelopes' payloads to
// answer, which says how long to wait before the acknowledgement.
func connected(t *testing.T, s *slack.Server, answer func(payload map[string]any) time.Duration) {
	t.Helper()
	network := pipes{make(chan net.Conn), make(chan struct{})}
	srv := &http.Server{Handler: s.Handler()}
	served := make(chan struct{})
	go func() { _ = srv.Serve(network); close(served) }()
	t.Cleanup(func() { _ = srv.Close(); <-served })

	r := httptest.NewRequest("POST", "http://pipe/api/apps.connections.open", nil)
	r.Header.Set("Authorization", "Bearer "+appToken)
	rec := httptest.NewRecorder()
	s.Handler().ServeHTTP(rec, r)
	var opened struct{ URL string }
	if err := json.Unmarshal(rec.Body.Bytes(), &opened); err != nil {
		t.Fatal(err)
	}
	conn, _, err := websocket.Dial(t.Context(), opened.URL, &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: &http.Transport{DialContext: network.dial}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			_, frame, err := conn.Read(context.Background())
			if err != nil {
				return
			}
			var e struct {
				ID      string         `json:"envelope_id"`
				Payload map[string]any `json:"payload"`
			}
			if json.Unmarshal(frame, &e) == nil && e.ID != "" {
				go func() {
					<-time.After(answer(e.Payload))
					_ = conn.Write(context.Background(), websocket.MessageText, []byte(`{"envelope_id":"`+e.ID+`"}`))
				}()
			}
		}
	}()
	t.Cleanup(func() { _ = conn.CloseNow(); <-ended })
	if err := s.Wait(t.Context(), func(p slack.Snapshot) bool { return p.Sockets == 1 }); err != nil {
		t.Fatal(err)
	}
}

// TestDeadlinesWithRealLimits holds the three seconds and the half hour from
// both sides.
func TestDeadlinesWithRealLimits(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		var wait time.Duration
		var last map[string]any
		connected(t, s, func(payload map[string]any) time.Duration { last = payload; return wait })
		typed := func() error {
			_, err := s.SlashCommand(t.Context(), ann, ops, "/rotate", "")
			return err
		}
		spend := func() error { return s.SpendTrigger(last["trigger_id"].(string)) }

		wait = 2999 * time.Millisecond
		if err := typed(); err != nil {
			t.Fatalf("acknowledged just in time: %v", err)
		}
		if err := spend(); err != nil {
			t.Errorf("trigger just in time: %v", err)
		}
		wait = 3001 * time.Millisecond
		if err := typed(); !errors.Is(err, slack.ErrOperationTimeout) {
			t.Errorf("acknowledged too late: %v", err)
		}
		<-time.After(time.Second)
		if err := spend(); err == nil || err.Error() != "trigger_expired" {
			t.Errorf("trigger too late: %v", err)
		}
		if got := s.Stats(); got.Late != 1 || got.Acked != 1 || got.Failed != 1 {
			t.Errorf("stats %+v", got)
		}

		post := func() string {
			r := httptest.NewRequest("POST", last["response_url"].(string), strings.NewReader(`{"text":"x"}`))
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			s.Handler().ServeHTTP(rec, r)
			return rec.Body.String()
		}
		<-time.After(29 * time.Minute)
		if got := post(); got != "ok" {
			t.Errorf("after 29 minutes: %s", got)
		}
		<-time.After(time.Minute)
		if got := post(); !strings.Contains(got, "expired_url") {
			t.Errorf("after 30 minutes: %s", got)
		}
	})
}

func TestSnapshotAnswersQuestions(t *testing.T) {
	bubble(t, slack.Config{}, func(t *testing.T, s *slack.Server) {
		root, err := s.Say(ann, ops, "", "root")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Say(bob, ops, root, "reply"); err != nil {
			t.Fatal(err)
		}
		p := s.Snapshot()
		if got := texts(p.Thread(ops, root)); got != "root|reply" {
			t.Errorf("thread %q", got)
		}
		m, ok := p.Find(func(m slack.Message) bool { return m.User == bob })
		if !ok || m.Text != "reply" {
			t.Errorf("found %+v", m)
		}
		if _, ok := p.Find(func(slack.Message) bool { return false }); ok {
			t.Error("found what is not there")
		}
		if _, err := s.Say(ann, ops, "", "later"); err != nil || len(p.Messages[ops]) != 2 {
			t.Errorf("a snapshot of two messages has %d now, %v", len(p.Messages[ops]), err)
		}
		var ids []string
		for _, u := range s.Users() {
			ids = append(ids, u.ID)
		}
		if got := strings.Join(ids, " "); got != "U0ANN U0BOB U0BOT USLACKBOT" || len(s.Channels()) != 1 {
			t.Errorf("users %s, %d channels", got, len(s.Channels()))
		}
	})
}
