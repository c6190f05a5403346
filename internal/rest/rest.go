// Package rest is a small JSON client for services that hold or issue secrets.
//
// # The model
//
// A [Client] calls one service; a [Call] is one request. The client bounds
// what the outside may do to us: every call has a timeout and a largest body,
// redirects to another host are refused and those of a write always, and an
// answer that is not the JSON asked for is an error, never an empty result.
//
// It classifies every failure once, here, where the status, the kind of call
// and whether anything was sent are known, as a [fault.Error]. It never
// quotes a response body, a header or a URL's query in an error, because each
// may hold a key.
//
// # What may run twice
//
// The client does not repeat a call: whether that is allowed is the caller's
// decision, from the class. (net/http itself sends a GET again, or a request
// with an Idempotency-Key header, when a kept-alive connection turns out to
// be closed.)
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey/internal/fault"
)

// Config of a [Client]. Zero fields mean the defaults named.
type Config struct {
	Base    string                             // base URL; https, or http on loopback only
	HTTP    *http.Client                       // copied; default: the zero http.Client
	Timeout time.Duration                      // of one call with its body, default 15 s
	MaxBody int64                              // bytes read of an answer, default 1 MiB
	Sign    func(r *http.Request, body []byte) // adds credentials to every call; may be nil
	Stay    bool                               // follow no redirect at all: an answer is this address's own
}

// Client calls one service. It may be used by several goroutines.
type Client struct {
	base    *url.URL
	http    *http.Client
	timeout time.Duration
	maxBody int64
	sign    func(*http.Request, []byte)
}

// Call is one request.
type Call struct {
	Op     string // in the gerund, for errors: "listing keys at fal.ai"
	Method string // default GET
	Path   string // appended to the base path: "" or "/…", segments already escaped
	Query  url.Values
	Body   any // encoded as JSON unless nil or []byte
	Header http.Header
	Sign   func(r *http.Request, body []byte) // adds this call's credentials, after Config.Sign; may be nil
	Write  bool                               // changes something: a lost answer is then fault.Lost
	OK     []int                              // accepted statuses, default 200
	// Refusal, when not nil, gets the JSON body of an answer whose status was
	// not accepted; a body that is something else leaves it as it was. A
	// *[]byte gets any body as it is, for services that do not speak JSON. It
	// is for deciding only: like every body it must not be quoted.
	Refusal any
}

// Answer is what came back beside the decoded body.
type Answer struct {
	Status int // 0 when no answer came
	Header http.Header
}

// New checks the base URL.
func New(c Config) (*Client, error) {
	base, err := ParseBase(c.Base)
	if err != nil {
		return nil, err
	}
	client := &Client{base: base, http: sameHostOnly(c.HTTP, c.Stay), timeout: c.Timeout, maxBody: c.MaxBody, sign: c.Sign}
	if client.timeout <= 0 {
		client.timeout = 15 * time.Second
	}
	if client.maxBody <= 0 {
		client.maxBody = 1 << 20
	}
	return client, nil
}

// Do makes the call and decodes the answer into out; a nil out accepts any
// body within the bound, a *[]byte gets it as it is. The error is always a [fault.Error]:
//
//   - 401, 403, 404, 409 and other refusals: Ask; 400 and 422: Never
//   - 429: Again, with what Retry-After asked for
//   - 5xx, no answer in time, a broken connection: Again for a read; for a
//     write Lost, unless nothing was ever sent
//   - an accepted status with a body that is too large or is not the JSON
//     wanted, or an unknown status below 400: Ask for a read, Lost for a write
//   - the caller's context cancelled: like a broken connection, but Interrupted
func (c *Client) Do(ctx context.Context, call Call, out any) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	ctx, wire := watched(ctx)
	req, err := c.request(ctx, call)
	if err != nil {
		return Answer{}, &fault.Error{Op: call.Op, Class: fault.Never, Reason: fault.Invalid, Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, transport(call, err, wire.neverSent(err))
	}
	defer func() { _ = resp.Body.Close() }()
	answer := Answer{Status: resp.StatusCode, Header: resp.Header}
	if !accepted(call.OK, resp.StatusCode) {
		said := c.refusal(resp.Body, call.Refusal)
		return answer, status(call, resp, page(said))
	}
	return answer, c.decode(call, resp, out)
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	target, err := c.target(call)
	if err != nil {
		return nil, err
	}
	body, err := encode(call.Body)
	if err != nil {
		return nil, err
	}
	method := call.Method
	if method == "" {
		method = http.MethodGet
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the method or the URL is malformed")
	}
	for name, values := range call.Header {
		for _, value := range values {
			req.Header.Add(name, value)
		}
	}
	req.Header.Set("Accept", "application/json")
	if call.Body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, sign := range []func(*http.Request, []byte){c.sign, call.Sign} {
		if sign != nil {
			sign(req, body)
		}
	}
	return req, nil
}

// target joins base, path and query. A path that could move the request to
// another host or smuggle in a query is refused.
func (c *Client) target(call Call) (string, error) {
	if call.Path != "" && (!strings.HasPrefix(call.Path, "/") || strings.ContainsAny(call.Path, "?#")) {
		return "", errors.New("the path must begin with a slash and hold no query")
	}
	for segment := range strings.SplitSeq(call.Path, "/") {
		if segment == ".." || segment == "." {
			return "", errors.New("the path must not climb")
		}
	}
	target := c.base.String() + call.Path
	if len(call.Query) > 0 {
		target += "?" + call.Query.Encode()
	}
	return target, nil
}

func encode(body any) ([]byte, error) {
	switch b := body.(type) {
	case nil:
		return nil, nil
	case []byte:
		return b, nil
	default:
		return json.Marshal(b)
	}
}

// decode reads at most the allowed bytes of an accepted answer.
func (c *Client) decode(call Call, resp *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBody+1))
	if err != nil {
		return transport(call, err, false)
	}
	if int64(len(body)) > c.maxBody {
		return unsure(call, fault.TooLarge, resp.StatusCode)
	}
	switch raw := out.(type) {
	case nil:
		return nil
	case *[]byte:
		*raw = body
		return nil
	}
	// The decoder's error may quote the body; only its kind is kept. A null
	// would leave out as it was: an empty result instead of none.
	if json.Unmarshal(body, out) != nil || string(bytes.TrimSpace(body)) == "null" {
		return unsure(call, fault.Garbled, resp.StatusCode)
	}
	return nil
}

// refusal reads what a refused answer says, if the caller wants to know and
// if it can be read at all. It returns its beginning at least.
func (c *Client) refusal(body io.Reader, into any) []byte {
	if into == nil {
		text, _ := io.ReadAll(io.LimitReader(body, telling))
		return text
	}
	text, err := io.ReadAll(io.LimitReader(body, c.maxBody))
	if raw, as := into.(*[]byte); as && err == nil {
		*raw = text
		return text
	}
	if err == nil && json.Valid(text) {
		_ = json.Unmarshal(text, into) // a body of another shape leaves members empty
	}
	return text
}

// telling is how much of a body tells what it is.
const telling = 512

// page reports a body that is a web page.
func page(body []byte) bool {
	return strings.HasPrefix(http.DetectContentType(body), "text/html")
}

func accepted(ok []int, status int) bool {
	if len(ok) == 0 {
		return status == http.StatusOK
	}
	return slices.Contains(ok, status)
}
