package loki

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Config of a [Check]. Zero fields mean the defaults named.
type Config struct {
	URL      string                                          // of the server, without /loki; https, or http on loopback
	Tenant   string                                          // sent as X-Scope-OrgID unless empty
	User     string                                          // for basic authentication with Token as password
	Token    func(ctx context.Context) (secret.Value, error) // read before each measurement; nil for none; sent as bearer unless User is set
	Query    string                                          // the application's lines
	Errors   string                                          // those that are errors; "" counts none
	Requests string                                          // those that are requests, one each; "" counts none
	Step     time.Duration                                   // resolution asked of the server, default 1 s; one that aligns queries shifts a window by less than this
	Timeout  time.Duration                                   // of one query, default 15 s
	HTTP     *http.Client                                    // copied; default: the zero http.Client
}

// Check measures one application. It may be used by several goroutines.
type Check struct {
	config Config
	client *rest.Client
}

// New checks the configuration and fills in the defaults.
func New(c Config) (*Check, error) {
	c.Step = cmp.Or(c.Step, time.Second)
	if c.Step < time.Millisecond {
		return nil, errors.New("loki: step must be at least a millisecond")
	}
	if c.Query == "" {
		return nil, errors.New("loki: there is no query")
	}
	for name, query := range map[string]string{"query": c.Query, "errors": c.Errors, "requests": c.Requests} {
		if err := checkSelection(query); query != "" && err != nil {
			return nil, fmt.Errorf("loki: %s: %w", name, err)
		}
	}
	client, err := rest.New(rest.Config{Base: c.URL, HTTP: c.HTTP, Timeout: c.Timeout, MaxBody: 1 << 20})
	if err != nil {
		return nil, fmt.Errorf("loki: %w", err)
	}
	return &Check{config: c, client: client}, nil
}

// Measure counts the lines of one window. Its value is the number of error
// lines, or of hits where a signature was hit.
func (c *Check) Measure(ctx context.Context, w deploy.Window) deploy.Measurement {
	q, err := c.ask(ctx, w)
	if err != nil {
		return unmeasured(err)
	}
	pattern, err := signature(w.Signatures)
	if err != nil {
		return unmeasured(err)
	}
	if pattern != "" {
		hits, err := q.count(ctx, "counting lines of this credential's failure", c.config.Query, pattern)
		if err != nil {
			return unmeasured(err)
		}
		if hits > 0 {
			return c.hit(ctx, q, hits, pattern)
		}
	}
	return c.counts(ctx, q)
}

// hit reports a credential that is failing. What can be said beside that is
// tried, and may be missing: a failure that was seen is not lost again.
func (c *Check) hit(ctx context.Context, q *asking, hits float64, pattern string) deploy.Measurement {
	requests := -1.0
	if c.config.Requests != "" {
		if n, err := q.count(ctx, "counting requests", c.config.Requests, ""); err == nil {
			requests = n
		}
	}
	detail := fmt.Sprintf("%.0f log lines say that this credential is failing", hits)
	if hits == 1 {
		detail = "one log line says that this credential is failing"
	}
	return deploy.Measurement{Outcome: deploy.Bad, Hard: true, Value: hits, Requests: requests, Detail: detail,
		Said: secret.Quoted(q.samples(ctx, c.config.Query, pattern)...)}
}

// counts measures errors and traffic.
func (c *Check) counts(ctx context.Context, q *asking) deploy.Measurement {
	failed := 0.0
	if c.config.Errors != "" {
		n, err := q.count(ctx, "counting errors", c.config.Errors, "")
		if err != nil {
			return unmeasured(err)
		}
		failed = n
	}
	m := deploy.Measurement{Outcome: deploy.OK, Value: failed, Requests: -1}
	if c.config.Requests != "" {
		n, err := q.count(ctx, "counting requests", c.config.Requests, "")
		if err != nil {
			return unmeasured(err)
		}
		m.Requests = n
		m.Detail = fmt.Sprintf("%.0f errors, %.0f requests", failed, n)
	}
	lines, err := q.count(ctx, "counting lines", c.config.Query, "") // last: no line may come in between
	if err != nil {
		return unmeasured(err)
	}
	return heard(m, lines)
}

// heard takes the lines of Query into account, among which this credential's
// failures are looked for. Where there is none, what the other selections hold
// is no sign of health: a failure would not have been seen.
func heard(m deploy.Measurement, lines float64) deploy.Measurement {
	switch {
	case lines == 0 && (m.Value > 0 || m.Requests > 0):
		m.Outcome = deploy.Error
		m.Detail = fmt.Sprintf("query, in which this credential's failures are looked for, matches no line of this deployment, although there are %.0f errors and %.0f requests", m.Value, max(m.Requests, 0))
		m.Value, m.Requests = 0, -1
	case lines == 0, m.Value == 0 && m.Requests == 0:
		m.Outcome, m.Detail = deploy.NoData, "the log source answered and has no line of this deployment"
	}
	return m
}

// unmeasured tells people which source could not be asked, and why.
func unmeasured(err error) deploy.Measurement {
	f := fault.Of(err)
	detail := fmt.Sprintf("%s in Loki: %s", f.Op, f.Reason)
	if f.Status != 0 {
		detail += fmt.Sprintf(" (status %d)", f.Status)
	}
	if f.Detail != "" {
		detail += ": " + f.Detail
	}
	return deploy.Measurement{Outcome: deploy.Error, Requests: -1, Detail: detail}
}
