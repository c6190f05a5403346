package httpcheck

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"rekey/deploy"
)

// reply is an answer, read as far as it may be.
type reply struct {
	status int
	kind   string // media type
	body   []byte
	cut    bool // there was more
	took   time.Duration
}

// isJSON reports a body of JSON that does not claim to be a page.
func (r reply) isJSON() bool { return r.kind != "text/html" && json.Valid(r.body) }

// probe sends the request. A body that breaks off is an error.
func (c *Check) probe(ctx context.Context) (reply, error) {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, c.config.Method, c.config.URL, strings.NewReader(c.config.Body))
	if err != nil {
		return reply{}, err
	}
	for name, values := range c.config.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	if c.config.JSON && req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	req.Close = true // as a new visitor: a kept connection leads to one and the same instance
	began := time.Now()
	resp, err := c.http.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = resp.Body.Close() }()
	a := reply{status: resp.StatusCode}
	a.kind, _, _ = mime.ParseMediaType(resp.Header.Get("Content-Type"))
	a.body, err = io.ReadAll(io.LimitReader(resp.Body, c.config.MaxBody+1))
	if err != nil {
		return reply{}, err
	}
	if int64(len(a.body)) > c.config.MaxBody {
		a.body, a.cut = a.body[:c.config.MaxBody], true
	}
	a.took = time.Since(began)
	return a, nil
}

// unanswered finds out whose fault it is that there was no answer.
func (c *Check) unanswered(ctx context.Context, err error) deploy.Measurement {
	m := deploy.Measurement{Outcome: deploy.Error, Requests: -1}
	words, ours := cause(err)
	m.Detail = c.host + " " + words
	switch {
	case ctx.Err() != nil:
		m.Detail = c.host + " was not asked to the end: the measurement was stopped"
	case ours || c.config.Reference == "":
	case c.reference(ctx):
		m.Outcome, m.Requests = deploy.Bad, 1
		m.Detail += ", while the reference answers"
	default:
		m.Detail += ", and neither does the reference answer"
	}
	return m
}

// cause names what went wrong, without the URL that the error would quote, and
// whether that is on our side whatever the reference says.
func cause(err error) (words string, ours bool) {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return "has a name that does not resolve here", true
	}
	if certificate(err) {
		return "shows a certificate that is not accepted here", true
	}
	if network, ok := errors.AsType[net.Error](err); ok && network.Timeout() {
		return "does not answer in time", false
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refuses connections", false
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, syscall.ECONNRESET):
		return "breaks off its answer", false
	default:
		return "cannot be reached from here", true
	}
}

// certificate reports a failed TLS handshake.
func certificate(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	if _, ok := errors.AsType[tls.AlertError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

// reference reports that somebody else can be reached from here. Any answer
// below 500 will do: what it says does not matter.
func (c *Check) reference(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, c.config.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.config.Reference, nil)
	if err != nil {
		return false
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode < http.StatusInternalServerError
}
