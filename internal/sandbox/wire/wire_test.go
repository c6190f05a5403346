package wire_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox/wire"
)

// world is a server behind a tap that counts how often the real handler ran.
type world struct {
	wire.Recorder
	wire.Faults
	handled atomic.Int32
	url     string
}

func start(t *testing.T, tap wire.Tap) *world {
	t.Helper()
	w := &world{}
	tap.Recorder, tap.Faults = &w.Recorder, &w.Faults
	srv := httptest.NewServer(tap.Wrap(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.handled.Add(1)
		body, _ := io.ReadAll(r.Body)
		wire.JSON(rw, http.StatusOK, map[string]string{"got": string(body)})
	})))
	t.Cleanup(srv.Close)
	w.url = srv.URL
	return w
}

// post returns status and body, or 0 and the error.
func (w *world) post(ctx context.Context, path, body string) (int, string, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+path, strings.NewReader(body))
	if err != nil {
		return 0, "", err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b), err
}

func TestRecorderKeepsWhatFaultsDestroy(t *testing.T) {
	w := start(t, wire.Tap{})
	w.Inject("gone", wire.Fault{Do: wire.Drop()})
	if _, _, err := w.post(t.Context(), "/a", "first"); err == nil {
		t.Fatal("a dropped connection gave an answer")
	}
	if w.handled.Load() != 0 {
		t.Error("the handler saw a dropped request")
	}
	var bodies []string
	for q := range w.All() {
		bodies = append(bodies, string(q.Body))
	}
	if diff := cmp.Diff([]string{"first"}, bodies); diff != "" {
		t.Errorf("recorded bodies (-want +got):\n%s", diff)
	}
}

func TestActions(t *testing.T) {
	for _, c := range []struct {
		name    string
		do      wire.Action
		status  int // 0: no answer at all
		body    string
		handled int32
	}{
		{"answer", wire.Answer(503, nil, "busy"), 503, "busy", 0},
		{"html", wire.HTML(), 200, "<h1>Sign in", 0},
		{"too many", wire.TooMany(1500*time.Millisecond, `{"ok":false}`), 429, `{"ok":false}`, 0},
		{"huge", wire.Huge(300 << 10), 200, strings.Repeat("x", 300<<10) + `"}`, 0},
		{"delay", wire.Delay(time.Nanosecond), 200, `{"got":"x"}`, 1},
		{"drop", wire.Drop(), 0, "", 0},
		{"lose", wire.Lose(), 0, "", 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := start(t, wire.Tap{})
			w.Inject("it", wire.Fault{Do: c.do})
			status, body, _ := w.post(t.Context(), "/a", "x")
			if status != c.status || !strings.Contains(body, c.body) {
				t.Errorf("answer %d with %d bytes, want %d containing %d", status, len(body), c.status, len(c.body))
			}
			if w.handled.Load() != c.handled {
				t.Errorf("handled %d times, want %d", w.handled.Load(), c.handled)
			}
			if got := w.Fired("it"); got != 1 {
				t.Errorf("fired %d times, want 1", got)
			}
		})
	}
}

func TestTooManyRoundsRetryAfterUp(t *testing.T) {
	w := httptest.NewRecorder()
	wire.TooMany(1001*time.Millisecond, "")(wire.Turn{W: w})
	if got := w.Header().Get("Retry-After"); got != "2" {
		t.Errorf("Retry-After %q, want 2", got)
	}
}

func TestSkipAndLimitHoldUnderARace(t *testing.T) {
	w := start(t, wire.Tap{})
	w.Inject("some", wire.Fault{Match: wire.Match{Path: "/x/*"}, Skip: 3, Limit: 5, Do: wire.Answer(500, nil, "")})
	var refused atomic.Int32
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if status, _, _ := w.post(t.Context(), "/x/y", ""); status == 500 {
				refused.Add(1)
			}
		})
	}
	wg.Wait()
	if refused.Load() != 5 || w.handled.Load() != 15 {
		t.Errorf("refused %d and handled %d of 20, want 5 and 15", refused.Load(), w.handled.Load())
	}
}

func TestFirstInjectedFiresAndOthersStillCount(t *testing.T) {
	w := start(t, wire.Tap{})
	w.Inject("first", wire.Fault{Limit: 1, Do: wire.Answer(501, nil, "")})
	w.Inject("second", wire.Fault{Skip: 1, Limit: 1, Match: wire.Match{
		Method: http.MethodPost,
		When:   func(q wire.Request) bool { return bytes.Contains(q.Body, []byte("x")) },
	}, Do: wire.Answer(502, nil, "")})
	var got []int
	for _, body := range []string{"x", "none", "x", "x"} {
		status, _, _ := w.post(t.Context(), "/", body)
		got = append(got, status)
	}
	if diff := cmp.Diff([]int{501, 200, 502, 200}, got); diff != "" {
		t.Errorf("statuses (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"first", "second"}, w.Names()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestHangUntilClearedOrGivenUp(t *testing.T) {
	w := start(t, wire.Tap{})
	arrived := make(chan struct{}, 2)
	w.OnRequest(func(wire.Request) { arrived <- struct{}{} })
	w.Inject("hang", wire.Fault{Do: wire.Hang()})

	ctx, giveUp := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { _, _, err := w.post(ctx, "/", "impatient"); gone <- err }()
	<-arrived
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("impatient client got %v, want its own cancellation", err)
	}

	patient := make(chan int, 1)
	go func() { status, _, _ := w.post(t.Context(), "/", "patient"); patient <- status }()
	<-arrived
	if fired := w.Clear("hang"); fired == 0 {
		t.Error("the fault had not fired when cleared")
	}
	if status := <-patient; status != http.StatusOK {
		t.Errorf("patient client got %d, want 200", status)
	}
}

func TestBeforeAndAfterSurroundTheEffect(t *testing.T) {
	w := start(t, wire.Tap{})
	var seen []int32
	note := func() { seen = append(seen, w.handled.Load()) }
	w.Inject("before", wire.Fault{Limit: 1, Do: wire.Before(note)})
	if status, _, err := w.post(t.Context(), "/", ""); status != 200 {
		t.Fatalf("status %d, %v", status, err)
	}
	w.Inject("after", wire.Fault{Limit: 1, Do: wire.After(note)})
	if status, body, _ := w.post(t.Context(), "/", "b"); status != 200 || !strings.Contains(body, `"got":"b"`) {
		t.Fatalf("status %d body %q", status, body)
	}
	if diff := cmp.Diff([]int32{0, 2}, seen); diff != "" {
		t.Errorf("handled when called (-want +got):\n%s", diff)
	}
}

func TestRecorderBoundAndScrub(t *testing.T) {
	c := wire.Recorder{MaxBytes: 3000, Scrub: func(q *wire.Request) {
		q.Header.Del("Authorization")
		q.Body = bytes.ReplaceAll(q.Body, []byte("token"), nil)
	}}
	mine := http.Header{"Authorization": {"Bearer token"}, "X-Kept": {"yes"}}
	body := []byte("token" + strings.Repeat("y", 995))
	for range 4 {
		c.Record(wire.Request{Method: "POST", Path: "/p", Header: mine, Body: body})
	}
	if c.Count() != 4 || c.Dropped() == 0 {
		t.Errorf("count %d dropped %d, want 4 and some", c.Count(), c.Dropped())
	}
	kept := 0
	for q := range c.All() {
		kept++
		if raw := q.Raw(); bytes.Contains(raw, []byte("token")) || !bytes.Contains(raw, []byte("X-Kept: yes")) {
			t.Errorf("recorded as %q", raw)
		}
	}
	if kept+c.Dropped() != 4 {
		t.Errorf("kept %d and dropped %d, want 4 together", kept, c.Dropped())
	}
	if mine.Get("Authorization") == "" || !bytes.HasPrefix(body, []byte("token")) {
		t.Error("scrubbing changed the caller's request")
	}
}

func TestRawUnescapesForms(t *testing.T) {
	q := wire.Request{
		Path:   "/a%3Ab",
		Query:  "q=c%3Ad",
		Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}},
		Body:   []byte(url.Values{"blocks": {`[{"text":"e:f"}]`}}.Encode()),
	}
	for _, want := range []string{"/a:b", "c:d", `"e:f"`, "blocks=%5B"} {
		if !bytes.Contains(q.Raw(), []byte(want)) {
			t.Errorf("raw text lacks %q:\n%s", want, q.Raw())
		}
	}
}

func TestBodyTooLongIsRefusedAndRecorded(t *testing.T) {
	w := start(t, wire.Tap{MaxBody: 4})
	if status, _, _ := w.post(t.Context(), "/", "12345"); status != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d, want 413", status)
	}
	if status, _, _ := w.post(t.Context(), "/", "1234"); status != http.StatusOK {
		t.Errorf("status %d, want 200", status)
	}
	for q := range w.All() {
		if want := q.Seq == 1; q.Truncated != want || string(q.Body) != "1234" {
			t.Errorf("request %d truncated %t body %q", q.Seq, q.Truncated, q.Body)
		}
	}
}

func TestOnRequestStops(t *testing.T) {
	var c wire.Recorder
	calls := 0
	stop := c.OnRequest(func(wire.Request) { calls++ })
	c.Record(wire.Request{})
	stop()
	c.Record(wire.Request{})
	if calls != 1 {
		t.Errorf("called %d times, want 1", calls)
	}
}

func TestReadJSON(t *testing.T) {
	var v struct{ A int }
	if err := wire.ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader("")), &v); err != nil || v.A != 0 {
		t.Errorf("empty body: %v %+v", err, v)
	}
	if err := wire.ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(`{"a":3}`)), &v); err != nil || v.A != 3 {
		t.Errorf("body: %v %+v", err, v)
	}
	if err := wire.ReadJSON(httptest.NewRequest("POST", "/", strings.NewReader(`<html>`)), &v); err == nil {
		t.Error("a web page was taken for JSON")
	}
}
