package loki

import (
	"fmt"
	"maps"
	"math"
	"net/http"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// The limits Loki has by default.
const (
	defaultLimit = 100
	maxLimit     = 5000
	maxPoints    = 11000
)

// asked is the parameters of a query.
type asked struct {
	query
	from, to time.Time
	step     time.Duration
	limit    int
	forward  bool
}

// queryRange answers counts as a matrix and lines as streams.
func (v *Server) queryRange(w http.ResponseWriter, r *http.Request) {
	a, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if a.metric == "" {
		send(w, "streams", a.streams(v.between(a.from, a.to)))
		return
	}
	points := int(a.to.Sub(a.from)/a.step) + 1
	if points > maxPoints {
		http.Error(w, "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter", http.StatusBadRequest)
		return
	}
	var at []time.Time
	for i := range points {
		at = append(at, a.from.Add(time.Duration(i)*a.step))
	}
	send(w, "matrix", a.series(v.Store, at, func(values []any) (string, any) { return "values", values }))
}

// queryNow answers counts at one moment, as a vector.
func (v *Server) queryNow(w http.ResponseWriter, r *http.Request) {
	a, err := read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if a.metric == "" {
		http.Error(w, "log queries are not supported as an instant query type, please change your query to a range query type", http.StatusBadRequest)
		return
	}
	at, err := moment(r.Form.Get("time"), time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	send(w, "vector", a.series(v.Store, []time.Time{at}, func(values []any) (string, any) { return "value", values[0] }))
}

// series counts the lines in (t-over, t] for every t. A series has no point
// where it has no lines, and without a line anywhere there is no series.
func (a asked) series(s *Store, at []time.Time, wrap func([]any) (string, any)) []any {
	last := at[len(at)-1]
	lines := a.selects(s.between(at[0].Add(-a.over), last.Add(1)))
	groups := map[string][]Line{}
	for _, l := range lines {
		k := a.group(l).String()
		groups[k] = append(groups[k], l)
	}
	result := []any{}
	for _, k := range slices.Sorted(maps.Keys(groups)) {
		g := groups[k]
		var values []any
		for _, t := range at {
			if n := within(g, t.Add(-a.over), t); n > 0 {
				values = append(values, []any{float64(t.UnixMilli()) / 1000, a.number(n)})
			}
		}
		if len(values) > 0 {
			name, v := wrap(values)
			result = append(result, map[string]any{"metric": a.group(g[0]), name: v})
		}
	}
	return result
}

// within counts the lines with from < time <= to.
func within(lines []Line, from, to time.Time) int {
	after := func(t time.Time) int {
		return sort.Search(len(lines), func(i int) bool { return lines[i].Time.After(t) })
	}
	return after(to) - after(from)
}

func (a asked) number(n int) string {
	if a.metric == "rate" {
		return strconv.FormatFloat(float64(n)/a.over.Seconds(), 'g', -1, 64)
	}
	return strconv.Itoa(n)
}

// streams groups the newest (or oldest) lines by stream, cut at the limit.
func (a asked) streams(lines []Line) []any {
	lines = a.selects(lines)
	if !a.forward {
		slices.Reverse(lines)
	}
	lines = lines[:min(a.limit, len(lines))]
	values := map[string][]any{}
	labels := map[string]Labels{}
	for _, l := range lines {
		k := l.Labels.String()
		labels[k] = l.Labels
		values[k] = append(values[k], []string{strconv.FormatInt(l.Time.UnixNano(), 10), l.Text})
	}
	result := []any{}
	for _, k := range slices.Sorted(maps.Keys(values)) {
		result = append(result, map[string]any{"stream": labels[k], "values": values[k]})
	}
	return result
}

func send(w http.ResponseWriter, kind string, result []any) {
	wire.JSON(w, http.StatusOK, map[string]any{"status": "success", "data": map[string]any{
		"resultType": kind, "result": result, "stats": map[string]any{},
	}})
}

// read understands the parameters; without start it is the last hour.
func read(r *http.Request) (a asked, err error) {
	if err = r.ParseForm(); err != nil {
		return a, fmt.Errorf("reading parameters: %w", err)
	}
	if a.query, err = parse(r.Form.Get("query")); err != nil {
		return a, err
	}
	if a.to, err = moment(r.Form.Get("end"), time.Now()); err != nil {
		return a, err
	}
	if a.from, err = moment(r.Form.Get("start"), a.to.Add(-time.Hour)); err != nil {
		return a, err
	}
	if !a.to.After(a.from) {
		return a, fmt.Errorf("end timestamp must not be before or equal to start time")
	}
	if a.step, err = step(r.Form.Get("step"), a.to.Sub(a.from)); err != nil {
		return a, err
	}
	a.forward = strings.EqualFold(r.Form.Get("direction"), "forward")
	a.limit = defaultLimit
	if text := r.Form.Get("limit"); text != "" {
		if a.limit, err = strconv.Atoi(text); err != nil || a.limit <= 0 {
			return a, fmt.Errorf("limit must be a positive value")
		}
	}
	if a.limit > maxLimit && a.metric == "" {
		return a, fmt.Errorf("max entries limit per query exceeded, limit > max_entries_limit_per_query (%d > %d)", a.limit, maxLimit)
	}
	return a, nil
}

// step is a duration or a number of seconds; by default a 250th of the range,
// at least a second.
func step(text string, over time.Duration) (time.Duration, error) {
	if text == "" {
		return max(over/250, time.Second).Truncate(time.Second), nil
	}
	d, err := duration(text)
	if s, e := strconv.ParseFloat(text, 64); e == nil {
		d, err = time.Duration(s*float64(time.Second)), nil
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("zero or negative query resolution step widths are not accepted. Try a positive integer")
	}
	return d, nil
}

// moment reads nanoseconds, seconds (ten digits or a fraction) or RFC 3339.
func moment(text string, fallback time.Time) (time.Time, error) {
	if text == "" {
		return fallback, nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		if len(text) <= 10 {
			return time.Unix(n, 0), nil
		}
		return time.Unix(0, n), nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		s, fraction := math.Modf(f)
		return time.Unix(int64(s), int64(fraction*1e9)), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("could not parse %q as a time", text)
	}
	return t, nil
}
