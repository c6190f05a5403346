package loki

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// asking is one measurement: the queries of one window.
type asking struct {
	check  *Check
	window deploy.Window
	token  secret.Value
}

// ask prepares a measurement.
func (c *Check) ask(ctx context.Context, w deploy.Window) (*asking, error) {
	if w.To.Sub(w.From) < time.Millisecond {
		return nil, &fault.Error{Op: "counting lines", Class: fault.Never, Reason: fault.Invalid, Detail: "the window is shorter than a millisecond"}
	}
	q := &asking{check: c, window: w}
	if c.config.Token != nil {
		token, err := c.config.Token(ctx)
		if err != nil {
			return nil, &fault.Error{Op: "reading the token for counting lines", Class: fault.Ask, Reason: fault.Unexplained, Err: err}
		}
		q.token = token
	}
	return q, nil
}

// answer is what both kinds of query come back as.
type answer struct {
	Status   string   `json:"status"`
	Warnings []string `json:"warnings"` // of partial data
	Data     struct {
		ResultType string          `json:"resultType"`
		Result     json.RawMessage `json:"result"`
	} `json:"data"`
}

// series is one line of a matrix: moments and counts.
type series struct {
	Values []point `json:"values"`
}

type point [2]json.RawMessage // seconds, and the count as a string

// count counts the lines of a selection in the window, over all deployments
// that it is about.
func (q *asking) count(ctx context.Context, op, selection, pattern string) (float64, error) {
	all, err := scoped(selection, q.window)
	if err != nil {
		return 0, err
	}
	sum := 0.0
	for _, one := range all {
		n, err := q.countOne(ctx, op, one, pattern)
		if err != nil {
			return 0, err
		}
		sum += n
	}
	return sum, nil
}

// countOne asks for one count. The range of a count in LogQL excludes its
// beginning and includes its end; ours is the other way round, so the point
// asked for lies a nanosecond before the end.
func (q *asking) countOne(ctx context.Context, op, selection, pattern string) (float64, error) {
	over := (q.window.To.Sub(q.window.From) + time.Millisecond - 1) / time.Millisecond // a line twice rather than never
	at := q.window.To.Add(-time.Nanosecond)
	result, err := q.query(ctx, op, "matrix", url.Values{
		"query": {fmt.Sprintf("sum(count_over_time(%s [%dms]))", filtered(selection, pattern), over)},
		"start": {nanoseconds(at)},
		"end":   {nanoseconds(at.Add(q.check.config.Step / 2))}, // before a second point
		"step":  {strconv.FormatFloat(q.check.config.Step.Seconds(), 'f', -1, 64)},
	})
	if err != nil {
		return 0, err
	}
	n, ok := only(result)
	if !ok {
		return 0, &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Garbled, Status: http.StatusOK, Detail: "the answer is not one count"}
	}
	return n, nil
}

// only returns the count of a matrix; an empty one counts nothing.
func only(result json.RawMessage) (float64, bool) {
	var matrix []series
	if json.Unmarshal(result, &matrix) != nil || len(matrix) > 1 {
		return 0, false
	}
	if len(matrix) == 0 {
		return 0, true
	}
	var text string
	if len(matrix[0].Values) == 0 || json.Unmarshal(matrix[0].Values[0][1], &text) != nil {
		return 0, false
	}
	n, err := strconv.ParseFloat(text, 64)
	return n, err == nil && n >= 0 && !math.IsInf(n, 0)
}

// query asks for one result of a kind.
func (q *asking) query(ctx context.Context, op, kind string, parameters url.Values) (json.RawMessage, error) {
	var a answer
	_, err := q.check.client.Do(ctx, rest.Call{Op: op, Path: "/loki/api/v1/query_range", Query: parameters, Sign: q.sign}, &a)
	if err != nil {
		return nil, err
	}
	wrong := ""
	switch {
	case len(a.Warnings) > 0:
		wrong = "the answer is partial: it comes with warnings"
	case a.Status != "success" || a.Data.ResultType != kind:
		wrong = "the answer is not the result of a query"
	case len(a.Data.Result) == 0 || bytes.Equal(a.Data.Result, []byte("null")):
		wrong = "the answer holds no result"
	}
	if wrong != "" {
		return nil, &fault.Error{Op: op, Class: fault.Ask, Reason: fault.Garbled, Status: http.StatusOK, Detail: wrong}
	}
	return a.Data.Result, nil
}

func (q *asking) sign(r *http.Request, _ []byte) {
	c := q.check.config
	if c.Tenant != "" {
		r.Header.Set("X-Scope-OrgID", c.Tenant)
	}
	switch {
	case q.token.IsZero():
	case c.User != "":
		r.SetBasicAuth(c.User, q.token.Reveal())
	default:
		r.Header.Set("Authorization", "Bearer "+q.token.Reveal())
	}
}

func nanoseconds(t time.Time) string { return strconv.FormatInt(t.UnixNano(), 10) }

// maxSamples is how many lines are asked for.
const maxSamples = 3

// stream is some lines of one stream: nanoseconds and text.
type stream struct {
	Values [][2]string `json:"values"`
}

// samples returns the newest lines, with nothing masked but our own token (a
// proxy's log may be among them); none where they could not be had.
func (q *asking) samples(ctx context.Context, selection, pattern string) []string {
	all, err := scoped(selection, q.window)
	if err != nil {
		return nil
	}
	var lines [][2]string
	for _, one := range all {
		lines = append(lines, q.lines(ctx, filtered(one, pattern))...)
	}
	slices.SortStableFunc(lines, func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(len(b[0]), len(a[0])), cmp.Compare(b[0], a[0]))
	})
	var newest []string
	for _, l := range lines[:min(len(lines), maxSamples)] {
		newest = append(newest, secret.Redact(l[1], q.token))
	}
	return newest
}

// lines are a few of a selection, the newest; none where they could not be had.
func (q *asking) lines(ctx context.Context, selection string) (all [][2]string) {
	result, err := q.query(ctx, "reading sample lines", "streams", url.Values{
		"query": {selection}, "direction": {"backward"}, "limit": {strconv.Itoa(maxSamples)},
		"start": {nanoseconds(q.window.From)}, "end": {nanoseconds(q.window.To)},
	})
	var streams []stream
	if err != nil || json.Unmarshal(result, &streams) != nil {
		return nil
	}
	for _, s := range streams {
		all = append(all, s.Values...)
	}
	return all
}
