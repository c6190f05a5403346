package httpcheck

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/rest"
)

// Config of a [Check]. Zero fields mean the defaults named.
type Config struct {
	URL       string        // https, or http on loopback; may have a query
	Method    string        // GET (default), HEAD or POST
	Header    http.Header   // sent as it is; no credentials: it is configuration that people read
	Body      string        // sent with POST
	Status    []int         // good ones, default 200
	Match     string        // expression (RE2) that a good body matches; "" for any
	JSON      bool          // a good body is JSON
	Latency   time.Duration // longest good answer, body included; 0 for any
	Timeout   time.Duration // of one request, default 10 s
	MaxBody   int64         // bytes read of an answer, default 1 MiB
	Reference string        // URL of somebody else that answers when our own network is well; "" for none
	HTTP      *http.Client  // copied; default: the zero http.Client
}

// Check sends one request per measurement. It may be used by several
// goroutines.
type Check struct {
	config Config
	match  *regexp.Regexp
	host   string
	http   *http.Client
}

// New checks the configuration and fills in the defaults.
func New(c Config) (*Check, error) {
	c.Method = cmp.Or(c.Method, http.MethodGet)
	c.Timeout = cmp.Or(c.Timeout, 10*time.Second)
	c.MaxBody = cmp.Or(c.MaxBody, 1<<20)
	if len(c.Status) == 0 {
		c.Status = []int{http.StatusOK}
	}
	host, err := checkURL(c.URL)
	if err != nil {
		return nil, fmt.Errorf("http check: %w", err)
	}
	if c.Reference != "" {
		if _, err := checkURL(c.Reference); err != nil {
			return nil, fmt.Errorf("http check: reference: %w", err)
		}
	}
	match, err := regexp.Compile(c.Match)
	switch {
	case err != nil:
		return nil, fmt.Errorf("http check: match: %w", err)
	case !slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost}, c.Method):
		return nil, fmt.Errorf("http check: the method %q is none of GET, HEAD and POST", c.Method)
	case c.Body != "" && c.Method != http.MethodPost:
		return nil, errors.New("http check: only POST sends a body")
	case c.Latency < 0 || c.Timeout < 0 || c.MaxBody < 0:
		return nil, errors.New("http check: limits must not be negative")
	case c.Latency > c.Timeout:
		return nil, errors.New("http check: the timeout is shorter than the longest good answer")
	}
	return &Check{config: c, match: match, host: host, http: neverFollow(c.HTTP)}, nil
}

// checkURL accepts what rest.ParseBase accepts, with a query, and returns the
// host.
func checkURL(text string) (string, error) {
	base, query, _ := strings.Cut(text, "?")
	u, err := rest.ParseBase(base)
	if err != nil {
		return "", err
	}
	if _, err := url.ParseQuery(query); err != nil || strings.Contains(query, "#") {
		return "", errors.New("the URL's query is malformed")
	}
	return u.Host, nil
}

// neverFollow copies the client with a rule to show redirects as they are.
func neverFollow(c *http.Client) *http.Client {
	var own http.Client
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

// Instant reports that the check sees the present only: what was not measured
// in time cannot be measured later.
func (c *Check) Instant() bool { return true }

// Measure sends the request and judges the answer. The value is the time the
// answer took, in milliseconds.
func (c *Check) Measure(ctx context.Context, _ deploy.Window) deploy.Measurement {
	a, err := c.probe(ctx)
	if err != nil {
		return c.unanswered(ctx, err)
	}
	m := deploy.Measurement{Outcome: deploy.OK, Value: float64(a.took) / float64(time.Millisecond), Requests: 1, Latency: a.took}
	m.Outcome, m.Detail = c.judge(a)
	if m.Outcome == deploy.Error {
		m.Requests = -1 // nobody knows whom the request reached
	}
	m.Detail = c.host + m.Detail
	return m
}

// judge says what an answer means, in words that follow the host's name.
func (c *Check) judge(a reply) (deploy.Outcome, string) {
	said := fmt.Sprintf(" answered %d", a.status)
	switch {
	case !slices.Contains(c.config.Status, a.status):
		outcome, why := unexpected(a.status)
		return outcome, said + why
	case a.cut && c.needsBody():
		return deploy.Error, fmt.Sprintf("%s with more than %d bytes", said, c.config.MaxBody)
	case c.config.JSON && !a.isJSON():
		return deploy.Error, said + " with something that is not JSON"
	case !c.match.Match(a.body):
		return deploy.Bad, said + " without the expected text"
	case c.config.Latency > 0 && a.took > c.config.Latency:
		return deploy.Bad, fmt.Sprintf("%s after %s, which is longer than %s", said, a.took.Round(time.Millisecond), c.config.Latency)
	}
	return deploy.OK, fmt.Sprintf("%s after %s", said, a.took.Round(time.Millisecond))
}

// unexpected tells statuses that speak about the application from those that
// speak about us, or come from somebody in between.
func unexpected(status int) (deploy.Outcome, string) {
	switch {
	case status >= 300 && status <= 399:
		return deploy.Error, ": a redirect, which is not followed"
	case status == http.StatusTooManyRequests:
		return deploy.Error, ": it has had too many requests from us"
	case status == http.StatusProxyAuthRequired:
		return deploy.Error, ": a proxy in between asks who we are"
	default:
		return deploy.Bad, ""
	}
}

// needsBody reports that the whole body matters.
func (c *Check) needsBody() bool { return c.config.Match != "" || c.config.JSON }
