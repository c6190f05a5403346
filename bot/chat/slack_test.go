package chat

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	botToken = "xoxb-1111111111-abcdefGHIJKL"
	appToken = "xapp-1-A0001-2222222222-mnopqrSTUVWX"
	channel  = "C0OPS"
	us       = "U0REKEY"
)

// fakeSlack is as much of Slack's Web API as the chat uses, over HTTP: forms
// in, JSON out. It serves a listener, or a client directly as its transport,
// so that tests can run on fake time.
type fakeSlack struct {
	mu       sync.Mutex
	users    map[string]map[string]any
	groups   map[string][]string
	channels map[string]map[string]any
	messages []*message
	whispers []whisper
	views    []map[string]any // opened
	answers  []string         // bodies posted to response URLs
	calls    []call
	faults   map[string][]fault
	clock    int
	files    []*file
	socket   http.Handler

	bell   sync.Mutex    // apart from mu, so that whoever holds another lock may ring
	change chan struct{} // closed at every change, then replaced
}

type message struct {
	ts, channel, thread, text string
	blocks, metadata          string
	edits                     int
	reactions                 map[string][]string
	file                      *file
	count                     map[string]int // what Slack claims, where it is not the number of people
}

type whisper struct{ user, channel, thread, text string }

type call struct {
	method string
	form   map[string]string
	at     time.Time
}

// fault spoils one call.
type fault struct {
	status int               // instead of an answer
	header map[string]string // beside it
	word   string            // ok:false with this error
	needed string
	body   string // instead of an answer, with status 200
	lost   bool   // done, and the answer never comes
	dial   bool   // nothing reached Slack
}

func newFakeSlack() *fakeSlack {
	s := &fakeSlack{
		change: make(chan struct{}), groups: map[string][]string{"S0SECOPS": {"U0BEN", "U0CARA"}},
		channels: map[string]map[string]any{channel: {"id": channel, "is_member": true}},
		users:    make(map[string]map[string]any), faults: make(map[string][]fault),
	}
	for _, id := range []string{"U0ANNA", "U0BEN", "U0CARA", "U0DAN"} {
		s.users[id] = map[string]any{"id": id, "team_id": "T1", "name": strings.ToLower(id[2:])}
	}
	s.users[us] = map[string]any{"id": us, "team_id": "T1", "is_bot": true}
	return s
}

func (s *fakeSlack) changed() {
	s.bell.Lock()
	defer s.bell.Unlock()
	close(s.change)
	s.change = make(chan struct{})
}

// with changes the workspace.
func (s *fakeSlack) with(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f()
	s.changed()
}

func (s *fakeSlack) fail(method string, faults ...fault) {
	s.with(func() { s.faults[method] = append(s.faults[method], faults...) })
}

// await waits until something is so.
func (s *fakeSlack) await(t *testing.T, what string, so func() bool) {
	t.Helper()
	ctx := t.Context()
	limit := time.NewTimer(10 * time.Second)
	defer limit.Stop()
	for {
		s.bell.Lock()
		change := s.change
		s.bell.Unlock()
		s.mu.Lock()
		ok := so()
		s.mu.Unlock()
		if ok {
			return
		}
		select {
		case <-change:
		case <-limit.C:
			s.mu.Lock()
			defer s.mu.Unlock()
			t.Fatalf("it never came to: %s\n%s", what, s.transcript())
		case <-ctx.Done():
			t.Fatal(ctx.Err())
		}
	}
}

func (s *fakeSlack) transcript() string {
	var b strings.Builder
	for _, m := range s.messages {
		fmt.Fprintf(&b, "%s thread=%q edits=%d %v: %s\n", m.ts, m.thread, m.edits, m.reactions, m.text)
	}
	for _, w := range s.whispers {
		fmt.Fprintf(&b, "to %s only: %s\n", w.user, w.text)
	}
	return b.String()
}

// RoundTrip serves a client without a network.
func (s *fakeSlack) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, r)
	switch rec.Header().Get("X-Fault") {
	case "lost":
		return nil, io.ErrUnexpectedEOF
	case "dial":
		return nil, dialError
	}
	return rec.Result(), nil
}

func (s *fakeSlack) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/socket" {
		s.socket.ServeHTTP(w, r)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.changed()
	if strings.HasPrefix(r.URL.Path, "/hook/") {
		body, _ := io.ReadAll(r.Body)
		s.answers = append(s.answers, string(body))
		if f, ok := s.spoiled("hook"); ok {
			w.WriteHeader(max(f.status, http.StatusOK))
		}
		return
	}
	if strings.HasPrefix(r.URL.Path, "/upload/") {
		s.takeBytes(w, r)
		return
	}
	method := strings.TrimPrefix(r.URL.Path, "/api/")
	_ = r.ParseForm()
	form := make(map[string]string)
	for name := range r.PostForm {
		form[name] = r.PostForm.Get(name)
	}
	s.calls = append(s.calls, call{method, form, time.Now()})
	if r.Header.Get("Authorization") == "" && form["token"] != botToken {
		reply(w, map[string]any{"ok": false, "error": "invalid_auth"})
		return
	}
	if f, ok := s.spoiled(method); ok && s.spoil(w, f, method, form) {
		return
	}
	reply(w, s.answer(method, form, r))
}

func (s *fakeSlack) spoiled(method string) (fault, bool) {
	waiting := s.faults[method]
	if len(waiting) == 0 {
		return fault{}, false
	}
	s.faults[method] = waiting[1:]
	return waiting[0], true
}

func (s *fakeSlack) spoil(w http.ResponseWriter, f fault, method string, form map[string]string) bool {
	for name, value := range f.header {
		w.Header().Set(name, value)
	}
	switch {
	case f.dial:
		w.Header().Set("X-Fault", "dial")
	case f.lost:
		s.answer(method, form, nil)
		w.Header().Set("X-Fault", "lost")
	case f.status != 0:
		w.WriteHeader(f.status)
		_, _ = io.WriteString(w, "<html>"+form["token"]+"</html>")
	case f.word != "":
		reply(w, map[string]any{"ok": false, "error": f.word, "needed": f.needed})
	case f.body != "":
		_, _ = io.WriteString(w, f.body)
	default:
		return false
	}
	return true
}

func reply(w http.ResponseWriter, body map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(body)
}

func no(word string) map[string]any { return map[string]any{"ok": false, "error": word} }

func (s *fakeSlack) answer(method string, form map[string]string, r *http.Request) map[string]any {
	switch method {
	case "auth.test":
		return map[string]any{"ok": true, "team_id": "T1", "user_id": us, "bot_id": "B1", "url": "https://acme.slack.com/"}
	case "apps.connections.open":
		return map[string]any{"ok": true, "url": "ws://" + r.Host + "/socket?ticket=once"}
	case "users.info":
		if u, ok := s.users[form["user"]]; ok {
			return map[string]any{"ok": true, "user": u}
		}
		return no("user_not_found")
	case "usergroups.users.list":
		if g, ok := s.groups[form["usergroup"]]; ok {
			return map[string]any{"ok": true, "users": g}
		}
		return no("no_such_subteam")
	case "conversations.info":
		if c, ok := s.channels[form["channel"]]; ok {
			return map[string]any{"ok": true, "channel": c}
		}
		return no("channel_not_found")
	case "views.open":
		var q struct {
			Trigger string         `json:"trigger_id"`
			View    map[string]any `json:"view"`
		}
		if r == nil || json.NewDecoder(r.Body).Decode(&q) != nil || q.Trigger != "1.2.3" {
			return no("invalid_trigger_id")
		}
		s.views = append(s.views, q.View)
		return map[string]any{"ok": true, "view": map[string]any{"id": "V1", "type": "modal"}}
	case "files.getUploadURLExternal", "files.completeUploadExternal":
		return s.onFiles(method, form)
	default:
		return s.onMessages(method, form)
	}
}

func (s *fakeSlack) onMessages(method string, form map[string]string) map[string]any {
	switch method {
	case "chat.postMessage":
		s.clock++
		m := &message{ts: fmt.Sprintf("1700000000.%06d", s.clock), channel: form["channel"], thread: form["thread_ts"], text: form["text"],
			blocks: form["blocks"], metadata: form["metadata"], reactions: make(map[string][]string), count: make(map[string]int)}
		s.messages = append(s.messages, m)
		return map[string]any{"ok": true, "channel": m.channel, "ts": m.ts}
	case "chat.postEphemeral":
		s.whispers = append(s.whispers, whisper{form["user"], form["channel"], form["thread_ts"], form["text"]})
		return map[string]any{"ok": true, "message_ts": "1700000000.999999"}
	case "conversations.history", "conversations.replies":
		return s.listed(method, form)
	}
	m := s.at(form["channel"], form["ts"]+form["timestamp"])
	switch {
	case m == nil:
		return no("message_not_found")
	case method == "chat.update":
		m.text, m.blocks = form["text"], form["blocks"]
		m.edits++
		return map[string]any{"ok": true, "channel": m.channel, "ts": m.ts, "text": m.text}
	case method == "reactions.add":
		if slices.Contains(m.reactions[form["name"]], us) {
			return no("already_reacted")
		}
		m.reactions[form["name"]] = append(m.reactions[form["name"]], us)
		return map[string]any{"ok": true}
	case method == "reactions.get":
		return map[string]any{"ok": true, "type": "message", "channel": m.channel, "message": map[string]any{"ts": m.ts, "text": m.text, "reactions": m.shown()}}
	default:
		return no("unknown_method")
	}
}

func (m *message) shown() []map[string]any {
	var list []map[string]any
	for _, name := range slices.Sorted(maps.Keys(m.reactions)) {
		if users := m.reactions[name]; len(users) > 0 {
			list = append(list, map[string]any{"name": name, "count": max(len(users), m.count[name]), "users": users})
		}
	}
	return list
}

func (s *fakeSlack) listed(method string, form map[string]string) map[string]any {
	var found []map[string]any
	for _, m := range s.messages {
		if method == "conversations.replies" && m.thread != form["ts"] || method == "conversations.history" && m.thread != "" {
			continue
		}
		entry := map[string]any{"ts": m.ts, "text": m.text}
		if m.file != nil {
			entry["files"] = []map[string]any{{"id": m.file.id, "name": m.file.name}}
		}
		if form["include_all_metadata"] != "" && m.metadata != "" {
			entry["metadata"] = json.RawMessage(m.metadata)
		}
		found = append(found, entry)
	}
	return map[string]any{"ok": true, "messages": found}
}

func (s *fakeSlack) at(channel, ts string) *message {
	for _, m := range s.messages {
		if m.channel == channel && m.ts == ts {
			return m
		}
	}
	return nil
}

// react adds somebody's reaction to a message.
func (s *fakeSlack) react(ts, emoji string, users ...string) {
	s.with(func() {
		m := s.at(channel, ts)
		m.reactions[emoji] = append(m.reactions[emoji], users...)
	})
}

// delete removes a message, as an administrator can.
func (s *fakeSlack) delete(ts string) {
	s.with(func() { s.messages = slices.DeleteFunc(s.messages, func(m *message) bool { return m.ts == ts }) })
}

// thread returns the texts of a thread, the root first.
func (s *fakeSlack) thread() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var texts []string
	for _, m := range s.messages {
		texts = append(texts, m.text)
	}
	return texts
}

func (s *fakeSlack) called(method string) []call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.calls), func(c call) bool { return c.method != method })
}
