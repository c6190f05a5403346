package loki

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox/wire"
)

// zero is when the lines of the tests begin.
var zero = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

// filled is a server with one line a second for two deployments.
func filled() *Server {
	v := NewServer(nil)
	for i := range 60 {
		text, d := "status=200 path=/", "d-1"
		if i >= 30 {
			d = "d-2"
		}
		if i%20 == 19 {
			text = "fal: 401 Unauthorized"
		}
		v.PushAt(zero.Add(time.Duration(i)*time.Second), Labels{"app": "shop", "env": "production", "deployment": d}, text)
	}
	return v
}

func ns(offset time.Duration) string { return strconv.FormatInt(zero.Add(offset).UnixNano(), 10) }

func ask(t *testing.T, v *Server, path string, kv ...string) (int, string, map[string]any) {
	t.Helper()
	q := url.Values{}
	for i := 0; i < len(kv); i += 2 {
		q.Set(kv[i], kv[i+1])
	}
	w := httptest.NewRecorder()
	v.Handler().ServeHTTP(w, httptest.NewRequest("GET", path+"?"+q.Encode(), nil))
	var m struct{ Data map[string]any }
	if w.Code == 200 && strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") {
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
	}
	return w.Code, strings.TrimSpace(w.Body.String()), m.Data
}

const queryRange = "/loki/api/v1/query_range"

func TestCounts(t *testing.T) {
	v := filled()
	point := func(at time.Duration, n string) any {
		return []any{float64(zero.Add(at).Unix()), n}
	}
	series := func(metric map[string]any, points ...any) any {
		return map[string]any{"metric": metric, "values": points}
	}
	none := map[string]any{}
	tests := []struct {
		name, query string
		want        []any
	}{
		// Lines at 0..59 s; a point at t counts (t-30s, t].
		{"all", `sum(count_over_time({app="shop"}[30s]))`, []any{series(none, point(0, "1"), point(30*time.Second, "30"), point(60*time.Second, "29"))}},
		{"one deployment", `sum(count_over_time({app="shop", deployment="d-2"} [30s]))`, []any{series(none, point(30*time.Second, "1"), point(60*time.Second, "29"))}},
		{"a filter", "sum(count_over_time({app=\"shop\"} |= `401` [30s]))", []any{series(none, point(30*time.Second, "1"), point(60*time.Second, "2"))}},
		{"an expression", `sum(count_over_time({app=~"sh.p"} |~ "40[13]" [30s]))`, []any{series(none, point(30*time.Second, "1"), point(60*time.Second, "2"))}},
		{"a line left out", `sum(count_over_time({app="shop"} != "401" [30s]))`, []any{series(none, point(0, "1"), point(30*time.Second, "29"), point(60*time.Second, "27"))}},
		{"two filters", `sum(count_over_time({app="shop",env!="staging"} |= "status" !~ "path=/x" [30s]))`, []any{series(none, point(0, "1"), point(30*time.Second, "29"), point(60*time.Second, "27"))}},
		{"by label", `sum by (deployment) (count_over_time({app="shop"}[30s]))`, []any{
			series(map[string]any{"deployment": "d-1"}, point(0, "1"), point(30*time.Second, "29")),
			series(map[string]any{"deployment": "d-2"}, point(30*time.Second, "1"), point(60*time.Second, "29"))}},
		{"rate", `sum(rate({app="shop"}[30s]))`, []any{series(none, point(0, strconv.FormatFloat(1.0/30, 'g', -1, 64)), point(30*time.Second, "1"), point(60*time.Second, strconv.FormatFloat(29.0/30, 'g', -1, 64)))}},
		{"no stream", `sum(count_over_time({app="other"}[30s]))`, []any{}},
		{"no line", `sum(count_over_time({app="shop"} |= "nothing" [30s]))`, []any{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, body, data := ask(t, v, queryRange, "query", tt.query, "start", ns(0), "end", ns(time.Minute), "step", "30")
			if status != 200 {
				t.Fatalf("= %d %s", status, body)
			}
			want := map[string]any{"resultType": "matrix", "result": tt.want, "stats": map[string]any{}}
			if diff := cmp.Diff(want, data); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestInstantCount(t *testing.T) {
	_, _, data := ask(t, filled(), "/loki/api/v1/query", "query", `sum(count_over_time({app="shop"}[1m]))`, "time", ns(time.Minute))
	want := []any{map[string]any{"metric": map[string]any{}, "value": []any{float64(zero.Add(time.Minute).Unix()), "59"}}}
	if diff := cmp.Diff(want, data["result"]); diff != "" || data["resultType"] != "vector" {
		t.Error(data["resultType"], diff)
	}
}

func TestLinesAreCutAtTheLimit(t *testing.T) {
	texts := func(kv ...string) (got []string) {
		kv = append(kv, "query", `{app="shop"}`, "start", ns(0), "end", ns(time.Minute))
		_, _, data := ask(t, filled(), queryRange, kv...)
		for _, s := range as[[]any](data["result"]) {
			s := as[map[string]any](s)
			for _, p := range as[[]any](s["values"]) {
				at, _ := strconv.ParseInt(as[string](as[[]any](p)[0]), 10, 64)
				got = append(got, as[string](as[map[string]any](s["stream"])["deployment"])+" "+time.Unix(0, at).UTC().Format("05"))
			}
		}
		return got
	}
	if diff := cmp.Diff([]string{"d-2 59", "d-2 58"}, texts("limit", "2")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"d-1 00", "d-1 01"}, texts("limit", "2", "direction", "forward")); diff != "" {
		t.Error(diff)
	}
	if n := len(texts()); n != 60 {
		t.Errorf("lines = %d, want all 60: end is exclusive, start is not", n)
	}
}

func TestRefusedQueries(t *testing.T) {
	v := filled()
	tests := []struct{ query, want string }{
		{``, "parse error at line 1, col 1: syntax error: unexpected $end"},
		{`{app="shop"`, "parse error at line 1, col 12: syntax error: unexpected $end"},
		{`{app="shop"} | json`, `parse error at line 1, col 14: syntax error: unexpected '|'`},
		{`{app='shop'}`, `parse error at line 1, col 6: syntax error: unexpected '\''`},
		{`{}`, "parse error : queries require at least one"},
		{`{app=~".*"}`, "parse error : queries require at least one"},
		{`{app!="x"}`, "parse error : queries require at least one"},
		{`{app="x"} |~ "("`, "parse error : error parsing regexp"},
		{`sum(count_over_time({app="x"}))`, `parse error at line 1, col 30: syntax error: unexpected ')'`},
		{`sum(count_over_time({app="x"}[0s]))`, "parse error at line 1, col 31"},
		{`avg(count_over_time({app="x"}[1m]))`, `parse error at line 1, col 1: syntax error: unexpected 'a'`},
	}
	for _, tt := range tests {
		status, body, _ := ask(t, v, queryRange, "query", tt.query, "start", ns(0), "end", ns(time.Minute))
		if status != 400 || !strings.HasPrefix(body, tt.want) {
			t.Errorf("%s = %d %s, want 400 %s", tt.query, status, body, tt.want)
		}
	}
	for _, kv := range [][]string{
		{"start", ns(time.Minute), "end", ns(0)}, {"start", "soon"}, {"limit", "5001"}, {"limit", "-1"}, {"step", "0"},
	} {
		if status, _, _ := ask(t, v, queryRange, append(kv, "query", `{app="shop"}`)...); status != 400 {
			t.Errorf("with %v = %d, want 400", kv, status)
		}
	}
}

func TestSilenceAndLag(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := NewServer(nil)
		count := func() int {
			_, _, data := ask(t, v, queryRange, "query", `{app="shop"}`, "end", time.Now().Add(time.Second).Format(time.RFC3339Nano))
			n := 0
			for _, s := range as[[]any](data["result"]) {
				n += len(as[[]any](as[map[string]any](s)["values"]))
			}
			return n
		}
		l := Labels{"app": "shop"}
		v.Push(l, "one")
		v.SetLag(10 * time.Second)
		v.Push(l, "two")
		if n := count(); n != 0 {
			t.Errorf("lines that lag = %d, want none yet", n)
		}
		<-time.After(11 * time.Second)
		if n := count(); n != 2 {
			t.Errorf("lines after the lag = %d, want 2", n)
		}
		v.Silence(true)
		v.Push(l, "three")
		v.Silence(false)
		v.Push(l, "four")
		<-time.After(11 * time.Second)
		if n := count(); n != 3 {
			t.Errorf("lines around a silence = %d, want 3", n)
		}
	})
}

func TestStoreIsBounded(t *testing.T) {
	s := &Store{MaxLines: 10}
	for i := range 25 {
		s.PushAt(zero.Add(time.Duration(i)*time.Second), Labels{"app": "x"}, strconv.Itoa(i))
	}
	lines := s.Lines()
	if n := len(lines); n > 10 || lines[n-1].Text != "24" {
		t.Errorf("kept %d lines, the last %q; want at most 10 and the newest", n, lines[n-1].Text)
	}
}

func TestFault(t *testing.T) {
	v := filled()
	v.Faults.Inject("page", wire.Fault{Do: wire.HTML()})
	if _, body, _ := ask(t, v, queryRange, "query", `{app="shop"}`); !strings.Contains(body, "<html>") {
		t.Errorf("under a fault = %s", body)
	}
}

// as is v if it has the type, else the type's zero value.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}
