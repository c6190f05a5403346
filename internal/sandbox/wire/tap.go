package wire

import (
	"bytes"
	"io"
	"net/http"
	"time"
)

// DefaultBody is the longest request body a [Tap] takes when its MaxBody is
// zero: 8 MiB.
const DefaultBody = 8 << 20

// Tap records requests and injects faults in front of a handler. Recorder and
// Faults may be nil.
type Tap struct {
	Recorder *Recorder
	Faults   *Faults
	MaxBody  int64 // bytes of a request body; longer ones get 413
}

// Wrap puts the tap before next. The handler can read the body as usual; the
// connection can still be taken over for a WebSocket unless a fault holds the
// answer back.
func (p Tap) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, err := p.read(r)
		if p.Recorder != nil {
			p.Recorder.Record(q)
		}
		switch {
		case err != nil:
			http.Error(w, "reading request body", http.StatusBadRequest)
			return
		case q.Truncated:
			http.Error(w, "request body too large", http.StatusRequestEntityTooLarge)
			return
		}
		if p.Faults != nil {
			if in := p.Faults.due(q); in != nil {
				in.Do(Turn{W: w, R: r, Next: next, Released: in.released})
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// read takes the whole request in and leaves the body readable again. What was
// read before an error is kept: a leak in half a body is a leak.
func (p Tap) read(r *http.Request) (Request, error) {
	limit := p.MaxBody
	if limit <= 0 {
		limit = DefaultBody
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	q := Request{
		Time:   time.Now(),
		Method: r.Method,
		Path:   r.URL.EscapedPath(),
		Query:  r.URL.RawQuery,
		Header: r.Header.Clone(),
		Body:   body,
	}
	if int64(len(body)) > limit {
		q.Body, q.Truncated = body[:limit], true
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return q, err
}
