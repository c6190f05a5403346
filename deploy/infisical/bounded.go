package infisical

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/go-resty/resty/v2"

	"rekey/internal/fault"
)

// bounded makes one call of the SDK, with an HTTP client made for it alone. The
// SDK knows neither contexts nor bounds; the client's transport does, so the
// call ends with ctx, after the time limit, or with an answer beyond the bound.
func bounded[T any](ctx context.Context, c sdkClient, op string, call func(*resty.Client) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	l := &leash{ctx: ctx, over: http.DefaultTransport}
	if c.over != nil {
		l.over = c.over
	}
	client := resty.NewWithClient(&http.Client{Transport: l, CheckRedirect: stay})
	client.SetBaseURL(c.site+"/api").SetHeader("User-Agent", userAgent)
	got, err := call(client)
	var none T
	switch {
	case l.pulled:
		return none, &fault.Error{Op: op, Reason: fault.TooLarge}
	case err != nil && ctx.Err() != nil:
		return none, timedOut(ctx, op)
	case err != nil:
		return none, sdkFault(op, err)
	}
	return got, nil
}

// leash is the transport of one call. All of the call happens in the
// goroutine that makes it.
type leash struct {
	ctx    context.Context
	over   http.RoundTripper
	pulled bool // the answer was longer than the bound
}

// RoundTrip implements [http.RoundTripper].
func (l *leash) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.over.RoundTrip(r.WithContext(l.ctx))
	if err == nil {
		resp.Body = &shortBody{ReadCloser: resp.Body, left: maxBody, leash: l}
	}
	return resp, err
}

// shortBody is an answer that ends in an error where the bound is passed.
type shortBody struct {
	io.ReadCloser
	left  int64
	leash *leash
}

var errTooLarge = errors.New("the answer is too large")

// Read implements [io.Reader].
func (b *shortBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if b.left -= int64(n); b.left < 0 {
		b.leash.pulled = true
		return 0, errTooLarge
	}
	return n, err
}

// stay does not follow a redirect: the client secret would go along.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// timedOut is a call that nobody waits for any more. The class is that of a
// read; what it means for a write is decided where the write is known.
func timedOut(ctx context.Context, op string) error {
	f := &fault.Error{Op: op, Class: fault.Again, Reason: fault.TimedOut, Err: ctx.Err()}
	if errors.Is(ctx.Err(), context.Canceled) {
		f.Reason = fault.Interrupted
	}
	return f
}
