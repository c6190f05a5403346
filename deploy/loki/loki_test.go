package loki_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/deploy/deploytest"
	"rekey/deploy/loki"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

const (
	all      = `{app="web", deployment="{{deployment}}"}`
	failed   = all + ` |= "level=error"`
	requests = all + ` |= "msg=request"`
)

var (
	token = secret.New("glc_Tq7Yk2Pz9Wm4Xd6Rb1Vn")
	fresh = secret.New("id-new:7vQ2mX9pLr4TzW8cK5nB")
	refus = []string{`fal: 401 Unauthorized`, `(?i)invalid api key`}
)

// line is a log line of a deployment.
type line struct {
	at         time.Time
	deployment string
	text       string
}

// server is a Loki that understands the queries above and counts for real.
type server struct {
	t       testing.TB
	mu      sync.Mutex
	lines   []line
	heads   []http.Header
	queries []string
	instead func(query string) string // a body in place of the answer, "" for none
}

var (
	counting  = regexp.MustCompile(`^sum\(count_over_time\((.*) \[(\d+)ms\]\)\)$`)
	selecting = regexp.MustCompile(`^\{app="web", deployment="([^"]*)"\}(?: \|= "([^"]*)")?(?: \|~ (".*"))?$`)
)

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.URL.Path != "/loki/api/v1/query_range" {
		http.NotFound(w, r)
		return
	}
	q := r.URL.Query()
	s.heads, s.queries = append(s.heads, r.Header.Clone()), append(s.queries, q.Get("query"))
	if s.instead != nil {
		if body := s.instead(q.Get("query")); body != "" {
			_, _ = io.WriteString(w, body)
			return
		}
	}
	kind, result := "matrix", s.count(w, q.Get("query"), moment(q.Get("start")))
	if !counting.MatchString(q.Get("query")) {
		limit, _ := strconv.Atoi(q.Get("limit"))
		kind, result = "streams", s.newest(q.Get("query"), moment(q.Get("start")), moment(q.Get("end")), limit)
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"status": "success", "data": map[string]any{"resultType": kind, "result": result}})
}

func moment(text string) time.Time {
	n, _ := strconv.ParseInt(text, 10, 64)
	return time.Unix(0, n)
}

// count answers for the lines in (at-over, at], as LogQL does.
func (s *server) count(w http.ResponseWriter, query string, at time.Time) []any {
	parts := counting.FindStringSubmatch(query)
	if parts == nil {
		return []any{}
	}
	over, err := strconv.Atoi(parts[2])
	if err != nil {
		http.Error(w, "parse error", http.StatusBadRequest)
		return nil
	}
	n := 0
	for _, l := range s.fitting(parts[1]) {
		if l.at.After(at.Add(-time.Duration(over)*time.Millisecond)) && !l.at.After(at) {
			n++
		}
	}
	if n == 0 {
		return []any{}
	}
	return []any{map[string]any{"metric": map[string]string{}, "values": []any{[]any{float64(at.Unix()), strconv.Itoa(n)}}}}
}

func (s *server) newest(query string, from, to time.Time, limit int) []any {
	values := [][2]string{}
	fit := s.fitting(query)
	for i := len(fit) - 1; i >= 0 && len(values) < limit; i-- {
		if l := fit[i]; !l.at.Before(from) && l.at.Before(to) {
			values = append(values, [2]string{strconv.FormatInt(l.at.UnixNano(), 10), l.text})
		}
	}
	return []any{map[string]any{"stream": map[string]string{"app": "web"}, "values": values}}
}

func (s *server) fitting(selection string) []line {
	parts := selecting.FindStringSubmatch(selection)
	if parts == nil {
		s.t.Errorf("a query that Loki would have to parse by itself: %s", selection)
		return nil
	}
	pattern := ""
	if parts[3] != "" {
		var err error
		if pattern, err = strconv.Unquote(parts[3]); err != nil {
			s.t.Errorf("quoting: %v", err)
		}
	}
	re := regexp.MustCompile(pattern)
	var fit []line
	for _, l := range s.lines {
		if l.deployment == parts[1] && strings.Contains(l.text, parts[2]) && re.MatchString(l.text) {
			fit = append(fit, l)
		}
	}
	return fit
}

// log adds n lines, the first at an offset from the window's beginning and
// the others a second apart.
func (s *server) log(n int, after time.Duration, deployment, text string) {
	for i := range n {
		s.lines = append(s.lines, line{deploytest.Window().From.Add(after + time.Duration(i)*time.Second), deployment, text})
	}
}

func keyed(context.Context) (secret.Value, error) { return token, nil }

func open(t *testing.T, base string, spoil func(*loki.Config)) *loki.Check {
	t.Helper()
	c := loki.Config{
		URL: base, Tenant: "web", Token: keyed, Timeout: time.Second,
		Query: all, Errors: failed, Requests: requests,
	}
	if spoil != nil {
		spoil(&c)
	}
	check, err := loki.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func start(t *testing.T, spoil func(*loki.Config)) (*server, *loki.Check) {
	t.Helper()
	s := &server{t: t}
	web := httptest.NewServer(s)
	t.Cleanup(web.Close)
	return s, open(t, web.URL, spoil)
}

func window(signatures ...string) deploy.Window {
	w := deploytest.Window()
	w.Signatures = signatures
	return w
}

func TestConformance(t *testing.T) {
	healthy := &server{t: t}
	healthy.log(30, 0, "dpl-7", "level=info msg=request status=200")
	speaking := &server{t: t}
	for _, v := range append(deploytest.Spoken(), token) {
		speaking.log(1, 0, "dpl-7", "fal: 401 Unauthorized for "+v.Reveal())
	}
	deploytest.Check(t, deploytest.CheckBed{
		Open:    func(t *testing.T, base string) deploy.Check { return open(t, base, nil) },
		Healthy: healthy, Secrets: []secret.Value{token}, Speaking: speaking,
	})
}

// misses gives the check a selection that is valid and holds nothing of the
// application.
func misses(c *loki.Config) { c.Query = all + ` |= "app=wbe"` }

func TestCounts(t *testing.T) {
	const request, trouble = "level=info msg=request status=200", "level=error msg=timeout"
	cases := []struct {
		name  string
		log   func(*server)
		spoil func(*loki.Config)
		want  deploy.Measurement
	}{
		{name: "traffic without errors", log: func(s *server) { s.log(20, 0, "dpl-7", request) }, want: deploy.Measurement{Outcome: deploy.OK, Requests: 20}},
		{name: "traffic with errors", log: func(s *server) { s.log(20, 0, "dpl-7", request); s.log(3, 0, "dpl-7", trouble) }, want: deploy.Measurement{Outcome: deploy.OK, Value: 3, Requests: 20}},
		{name: "errors without traffic", log: func(s *server) { s.log(3, 0, "dpl-7", trouble) }, want: deploy.Measurement{Outcome: deploy.OK, Value: 3}},
		{name: "silence", log: func(*server) {}, want: deploy.Measurement{Outcome: deploy.NoData}},
		{name: "lines, yet no request", log: func(s *server) { s.log(9, 0, "dpl-7", "level=info msg=started") }, want: deploy.Measurement{Outcome: deploy.NoData}},
		{name: "another deployment's", log: func(s *server) { s.log(20, 0, "dpl-6", request); s.log(9, 0, "dpl-6", trouble) }, want: deploy.Measurement{Outcome: deploy.NoData}},
		{name: "earlier and later", log: func(s *server) { s.log(9, -9*time.Second, "dpl-7", request); s.log(9, time.Minute, "dpl-7", request) }, want: deploy.Measurement{Outcome: deploy.NoData}},
		{name: "from its first to before its last moment", log: func(s *server) { s.log(61, 0, "dpl-7", request) }, want: deploy.Measurement{Outcome: deploy.OK, Requests: 60}},
		{name: "requests not counted", log: func(s *server) { s.log(2, 0, "dpl-7", trouble) }, spoil: func(c *loki.Config) { c.Requests = "" }, want: deploy.Measurement{Outcome: deploy.OK, Value: 2, Requests: -1}},
		{name: "requests not counted, lines seen", log: func(s *server) { s.log(2, 0, "dpl-7", request) }, spoil: func(c *loki.Config) { c.Requests = "" }, want: deploy.Measurement{Outcome: deploy.OK, Requests: -1}},
		{name: "requests not counted, silence", log: func(*server) {}, spoil: func(c *loki.Config) { c.Requests = "" }, want: deploy.Measurement{Outcome: deploy.NoData, Requests: -1}},
		{name: "errors not counted", log: func(s *server) { s.log(20, 0, "dpl-7", request); s.log(9, 0, "dpl-7", trouble) }, spoil: func(c *loki.Config) { c.Errors = "" }, want: deploy.Measurement{Outcome: deploy.OK, Requests: 20}},
		{name: "failures looked for where no line is", log: func(s *server) { s.log(20, 0, "dpl-7", request) }, spoil: misses, want: deploy.Measurement{Outcome: deploy.Error, Requests: -1}},
		{name: "the same, with errors", log: func(s *server) { s.log(3, 0, "dpl-7", trouble) }, spoil: misses, want: deploy.Measurement{Outcome: deploy.Error, Requests: -1}},
		{name: "the same, requests not counted", log: func(s *server) { s.log(3, 0, "dpl-7", trouble) }, spoil: func(c *loki.Config) { misses(c); c.Requests = "" }, want: deploy.Measurement{Outcome: deploy.Error, Requests: -1}},
		{name: "the same, in silence", log: func(*server) {}, spoil: misses, want: deploy.Measurement{Outcome: deploy.NoData}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s, check := start(t, c.spoil)
			c.log(s)
			got := check.Measure(t.Context(), window(refus...))
			got.Detail = ""
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestDeploymentsSideBySide: while instances are replaced, the window's lines are
// those of several deployments. A selection that does not ask for deployments
// is counted once.
func TestDeploymentsSideBySide(t *testing.T) {
	const request, trouble = "level=info msg=request status=200", "level=error msg=timeout"
	s, check := start(t, nil)
	s.log(20, 0, "dpl-7", request)
	s.log(5, 0, "dpl-6", request)
	s.log(2, 0, "dpl-6", trouble)
	s.log(9, 0, "dpl-5", trouble)
	w := window(refus...)
	w.Beside = []string{"dpl-6"}
	if got := check.Measure(t.Context(), w); got.Outcome != deploy.OK || got.Value != 2 || got.Requests != 25 {
		t.Errorf("two deployments: %+v", got)
	}
	s.log(1, 0, "dpl-6", "level=error msg=\"fal: 401 Unauthorized\"")
	if got := check.Measure(t.Context(), w); !got.Hard || got.Value != 1 || !strings.Contains(got.Said.Masked(fresh), "fal: 401") {
		t.Errorf("a failure in one of them: %+v", got)
	}
	s, check = start(t, func(c *loki.Config) {
		for _, q := range []*string{&c.Query, &c.Errors, &c.Requests} {
			*q = strings.ReplaceAll(*q, "{{deployment}}", "dpl-7")
		}
	})
	s.log(20, 0, "dpl-7", request)
	if got := check.Measure(t.Context(), w); got.Requests != 20 {
		t.Errorf("a selection of its own: %+v", got)
	}
}

func TestHardSignature(t *testing.T) {
	s, check := start(t, nil)
	s.log(20, 0, "dpl-7", "level=info msg=request status=200")
	s.log(1, 30*time.Second, "dpl-7", `level=error msg="fal: 401 Unauthorized: key `+fresh.Reveal()+` refused"`+"\ntrace="+strings.Repeat("é", 300))
	s.log(5, 0, "dpl-6", `level=error msg="fal: 401 Unauthorized"`)
	got := check.Measure(t.Context(), window(refus...))
	if got.Outcome != deploy.Bad || !got.Hard || got.Value != 1 || got.Requests != 20 {
		t.Errorf("%+v", got)
	}
	secrettest.NoLeak(t, []secret.Value{fresh, token}, got)
	said := got.Said.Masked(fresh)
	if got.Detail != "one log line says that this credential is failing" || !strings.HasPrefix(said, `level=error msg="fal: 401 Unauthorized: key [secret] refused"`) {
		t.Errorf("people are shown %q and %q", got.Detail, said)
	}
	if m := check.Measure(t.Context(), window()); m.Outcome != deploy.OK || m.Hard {
		t.Errorf("without signatures: %+v", m)
	}
}

func TestAtMostThreeSamplesTheNewest(t *testing.T) {
	s, check := start(t, nil)
	for i := range 9 {
		s.log(1, time.Duration(i)*time.Second, "dpl-7", fmt.Sprintf("INVALID API KEY number %d", i))
	}
	got := check.Measure(t.Context(), window(refus...))
	if said, want := got.Said.Masked(fresh), "INVALID API KEY number 8\nINVALID API KEY number 7\nINVALID API KEY number 6"; said != want {
		t.Errorf("people are shown %q", said)
	}
}

// A failure that was seen stays one, whatever else cannot be asked.
func TestHitIsNotLost(t *testing.T) {
	s, check := start(t, nil)
	s.log(1, 0, "dpl-7", "invalid api key")
	s.instead = func(query string) string {
		if strings.HasPrefix(query, "sum(") && strings.Contains(query, "|~") {
			return ""
		}
		return "<html>"
	}
	got := check.Measure(t.Context(), window(refus...))
	if got.Outcome != deploy.Bad || !got.Hard || got.Requests != -1 {
		t.Errorf("%+v", got)
	}
}

// Each of the queries alone makes a measurement impossible.
func TestEachQueryMustBeAnswered(t *testing.T) {
	for _, broken := range []string{"|~", "level=error", "msg=request", `dpl-7"} [`} {
		s, check := start(t, nil)
		s.log(20, 0, "dpl-7", "level=info msg=request status=200")
		s.instead = func(query string) string {
			if strings.Contains(query, broken) {
				return `{"status":"error"}`
			}
			return ""
		}
		if got := check.Measure(t.Context(), window(refus...)); got.Outcome != deploy.Error {
			t.Errorf("without the answer about %s: %+v", broken, got)
		}
	}
}

func TestAnswersThatAreNone(t *testing.T) {
	const sample = `{"metric":{},"values":[[1793610900,"7"]]}`
	whole := func(data string) string { return `{"status":"success","data":` + data + `}` }
	cases := map[string]struct {
		body string
		want deploy.Outcome
	}{
		"the real thing":         {whole(`{"resultType":"matrix","result":[` + sample + `]}`), deploy.OK},
		"an empty list":          {whole(`{"resultType":"matrix","result":[]}`), deploy.NoData},
		"warnings":               {`{"status":"success","warnings":["timeout on a querier"],"data":{"resultType":"matrix","result":[` + sample + `]}}`, deploy.Error},
		"empty warnings":         {`{"status":"success","warnings":[],"data":{"resultType":"matrix","result":[` + sample + `]}}`, deploy.OK},
		"an empty object":        {`{}`, deploy.Error},
		"null":                   {`null`, deploy.Error},
		"no status":              {`{"data":{"resultType":"matrix","result":[]}}`, deploy.Error},
		"an error":               {`{"status":"error","data":{"resultType":"matrix","result":[]}}`, deploy.Error},
		"no data":                {`{"status":"success"}`, deploy.Error},
		"no result":              {whole(`{"resultType":"matrix"}`), deploy.Error},
		"a null result":          {whole(`{"resultType":"matrix","result":null}`), deploy.Error},
		"an object for a result": {whole(`{"resultType":"matrix","result":{}}`), deploy.Error},
		"another kind":           {whole(`{"resultType":"streams","result":[]}`), deploy.Error},
		"two series":             {whole(`{"resultType":"matrix","result":[` + sample + `,` + sample + `]}`), deploy.Error},
		"no values":              {whole(`{"resultType":"matrix","result":[{"metric":{}}]}`), deploy.Error},
		"a bare number":          {whole(`{"resultType":"matrix","result":[{"values":[[1,7]]}]}`), deploy.Error},
		"half a point":           {whole(`{"resultType":"matrix","result":[{"values":[[1]]}]}`), deploy.Error},
		"not a number":           {whole(`{"resultType":"matrix","result":[{"values":[[1,"NaN"]]}]}`), deploy.Error},
		"infinite":               {whole(`{"resultType":"matrix","result":[{"values":[[1,"+Inf"]]}]}`), deploy.Error},
		"less than none":         {whole(`{"resultType":"matrix","result":[{"values":[[1,"-1"]]}]}`), deploy.Error},
		"cut off":                {`{"status":"success","data":{"resultType":"matrix","result":[`, deploy.Error},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			s, check := start(t, nil)
			s.instead = func(string) string { return c.body }
			if got := check.Measure(t.Context(), window()); got.Outcome != c.want || got.Hard {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

func TestScopeCannotBeEscaped(t *testing.T) {
	s, check := start(t, nil)
	for _, deployment := range []string{"", `x"} or {app="other`, "a b", "ä", strings.Repeat("a", 65), "x\n"} {
		w := window()
		w.Deployment = deployment
		if got := check.Measure(t.Context(), w); got.Outcome != deploy.Error {
			t.Errorf("deployment %q: %+v", deployment, got)
		}
	}
	if len(s.queries) > 0 {
		t.Errorf("asked %q", s.queries)
	}
}

func TestSignaturesThatMatchEverything(t *testing.T) {
	s, check := start(t, nil)
	s.log(20, 0, "dpl-7", "level=info msg=request")
	for _, pattern := range []string{"", ".*", "(", "x|"} {
		if got := check.Measure(t.Context(), window("fal: 401", pattern)); got.Outcome != deploy.Error || got.Hard {
			t.Errorf("signature %q: %+v", pattern, got)
		}
	}
}

// A window's odd microseconds belong to it.
func TestOddWindow(t *testing.T) {
	s, check := start(t, nil)
	s.log(1, 0, "dpl-7", "level=info msg=request")
	w := window()
	w.To = w.From.Add(300*time.Millisecond + time.Microsecond)
	if got := check.Measure(t.Context(), w); got.Outcome != deploy.OK || got.Requests != 1 {
		t.Errorf("%+v", got)
	}
}

func TestEmptyWindow(t *testing.T) {
	_, check := start(t, nil)
	w := window()
	w.To = w.From
	if got := check.Measure(t.Context(), w); got.Outcome != deploy.Error {
		t.Errorf("%+v", got)
	}
}

func TestAuthentication(t *testing.T) {
	for name, c := range map[string]struct {
		spoil func(*loki.Config)
		want  string
	}{
		"bearer": {func(*loki.Config) {}, "Bearer " + token.Reveal()},
		"basic":  {func(c *loki.Config) { c.User = "12345" }, "Basic MTIzNDU6Z2xjX1RxN1lrMlB6OVdtNFhkNlJiMVZu"},
		"none":   {func(c *loki.Config) { c.Token = nil }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			s, check := start(t, c.spoil)
			check.Measure(t.Context(), window())
			if len(s.heads) == 0 {
				t.Fatal("nothing was asked")
			}
			for _, h := range s.heads {
				if h.Get("Authorization") != c.want || h.Get("X-Scope-OrgID") != "web" {
					t.Errorf("sent %q as tenant %q", h.Get("Authorization"), h.Get("X-Scope-OrgID"))
				}
			}
		})
	}
}

func TestTokenThatCannotBeRead(t *testing.T) {
	s, check := start(t, func(c *loki.Config) {
		c.Token = func(context.Context) (secret.Value, error) { return secret.Value{}, io.ErrUnexpectedEOF }
	})
	if got := check.Measure(t.Context(), window()); got.Outcome != deploy.Error || len(s.queries) > 0 {
		t.Errorf("%+v after %d queries", got, len(s.queries))
	}
}

func TestNew(t *testing.T) {
	good := loki.Config{URL: "https://logs.example.com/prefix", Query: all}
	if _, err := loki.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*loki.Config){
		"plain HTTP":          func(c *loki.Config) { c.URL = "http://logs.example.com" },
		"no query":            func(c *loki.Config) { c.Query = "" },
		"a metric query":      func(c *loki.Config) { c.Query = `sum(rate({app="web"}[1m]))` },
		"another placeholder": func(c *loki.Config) { c.Errors = `{app="{{app}}"}` },
		"a template":          func(c *loki.Config) { c.Requests = `{app="web"} | line_format "{{.x}}"` },
		"a step of nothing":   func(c *loki.Config) { c.Step = time.Nanosecond },
	} {
		c := good
		spoil(&c)
		if _, err := loki.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
