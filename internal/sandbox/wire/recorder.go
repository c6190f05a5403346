package wire

import (
	"bytes"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// DefaultRecord is how many bytes of requests a [Recorder] keeps when its
// MaxBytes is zero: 64 MiB.
const DefaultRecord = 64 << 20

// Request is one request as a server received it.
type Request struct {
	Seq       int // 1 for the first request of this recorder
	Time      time.Time
	Method    string
	Path      string // as sent, still escaped
	Query     string // raw, without the question mark
	Header    http.Header
	Body      []byte
	Truncated bool // the body was longer than the tap accepts
}

// Raw is the whole request as one text, for a search for leaked values: request
// line, headers and body as sent, and then, because a value inside JSON inside a
// form is escaped twice, path, query and form fields once more unescaped.
func (r Request) Raw() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s?%s\n", r.Method, r.Path, r.Query)
	_ = r.Header.Write(&b) // a bytes.Buffer takes everything
	b.WriteByte('\n')
	b.Write(r.Body)
	if path, err := url.PathUnescape(r.Path); err == nil {
		fmt.Fprintf(&b, "\n%s\n", path)
	}
	writeFields(&b, r.Query)
	if strings.HasPrefix(r.Header.Get("Content-Type"), formType) {
		writeFields(&b, string(r.Body))
	}
	return b.Bytes()
}

const formType = "application/x-www-form-urlencoded"

// writeFields writes what can be decoded of a query or form; the rest was
// written as sent already.
func writeFields(b *bytes.Buffer, encoded string) {
	fields, _ := url.ParseQuery(encoded)
	for name, values := range fields {
		for _, v := range values {
			fmt.Fprintf(b, "%s=%s\n", name, v)
		}
	}
}

// size estimates the memory the request holds on to.
func (r Request) size() int {
	n := 256 + len(r.Path) + len(r.Query) + len(r.Body)
	for name, values := range r.Header {
		n += len(name)
		for _, v := range values {
			n += len(v)
		}
	}
	return n
}

// Recorder keeps the requests a server received, oldest first, up to a bound of
// memory. The zero value is ready; set its fields before the first request.
type Recorder struct {
	// MaxBytes bounds the memory of all requests kept; the oldest go first.
	// Zero means DefaultRecord.
	MaxBytes int

	// Scrub, if set, takes out what a request must carry and must not be
	// counted as a leak, such as the token of the service itself. It gets a
	// copy and may change it, header and body included.
	Scrub func(*Request)

	mu      sync.Mutex
	kept    []Request
	bytes   int
	seq     int
	dropped int
	hooks   map[int]func(Request)
	hook    int
}

// Record adds one request and then calls the hooks set by OnRequest, on the
// caller's goroutine. It returns the request as recorded.
func (c *Recorder) Record(q Request) Request {
	if c.Scrub != nil {
		q.Header = q.Header.Clone()
		q.Body = slices.Clone(q.Body)
		c.Scrub(&q)
	}
	q, hooks := c.add(q)
	for _, fn := range hooks {
		fn(q)
	}
	return q
}

func (c *Recorder) add(q Request) (Request, []func(Request)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seq++
	q.Seq = c.seq
	c.kept = append(c.kept, q)
	c.bytes += q.size()
	for c.bytes > c.limit() && len(c.kept) > 1 {
		c.bytes -= c.kept[0].size()
		c.kept[0] = Request{} // lets the body be collected before the slice is
		c.kept = c.kept[1:]
		c.dropped++
	}
	hooks := make([]func(Request), 0, len(c.hooks))
	for id := range c.hook { // in the order they were set
		if fn, ok := c.hooks[id]; ok {
			hooks = append(hooks, fn)
		}
	}
	return q, hooks
}

func (c *Recorder) limit() int {
	if c.MaxBytes > 0 {
		return c.MaxBytes
	}
	return DefaultRecord
}

// OnRequest calls fn for every later request, after it was written down and
// before it is handled, on the goroutine that serves it: whatever fn does is
// done before the request has any effect. The returned function ends that.
func (c *Recorder) OnRequest(fn func(Request)) (stop func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.hooks == nil {
		c.hooks = map[int]func(Request){}
	}
	id := c.hook
	c.hook++
	c.hooks[id] = fn
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		delete(c.hooks, id)
	}
}

// All yields the requests kept at the time of the call, oldest first. The
// caller must not change their headers or bodies.
func (c *Recorder) All() iter.Seq[Request] {
	c.mu.Lock()
	kept := slices.Clone(c.kept)
	c.mu.Unlock()
	return slices.Values(kept)
}

// Count is the number of requests received, kept or not.
func (c *Recorder) Count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.seq
}

// Dropped is the number of requests no longer kept. A search for leaks that
// must be complete fails when it is not zero.
func (c *Recorder) Dropped() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dropped
}
