package chat

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/internal/secret"
)

// verdict is what a failed call may have done.
type verdict int

const (
	unsent  verdict = iota // nothing reached Slack
	refused                // Slack said no, and did nothing
	limited                // 429: nothing was done, come back later
	lost                   // the answer did not come: it may have been done
)

// callError is a failed call. Its text names the method and Slack's own error
// word; it never holds a URL, a token or a body.
type callError struct {
	method  string
	verdict verdict
	code    string        // Slack's error word, such as "not_in_channel"
	needed  string        // the scope that is missing, if Slack said so
	after   time.Duration // how long to wait, for limited
	err     error         // the cause, without the URL
}

func (e *callError) Error() string {
	text := "calling " + e.method + ": "
	switch {
	case e.code != "" && e.needed != "":
		return text + e.code + " (needs " + e.needed + ")"
	case e.code != "":
		return text + e.code
	default:
		return text + e.err.Error()
	}
}

func (e *callError) Unwrap() error { return e.err }

// codeOf returns Slack's error word, or "".
func codeOf(err error) string {
	var e *callError
	if errors.As(err, &e) {
		return e.code
	}
	return ""
}

// mayHaveHappened reports whether a call without a good answer may still have
// taken effect.
func mayHaveHappened(err error) bool {
	var e *callError
	return errors.As(err, &e) && e.verdict == lost
}

// api calls Slack's Web API: one limiter per method and channel, one timeout,
// errors in one form.
type api struct {
	client  *slack.Client
	limits  *limits
	timeout time.Duration
	tokens  []secret.Value // for redaction of what other people's code says
}

const largestAnswer = 8 << 20

func newAPI(c Config) *api {
	client := *c.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse // a redirect would carry the token elsewhere
	}
	inner := client.Transport
	if inner == nil {
		inner = http.DefaultTransport
	}
	client.Transport = bounded{inner}
	base := strings.TrimSuffix(c.APIURL, "/") + "/"
	return &api{
		client: slack.New(c.BotToken.Reveal(), slack.OptionAppLevelToken(c.AppToken.Reveal()),
			slack.OptionAPIURL(base), slack.OptionHTTPClient(&client)),
		limits: newLimits(c.Rates), timeout: c.RequestTimeout, tokens: []secret.Value{c.AppToken, c.BotToken},
	}
}

// bounded cuts answers that are larger than any of Slack's.
type bounded struct{ inner http.RoundTripper }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.inner.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{io.LimitReader(resp.Body, largestAnswer), resp.Body}
	return resp, nil
}

// call runs one method. channel separates the limits of methods that Slack
// limits by channel; "" elsewhere.
func (a *api) call(ctx context.Context, method, channel string, f func(context.Context) error) error {
	if err := a.limits.wait(ctx, method, channel); err != nil {
		return &callError{method: method, verdict: unsent, err: fmt.Errorf("waiting for its turn: %w", err)}
	}
	ctx, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	if err := f(ctx); err != nil {
		failure := a.judge(method, err)
		if failure.verdict == limited {
			a.limits.shut(method, failure.after)
		}
		return failure
	}
	return nil
}

// judge classifies what slack-go returned.
func (a *api) judge(method string, err error) *callError {
	e := &callError{method: method, verdict: lost, err: a.bare(err)}
	var said slack.SlackErrorResponse
	var slow *slack.RateLimitedError
	var status slack.StatusCodeError
	var op *net.OpError
	switch {
	case errors.As(err, &said):
		e.code, e.needed, e.verdict = secret.Redact(said.Err, a.tokens...), secret.Redact(said.Needed, a.tokens...), refused
		if slices.Contains([]string{"ratelimited", "rate_limited"}, said.Err) {
			e.verdict, e.after = limited, defaultPause
		} else if slices.Contains([]string{"fatal_error", "internal_error", "request_timeout", "service_unavailable"}, said.Err) {
			e.verdict = lost
		}
	case errors.As(err, &slow):
		e.verdict, e.after = limited, min(max(slow.RetryAfter, time.Second), longestPause)
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		e.verdict, e.after = limited, defaultPause
	case errors.As(err, &status) && status.Code < http.StatusInternalServerError:
		e.verdict = refused
	case errors.As(err, &op) && op.Op == "dial":
		e.verdict = unsent
	}
	return e
}

const (
	// defaultPause is kept after a 429 that does not say how long.
	defaultPause = 30 * time.Second
	// longestPause bounds what a 429 may ask for. Slack's own are of a minute;
	// a proxy's mistake must not keep people waiting for days.
	longestPause = time.Hour
)

// bare drops the URL that net/http puts into its errors, and hides the tokens,
// and what else is named, should somebody's text hold one.
func (a *api) bare(err error, more ...secret.Value) error {
	if err == nil {
		return nil
	}
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	text := err.Error()
	if hidden := secret.Redact(text, slices.Concat(a.tokens, more)...); hidden != text {
		return errors.New(hidden)
	}
	return err
}

// empty is the answer that is no error and holds nothing: ok without the
// thing asked for, as a proxy in between can make it.
func empty(method string) error {
	return &callError{method: method, verdict: lost, err: errors.New("the answer is not Slack's")}
}
