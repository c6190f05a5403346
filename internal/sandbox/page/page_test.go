package page

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox/slack"
)

const channel, ann = "C0TEST", "U0ANN"

// planted is a secret value that somebody puts where it does not belong.
const planted = "0badc0de-secret-value-0badc0de"

// stage is a page over a small workspace.
type stage struct {
	*testing.T
	slack *slack.Server
	page  *Page
	url   string
	end   context.CancelFunc // ends the page, not its server
}

func set(t *testing.T) *stage {
	t.Helper()
	s := &stage{T: t, slack: slack.New(slack.Config{})}
	t.Cleanup(s.slack.Close)
	s.slack.AddChannel(slack.Channel{ID: channel, Name: "rotations", BotIn: true})
	s.slack.AddUser(slack.User{ID: ann, Name: "ann"})
	s.page = New(Options{
		Slack: s.slack, Channel: channel, Cast: []Person{{ID: ann, Name: "ann"}}, Every: time.Hour, // the tests tell it when to look
		Look:   func() World { return World{Keys: []Key{{ID: "k1", Alias: "named " + planted}}} },
		Count:  func() []Load { return []Load{{"staging", 3, 1}, {"production", 4, 0}} },
		Issued: func() []string { return []string{planted, "short"} },
	})
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); s.page.Run(ctx) }()
	s.end = func() { cancel(); <-done }
	server := httptest.NewServer(Guard(s.page))
	t.Cleanup(func() { s.end(); server.Close() })
	s.url = server.URL
	return s
}

func (s *stage) says(text string) string {
	s.Helper()
	ts, err := s.slack.Say(ann, channel, "", text)
	if err != nil {
		s.Fatal(err)
	}
	return ts
}

// event is one event as a browser gets it.
type event struct{ kind, id, data string }

// reader is an open stream.
type reader struct {
	*stage
	lines *bufio.Scanner
	close func()
}

func (s *stage) reads(last string) *reader {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	s.Cleanup(cancel)
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+"/page/stream", nil)
	if err != nil {
		s.Fatal(err)
	}
	if last != "" {
		q.Header.Set("Last-Event-ID", last)
	}
	res, err := http.DefaultClient.Do(q)
	if err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() { _ = res.Body.Close() })
	if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != "text/event-stream" {
		s.Fatalf("the stream answers %s, %s", res.Status, res.Header.Get("Content-Type"))
	}
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, 4<<20)
	return &reader{s, lines, cancel}
}

// next returns the next event; ok is false at the end of the stream.
func (r *reader) next() (e event, ok bool) {
	for r.lines.Scan() {
		name, value, _ := strings.Cut(r.lines.Text(), ": ")
		switch name {
		case "event":
			e.kind = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e.kind != "" {
				return e, true
			}
		}
	}
	return e, false
}

// wants reads the next event and fails if it is of another kind.
func (r *reader) wants(kind string) event {
	r.Helper()
	e, ok := r.next()
	if !ok || e.kind != kind {
		r.Fatalf("the next event is %q (%v), not %q", e.kind, r.lines.Err(), kind)
	}
	return e
}

func (r *reader) text(e event) string {
	r.Helper()
	var m slack.Message
	if err := json.Unmarshal([]byte(e.data), &m); err != nil {
		r.Fatalf("event %s: %v", e.kind, err)
	}
	return m.Text
}

func TestStreamBeginsWithAPictureAndGoesOnWithWhatChanged(t *testing.T) {
	s := set(t)
	first := s.says("before anybody looked")
	r := s.reads("")
	var p picture
	if err := json.Unmarshal([]byte(r.wants("picture").data), &p); err != nil {
		t.Fatal(err)
	}
	if len(p.Messages) != 1 || p.Messages[0].TS != first || p.Channel.Name != "rotations" || p.Names[ann] != "ann" {
		t.Errorf("the picture: %+v", p)
	}
	if p.Pulse.Requests != 7 || p.Pulse.Failed != 1 || p.Pulse.Connected {
		t.Errorf("the counters: %+v", p.Pulse)
	}
	if diff := cmp.Diff([]string{"U0BOT"}, p.Bots); diff != "" {
		t.Errorf("bots (-want +got):\n%s", diff)
	}
	s.says("later")
	if got := r.text(r.wants("message")); got != "later" {
		t.Errorf("told of %q", got)
	}
	if err := s.slack.React(ann, channel, first, "x"); err != nil {
		t.Fatal(err)
	}
	if e := r.wants("message"); !strings.Contains(e.data, `"reactions":[{"name":"x"`) {
		t.Errorf("a reaction was told as %s", e.data)
	}
	if err := s.slack.Remove(channel, first); err != nil {
		t.Fatal(err)
	}
	if e := r.wants("gone"); e.data != `{"ts":"`+first+`"}` {
		t.Errorf("a deletion was told as %s", e.data)
	}
}

// TestModalsAreTold: a modal is on the stream and in the picture until it is
// gone, masked like everything; a Home tab is not, for the page draws none.
func TestModalsAreTold(t *testing.T) {
	s := set(t)
	r := s.reads("")
	r.wants("picture")
	v := slack.View{
		ID: "V1", Kind: "modal", User: ann, Title: "Why?", Private: "opaque",
		Blocks: json.RawMessage(`[{"type":"input","block_id":"why"}]`), Errors: map[string]string{"why": "not " + planted},
	}
	s.page.follow(slack.Change{Kind: slack.Viewed, View: slack.View{ID: "V2", Kind: "home", User: ann, Blocks: json.RawMessage(`[]`)}})
	s.page.follow(slack.Change{Kind: slack.Viewed, View: v})
	e := r.wants("view")
	if !strings.Contains(e.data, `"id":"V1"`) || !strings.Contains(e.data, "not "+masked) || strings.Contains(e.data, "opaque") {
		t.Errorf("a modal was told as %s", e.data)
	}
	var p picture
	if err := json.Unmarshal([]byte(s.reads("").wants("picture").data), &p); err != nil || len(p.Views) != 1 || p.Views[0].ID != "V1" {
		t.Errorf("the picture has %+v, %v", p.Views, err)
	}
	s.page.follow(slack.Change{Kind: slack.Unviewed, View: v})
	if e := r.wants("unview"); e.data != `{"id":"V1"}` {
		t.Errorf("a closed modal was told as %s", e.data)
	}
	s.page.follow(slack.Change{Kind: slack.Unviewed, View: v}) // of one that is gone nothing is told
	s.says("later")
	r.wants("message")
}

func TestReaderResumesWhereItWas(t *testing.T) {
	s := set(t)
	r := s.reads("")
	r.wants("picture")
	s.says("one")
	seen := r.wants("message").id
	r.close()
	s.says("two")
	s.says("three")
	other := s.reads("") // has come at least as far as the page has
	for p := (picture{}); len(p.Messages) < 3; {
		e, ok := other.next()
		switch {
		case !ok:
			t.Fatal("the other reader's stream ended")
		case e.kind == "picture":
			if err := json.Unmarshal([]byte(e.data), &p); err != nil {
				t.Fatal(err)
			}
		default:
			p.Messages = append(p.Messages, slack.Message{})
		}
	}

	again := s.reads(seen)
	if a, b := again.text(again.wants("message")), again.text(again.wants("message")); a != "two" || b != "three" {
		t.Errorf("after %s came %q and %q", seen, a, b)
	}
	for _, unknown := range []string{"otherrun-3", seen + "000", "-1", "nonsense", strings.Split(seen, "-")[0] + "--1"} {
		s.reads(unknown).wants("picture")
	}
}

func TestReaderTooFarBehindGetsAPicture(t *testing.T) {
	s := newStory(Options{Channel: channel, Slack: set(t).slack})
	s.begin(slack.Snapshot{})
	_, at, _ := s.since(place{})
	for i := range keptEvents + 1 {
		s.put(slack.Message{Channel: channel, TS: fmt.Sprintf("%010d.000000", i)})
	}
	news, _, _ := s.since(at)
	if len(news) != 1 || news[0].kind != "picture" {
		t.Fatalf("%d events, the first a %s", len(news), news[0].kind)
	}
	if n := len(s.events); n > keptEvents {
		t.Errorf("%d events are kept", n)
	}
	var p picture
	if err := json.Unmarshal(news[0].data, &p); err != nil || len(p.Messages) != keptMessages {
		t.Errorf("the picture has %d messages, %v", len(p.Messages), err)
	}
}

func TestOnlyTheNewestStateIsTold(t *testing.T) {
	s := newStory(Options{Channel: channel, Slack: set(t).slack})
	s.begin(slack.Snapshot{})
	began := time.Unix(1e9, 0)
	s.see(World{}, nil, 0, began)
	_, at, _ := s.since(place{})
	for i := 1; i <= 3; i++ {
		s.see(World{Faults: []Fault{{Fired: i}}}, []Load{{Requests: 10 * i, Failed: i - 1}}, 1, began.Add(time.Duration(i)*time.Second))
	}
	news, at, _ := s.since(at)
	var kinds []string
	for _, f := range news {
		kinds = append(kinds, f.kind)
	}
	if diff := cmp.Diff([]string{"world", "pulse"}, kinds); diff != "" {
		t.Fatalf("told (-want +got):\n%s", diff)
	}
	if !strings.Contains(string(news[0].data), `"fired":3`) || !strings.Contains(string(news[1].data), `"rate":10,"connected":true`) {
		t.Errorf("told %s and %s", news[0].data, news[1].data)
	}
	if diff := cmp.Diff([]sample{{10, 0}, {10, 1}, {10, 1}}, s.curve); diff != "" {
		t.Errorf("curve (-want +got):\n%s", diff)
	}
	s.see(World{Faults: []Fault{{Fired: 3}}}, []Load{{Requests: 30, Failed: 2}}, 1, began.Add(4*time.Second))
	if news, _, _ = s.since(at); len(news) != 1 || news[0].kind != "pulse" {
		t.Errorf("consoles that did not change were told again: %d", len(news))
	}
}

func TestSecretsAreMaskedWhereverTheyTurnUp(t *testing.T) {
	s := set(t)
	s.says("look: " + planted)
	r := s.reads("")
	first := r.wants("picture")
	s.says("and a short one, " + planted)
	second := r.wants("message")
	for _, e := range []event{first, second} {
		if strings.Contains(e.data, planted) || !strings.Contains(e.data, masked) || !json.Valid([]byte(e.data)) {
			t.Errorf("%s: %s", e.kind, e.data)
		}
	}
	if !strings.Contains(second.data, "and a short one") {
		t.Error("an ordinary word was masked")
	}
}

func TestReadersAreBoundedAndEndWithThePage(t *testing.T) {
	s := set(t)
	var all []*reader
	for range maxReaders {
		r := s.reads("")
		r.wants("picture")
		all = append(all, r)
	}
	res, err := http.Get(s.url + "/page/stream")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("reader %d got %s", maxReaders+1, res.Status)
	}
	s.end()
	for _, r := range all {
		for ok := true; ok; {
			_, ok = r.next()
		}
		if err := r.lines.Err(); err != nil {
			t.Errorf("a stream was cut: %v", err)
		}
	}
}

func TestGuard(t *testing.T) {
	inside := http.HandlerFunc(func(out http.ResponseWriter, _ *http.Request) { out.WriteHeader(http.StatusTeapot) })
	guarded := Guard(inside)
	const through, refused, unfit = http.StatusTeapot, http.StatusForbidden, http.StatusUnsupportedMediaType
	json := []string{"Content-Type", "application/json"}
	for _, c := range []struct {
		name, method, host string
		header             []string
		want               int
	}{
		{"the page's own stream", "GET", "127.0.0.1:99", nil, through},
		{"by another loopback name", "GET", "localhost:99", nil, through},
		{"without a port", "GET", "[::1]", nil, through},
		{"a name that was pointed here", "GET", "evil.example:99", nil, refused},
		{"a name that looks local", "GET", "127.0.0.1.evil.example", nil, refused},
		{"an address of the network", "GET", "192.168.0.7:99", nil, refused},
		{"the page's own click", "POST", "127.0.0.1:99", append(json, "Sec-Fetch-Site", "same-origin", "Origin", "http://127.0.0.1:99"), through},
		{"a script without a page", "POST", "127.0.0.1:99", json, through},
		{"a form of another page", "POST", "127.0.0.1:99", []string{"Content-Type", "text/plain", "Sec-Fetch-Site", "cross-site"}, refused},
		{"another page's JSON", "POST", "127.0.0.1:99", append(json, "Sec-Fetch-Site", "cross-site"), refused},
		{"another port of this machine", "POST", "127.0.0.1:99", append(json, "Sec-Fetch-Site", "same-site"), refused},
		{"an old browser on another page", "POST", "127.0.0.1:99", append(json, "Origin", "http://evil.example"), refused},
		{"a page without an origin", "POST", "127.0.0.1:99", append(json, "Origin", "null"), refused},
		{"another page's deletion", "DELETE", "127.0.0.1:99", []string{"Sec-Fetch-Site", "cross-site"}, refused},
		{"not declared as JSON", "POST", "127.0.0.1:99", nil, unfit},
		{"declared as a form", "POST", "127.0.0.1:99", []string{"Content-Type", "application/x-www-form-urlencoded"}, unfit},
		{"declared as what only begins like JSON", "POST", "127.0.0.1:99", []string{"Content-Type", "application/jsonp"}, unfit},
	} {
		q := httptest.NewRequest(c.method, "/people/react", nil)
		q.Host = c.host
		for i := 0; i < len(c.header); i += 2 {
			q.Header.Set(c.header[i], c.header[i+1])
		}
		out := httptest.NewRecorder()
		guarded.ServeHTTP(out, q)
		if out.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, out.Code, c.want)
		}
	}
}

// TestPartsAreThereAndMakeNoMarkup reads what is embedded: nothing comes from
// elsewhere, every part that is named exists, and no text becomes markup.
func TestPartsAreThereAndMakeNoMarkup(t *testing.T) {
	s := set(t)
	markup := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|\beval\(|new Function|javascript:`)
	named := regexp.MustCompile(`(?:from|src=|href=|import|EventSource\() ?['"(]+([^'"]+)`)
	res, err := http.Get(s.url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	document, err := io.ReadAll(res.Body)
	if err != nil || !strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") {
		t.Fatalf("the document is %s, %v", res.Header.Get("Content-Type"), err)
	}
	files, err := fs.ReadDir(embedded, "assets")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		text, err := fs.ReadFile(embedded, "assets/"+f.Name())
		if err != nil {
			t.Fatal(err)
		}
		if ahead := `<link rel="modulepreload" href="/page/` + f.Name() + `">`; strings.HasSuffix(f.Name(), ".js") && !strings.Contains(string(document), ahead) {
			t.Errorf("%s is not asked for ahead", f.Name())
		}
		if found := markup.FindString(string(text)); found != "" {
			t.Errorf("%s has %s", f.Name(), found)
		}
		for _, m := range named.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "data:") || strings.HasPrefix(m[1], "#") || m[1] == "/state" || m[1] == "/page/stream" {
				continue
			}
			name := strings.TrimPrefix(strings.TrimPrefix(m[1], "/page/"), "./")
			if _, err := fs.Stat(embedded, "assets/"+name); err != nil {
				t.Errorf("%s names %s: %v", f.Name(), m[1], err)
			}
		}
		res, err := http.Get(s.url + "/page/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if h := res.Header; res.StatusCode != http.StatusOK || h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s is served as %s with %v", f.Name(), res.Status, h)
		}
	}
}
