package wire

import (
	"bytes"
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Answer replaces the handler's answer; the handler never sees the request.
// Header may be nil; Content-Type is then guessed from the body.
func Answer(status int, header http.Header, body string) Action {
	return func(t Turn) {
		maps.Copy(t.W.Header(), header)
		t.W.WriteHeader(status)
		_, _ = t.W.Write([]byte(body))
	}
}

// HTML answers 200 with a web page, as a proxy or a login page in between does.
func HTML() Action {
	page := "<!doctype html><html><head><title>Sign in</title></head><body><h1>Sign in to continue</h1></body></html>"
	return Answer(http.StatusOK, http.Header{"Content-Type": {"text/html; charset=utf-8"}}, page)
}

// TooMany answers 429 with Retry-After in whole seconds, rounded up.
func TooMany(after time.Duration, body string) Action {
	seconds := int((after + time.Second - 1) / time.Second)
	return Answer(http.StatusTooManyRequests, http.Header{
		"Retry-After":  {strconv.Itoa(seconds)},
		"Content-Type": {"application/json; charset=utf-8"},
	}, body)
}

// Huge answers 200 with a JSON string of about n bytes, sent in pieces, until
// the client has had enough.
func Huge(n int64) Action {
	return func(t Turn) {
		t.W.Header().Set("Content-Type", "application/json; charset=utf-8")
		piece := strings.Repeat("x", 64<<10)
		_, err := t.W.Write([]byte(`{"padding":"`))
		for left := n; left > 0 && err == nil; left -= int64(len(piece)) {
			_, err = t.W.Write([]byte(piece[:min(left, int64(len(piece)))]))
		}
		_, _ = t.W.Write([]byte(`"}`))
	}
}

// Delay waits before handling, or until the fault is cleared or the client has
// given up; a request whose client gave up is not handled.
func Delay(d time.Duration) Action {
	return func(t Turn) {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-t.Released:
		case <-t.R.Context().Done():
			panic(http.ErrAbortHandler)
		}
		t.Next.ServeHTTP(t.W, t.R)
	}
}

// Hang holds the request until the fault is cleared and handles it then; a
// request whose client gave up first is never handled.
func Hang() Action {
	return func(t Turn) {
		select {
		case <-t.Released:
			t.Next.ServeHTTP(t.W, t.R)
		case <-t.R.Context().Done():
			panic(http.ErrAbortHandler)
		}
	}
}

// Drop closes the connection before the request has any effect.
func Drop() Action {
	return func(Turn) { panic(http.ErrAbortHandler) }
}

// Lose handles the request and then closes the connection without an answer:
// the effect is there, and the client cannot know.
func Lose() Action {
	return func(t Turn) {
		t.Next.ServeHTTP(&held{header: http.Header{}}, t.R)
		panic(http.ErrAbortHandler)
	}
}

// Before calls fn and then handles the request as usual.
func Before(fn func()) Action {
	return func(t Turn) {
		fn()
		t.Next.ServeHTTP(t.W, t.R)
	}
}

// After handles the request, calls fn, and only then sends the answer: fn runs
// when the effect is there and the client does not know it yet.
func After(fn func()) Action {
	return func(t Turn) {
		h := &held{header: http.Header{}}
		t.Next.ServeHTTP(h, t.R)
		fn()
		h.send(t.W)
	}
}

// held is an answer kept back.
type held struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (h *held) Header() http.Header { return h.header }

func (h *held) WriteHeader(status int) {
	if h.status == 0 {
		h.status = status
	}
}

func (h *held) Write(p []byte) (int, error) {
	h.WriteHeader(http.StatusOK)
	return h.body.Write(p)
}

func (h *held) send(w http.ResponseWriter) {
	maps.Copy(w.Header(), h.header)
	h.WriteHeader(http.StatusOK)
	w.WriteHeader(h.status)
	_, _ = w.Write(h.body.Bytes())
}
