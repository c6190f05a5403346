// Package rest is a small JSON client for services that hold or issue secrets.
//
// It bounds what the outside may do to us: every call has a timeout and a
// largest body, redirects to another host are refused, and an answer that is
// not the JSON asked for is an error, never an empty result. It classifies
// every failure once, here, where status and kind of call are known, as a
// [fault.Error]. It never quotes a response body or a URL's query in an error,
// because either may hold a key. It does not retry: whether a call may be
// repeated is the caller's decision.
package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rekey/internal/fault"
)

// Config of a [Client]. Zero fields mean the defaults named.
type Config struct {
	Base    string                             // base URL; https, or http on loopback only
	HTTP    *http.Client                       // default: a client of its own
	Timeout time.Duration                      // of one call, default 15 s
	MaxBody int64                              // bytes read of an answer, default 1 MiB
	Sign    func(r *http.Request, body []byte) // adds credentials; may be nil
}

// Client calls one service.
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
	Path   string // appended to the base path; segments already escaped
	Query  url.Values
	Body   any // encoded as JSON unless nil or []byte
	Header http.Header
	Write  bool  // changes something: a lost answer is then fault.Lost
	OK     []int // accepted statuses, default 200
}

// Answer is what came back beside the decoded body.
type Answer struct {
	Status int
	Header http.Header
}

// New checks the base URL.
func New(c Config) (*Client, error) {
	base, err := ParseBase(c.Base)
	if err != nil {
		return nil, err
	}
	client := &Client{base: base, timeout: c.Timeout, maxBody: c.MaxBody, sign: c.Sign}
	if client.timeout == 0 {
		client.timeout = 15 * time.Second
	}
	if client.maxBody == 0 {
		client.maxBody = 1 << 20
	}
	client.http = sameHostOnly(c.HTTP)
	return client, nil
}

// ParseBase accepts https URLs, and http ones on loopback.
func ParseBase(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil {
		return nil, errors.New("the base URL cannot be parsed")
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("the base URL of host %q must be scheme, host and path only", u.Host)
	}
	if u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())) {
		return u, nil
	}
	return nil, fmt.Errorf("the base URL of host %q must be https; http is for loopback only", u.Host)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// sameHostOnly copies the client with a rule against being sent elsewhere: a
// redirect would carry our credentials along.
func sameHostOnly(c *http.Client) *http.Client {
	var own http.Client
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		if next.URL.Host != via[0].URL.Host || next.URL.Scheme != via[0].URL.Scheme || len(via) > 3 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &own
}

// Do makes the call and decodes the answer into out, unless out is nil.
func (c *Client) Do(ctx context.Context, call Call, out any) (Answer, error) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	req, err := c.request(ctx, call)
	if err != nil {
		return Answer{}, &fault.Error{Op: call.Op, Class: fault.Never, Reason: fault.Invalid, Err: err}
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return Answer{}, transport(call, err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer := Answer{Status: resp.StatusCode, Header: resp.Header}
	if !accepted(call.OK, resp.StatusCode) {
		return answer, status(call, resp)
	}
	return answer, c.decode(call, resp, out)
}

func (c *Client) request(ctx context.Context, call Call) (*http.Request, error) {
	body, err := encode(call.Body)
	if err != nil {
		return nil, err
	}
	method := call.Method
	if method == "" {
		method = http.MethodGet
	}
	target := c.base.String() + call.Path
	if len(call.Query) > 0 {
		target += "?" + call.Query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request cannot be built")
	}
	for name, values := range call.Header {
		req.Header[name] = values
	}
	req.Header.Set("Accept", "application/json")
	if call.Body != nil && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.sign != nil {
		c.sign(req, body)
	}
	return req, nil
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

func (c *Client) decode(call Call, resp *http.Response, out any) error {
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.maxBody+1))
	if err != nil {
		return transport(call, err)
	}
	if int64(len(body)) > c.maxBody {
		return unsure(call, fault.Ask, fault.TooLarge, resp.StatusCode)
	}
	if out == nil {
		return nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		// The decoder's error may quote the body; only its kind is kept.
		return unsure(call, fault.Ask, fault.Garbled, resp.StatusCode)
	}
	return nil
}

func accepted(ok []int, status int) bool {
	if len(ok) == 0 {
		return status == http.StatusOK
	}
	for _, s := range ok {
		if s == status {
			return true
		}
	}
	return false
}
