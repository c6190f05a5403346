//go:build !release

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// workspace is a Slack written for one purpose from Slack's own pages
// (https://docs.slack.dev/apis/events-api/using-socket-mode and
// https://docs.slack.dev/reference/methods), and from nothing of the sandbox's:
// a second opinion on whether the bot speaks to Slack, or only to its sandbox.
// It knows the least that a rotation needs and answers everything else with
// unknown_method.
type workspace struct {
	t    *testing.T
	base string // scheme and host it is reached at

	mu        sync.Mutex
	posts     []*note
	private   []string // what single people were told
	acked     map[string]time.Time
	sent      map[string]time.Time
	conn      *websocket.Conn
	count     int
	unknown   map[string]int
	news      chan struct{} // closed and replaced whenever something changed
	appToken  string
	botToken  string
	approvers []string
}

// note is a message.
type note struct {
	TS, Thread, Text, Blocks string
	Marks                    map[string][]string // people by emoji
}

const (
	ownTeam    = "T0BLACKBOX"
	ownUser    = "U0REKEYBOT"
	ownChannel = "C0BLACKBOX"
	asker      = "U0ASKER"
	judge      = "U0JUDGE"
	ownGroup   = "S0JUDGES"
)

func newWorkspace(t *testing.T) *workspace {
	t.Helper()
	return &workspace{t: t, acked: map[string]time.Time{}, sent: map[string]time.Time{}, unknown: map[string]int{}, news: make(chan struct{}),
		appToken: "xapp-1-A0BLACKBOX-9b1f", botToken: "xoxb-77-9c2e", approvers: []string{judge}}
}

func (s *workspace) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.URL.Path == "/link":
		s.link(w, r)
	case strings.HasPrefix(r.URL.Path, "/answer/"):
		body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
		s.change(func() { s.private = append(s.private, string(body)) })
		_, _ = io.WriteString(w, "ok")
	default:
		s.method(w, r)
	}
}

// change does something under the lock and wakes whoever waits.
func (s *workspace) change(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
	close(s.news)
	s.news = make(chan struct{})
}

// until waits for something to be true.
func (s *workspace) until(ctx context.Context, what string, holds func() bool) {
	s.t.Helper()
	for {
		s.mu.Lock()
		news, there := s.news, holds()
		s.mu.Unlock()
		if there {
			return
		}
		select {
		case <-news:
		case <-ctx.Done():
			s.t.Fatalf("waiting until %s: %v\n%s", what, context.Cause(ctx), s.told())
		}
	}
}

func (s *workspace) told() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var b strings.Builder
	for _, n := range s.posts {
		fmt.Fprintf(&b, "%s (thread %q): %s %v\n", n.TS, n.Thread, n.Text, n.Marks)
	}
	return b.String() + strings.Join(s.private, "\n")
}

// answer is the body of a Web API answer; nil stands for a method nobody knows.
type answer map[string]any

func (s *workspace) method(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimPrefix(r.URL.Path, "/api/")
	_ = r.ParseForm() // a JSON body is no form, and leaves it empty
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	if token == "" {
		token = r.PostForm.Get("token")
	}
	var a answer
	s.change(func() { a = s.do(name, token, r) })
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(a)
}

func (s *workspace) do(name, token string, r *http.Request) answer {
	want := s.botToken
	if name == "apps.connections.open" {
		want = s.appToken
	}
	if token != want {
		return answer{"ok": false, "error": "invalid_auth"}
	}
	if channel := r.PostForm.Get("channel"); channel != "" && channel != ownChannel {
		return answer{"ok": false, "error": "channel_not_found"}
	}
	if a := s.post(name, r); a != nil {
		return a
	}
	switch name {
	case "auth.test":
		return answer{"ok": true, "url": "https://blackbox.slack.com/", "team": "Black Box", "user": "rekey", "team_id": ownTeam, "user_id": ownUser, "bot_id": "B0BLACKBOX"}
	case "apps.connections.open":
		return answer{"ok": true, "url": "ws" + strings.TrimPrefix(s.base, "http") + "/link?ticket=1"}
	case "users.info":
		id := r.PostForm.Get("user")
		return answer{"ok": true, "user": answer{"id": id, "team_id": ownTeam, "name": strings.ToLower(id), "deleted": false, "is_bot": id == ownUser}}
	case "usergroups.users.list":
		return answer{"ok": true, "users": s.approvers}
	case "conversations.info":
		return answer{"ok": true, "channel": answer{"id": ownChannel, "name": "rotations", "is_channel": true, "is_member": true}}
	}
	s.unknown[name]++
	return answer{"ok": false, "error": "unknown_method"}
}

// post answers the methods about messages; nil for another one.
func (s *workspace) post(name string, r *http.Request) answer {
	form := r.PostForm
	switch name {
	case "chat.postMessage":
		s.count++
		n := &note{TS: fmt.Sprintf("17%08d.%06d", s.count, s.count), Thread: form.Get("thread_ts"), Marks: map[string][]string{}}
		n.Text, n.Blocks = form.Get("text"), form.Get("blocks")
		s.posts = append(s.posts, n)
		return answer{"ok": true, "channel": ownChannel, "ts": n.TS, "message": answer{"type": "message", "ts": n.TS, "text": n.Text}}
	case "chat.postEphemeral":
		s.private = append(s.private, form.Get("text"))
		return answer{"ok": true, "message_ts": "1.1"}
	case "chat.update", "reactions.add", "reactions.get":
		return s.about(name, r)
	}
	return nil
}

// about answers the methods about one message.
func (s *workspace) about(name string, r *http.Request) answer {
	ts := r.PostForm.Get("ts") + r.PostForm.Get("timestamp")
	at := slices.IndexFunc(s.posts, func(n *note) bool { return n.TS == ts })
	if at < 0 {
		return answer{"ok": false, "error": "message_not_found"}
	}
	n := s.posts[at]
	switch name {
	case "chat.update":
		n.Text, n.Blocks = r.PostForm.Get("text"), r.PostForm.Get("blocks")
		return answer{"ok": true, "channel": ownChannel, "ts": ts, "text": n.Text}
	case "reactions.add":
		emoji := r.PostForm.Get("name")
		if slices.Contains(n.Marks[emoji], ownUser) {
			return answer{"ok": false, "error": "already_reacted"}
		}
		n.Marks[emoji] = append(n.Marks[emoji], ownUser)
		return answer{"ok": true}
	}
	var marks []answer
	for emoji, people := range n.Marks {
		marks = append(marks, answer{"name": emoji, "count": len(people), "users": people})
	}
	return answer{"ok": true, "type": "message", "channel": ownChannel, "message": answer{"type": "message", "ts": ts, "text": n.Text, "reactions": marks}}
}

// link is the socket: a greeting, pings, envelopes one way and their ids back.
func (s *workspace) link(w http.ResponseWriter, r *http.Request) {
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{OriginPatterns: []string{"api.slack.com"}}) // what Slack clients send
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	hello := `{"type":"hello","num_connections":1,"debug_info":{"host":"blackbox","approximate_connection_time":3600},"connection_info":{"app_id":"A0BLACKBOX"}}`
	if conn.Write(r.Context(), websocket.MessageText, []byte(hello)) != nil {
		return
	}
	s.change(func() { s.conn = conn })
	go s.ping(r.Context(), conn)
	for {
		_, frame, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		var ack struct {
			ID string `json:"envelope_id"`
		}
		if err := json.Unmarshal(frame, &ack); err != nil || ack.ID == "" {
			s.t.Errorf("a frame that is no acknowledgement: %s", frame)
			continue
		}
		s.change(func() { s.acked[ack.ID] = time.Now() })
	}
}

// ping ends with the connection: its context is the request's.
func (s *workspace) ping(ctx context.Context, conn *websocket.Conn) {
	beat := time.NewTicker(5 * time.Second)
	defer beat.Stop()
	for {
		select {
		case <-beat.C:
			if conn.Ping(ctx) != nil {
				return
			}
		case <-ctx.Done():
			return
		}
	}
}

// envelope sends one and returns its id.
func (s *workspace) envelope(ctx context.Context, kind string, payload answer) string {
	s.t.Helper()
	var conn *websocket.Conn
	id := ""
	s.change(func() {
		s.count++
		id, conn = fmt.Sprintf("envelope-%d", s.count), s.conn
		s.sent[id] = time.Now()
	})
	body, err := json.Marshal(answer{"envelope_id": id, "type": kind, "accepts_response_payload": kind != "events_api", "payload": payload})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := conn.Write(ctx, websocket.MessageText, body); err != nil {
		s.t.Fatal(err)
	}
	return id
}

// types is a person typing a command.
func (s *workspace) types(ctx context.Context, person, command, text string) {
	s.t.Helper()
	s.envelope(ctx, "slash_commands", answer{
		"token": "-", "team_id": ownTeam, "team_domain": "blackbox", "channel_id": ownChannel, "channel_name": "rotations", "user_id": person, "user_name": person,
		"command": command, "text": text, "api_app_id": "A0BLACKBOX", "response_url": s.base + "/answer/" + text, "trigger_id": fmt.Sprintf("%d.1", time.Now().UnixNano()),
	})
}

// marks is a person reacting to a message.
func (s *workspace) marks(ctx context.Context, person string, n *note, emoji string) {
	s.t.Helper()
	s.change(func() { n.Marks[emoji] = append(n.Marks[emoji], person) })
	s.envelope(ctx, "events_api", answer{
		"token": "-", "team_id": ownTeam, "api_app_id": "A0BLACKBOX", "type": "event_callback", "event_id": "Ev" + n.TS, "event_time": time.Now().Unix(),
		"event": answer{"type": "reaction_added", "user": person, "reaction": emoji, "item_user": ownUser, "event_ts": "1.2",
			"item": answer{"type": "message", "channel": ownChannel, "ts": n.TS}},
	})
}

// find returns the first message that fits; the lock is held.
func (s *workspace) find(fits func(*note) bool) *note {
	if at := slices.IndexFunc(s.posts, fits); at >= 0 {
		return s.posts[at]
	}
	return nil
}
