package httpcheck_test

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/deploy/deploytest"
	"rekey/deploy/httpcheck"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

func open(t *testing.T, c httpcheck.Config) *httpcheck.Check {
	t.Helper()
	check, err := httpcheck.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return check
}

func serve(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}

func say(status int, kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestConformance(t *testing.T) {
	deploytest.Check(t, deploytest.CheckBed{
		Open: func(t *testing.T, base string) deploy.Check {
			return open(t, httpcheck.Config{URL: base + "/healthz", JSON: true, Match: `"ok":true`, Timeout: time.Second, MaxBody: 64 << 10})
		},
		Healthy: say(200, "application/json", `{"ok":true}`),
		Probed:  true,
	})
}

func TestAnswers(t *testing.T) {
	const j, page = "application/json; charset=utf-8", "text/html; charset=utf-8"
	cases := []struct {
		name   string
		answer http.HandlerFunc
		config httpcheck.Config
		want   deploy.Outcome
	}{
		{"as expected", say(200, j, `{"ok":true}`), httpcheck.Config{}, deploy.OK},
		{"another good status", say(204, "", ""), httpcheck.Config{Status: []int{200, 204}}, deploy.OK},
		{"created is not ok", say(201, j, "{}"), httpcheck.Config{}, deploy.Bad},
		{"a refusal that is expected", say(401, j, "{}"), httpcheck.Config{Status: []int{401}}, deploy.OK},
		{"a refusal", say(401, j, "{}"), httpcheck.Config{}, deploy.Bad},
		{"failing", say(502, j, `{"ok":false}`), httpcheck.Config{}, deploy.Bad},
		{"too many probes", say(429, j, "{}"), httpcheck.Config{}, deploy.Error},
		{"a proxy", say(407, j, "{}"), httpcheck.Config{}, deploy.Error},
		{"moved", say(302, page, ""), httpcheck.Config{}, deploy.Error},
		{"moved, as expected", say(302, page, ""), httpcheck.Config{Status: []int{302}}, deploy.OK},
		{"matching", say(200, j, `{"ok":true}`), httpcheck.Config{Match: `"ok":\s*true`}, deploy.OK},
		{"not matching", say(200, j, `{"ok":false}`), httpcheck.Config{Match: `"ok":\s*true`}, deploy.Bad},
		{"a page is fine", say(200, page, "<html>"), httpcheck.Config{}, deploy.OK},
		{"a page for JSON", say(200, page, "<html>"), httpcheck.Config{JSON: true}, deploy.Error},
		{"JSON called a page", say(200, page, "{}"), httpcheck.Config{JSON: true}, deploy.Error},
		{"half of JSON", say(200, j, `{"ok":`), httpcheck.Config{JSON: true}, deploy.Error},
		{"nothing for JSON", say(200, j, ""), httpcheck.Config{JSON: true}, deploy.Error},
		{"long, and nobody reads it", say(200, page, strings.Repeat("a", 500)), httpcheck.Config{MaxBody: 100}, deploy.OK},
		{"too long to judge", say(200, page, strings.Repeat("a", 500)), httpcheck.Config{MaxBody: 100, Match: "b"}, deploy.Error},
		{"just short enough", say(200, page, strings.Repeat("a", 99)+"b"), httpcheck.Config{MaxBody: 100, Match: "b$"}, deploy.OK},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			c.config.URL = serve(t, c.answer) + "/healthz"
			got := open(t, c.config).Measure(t.Context(), deploy.Window{})
			if got.Outcome != c.want || got.Hard || got.Detail == "" {
				t.Errorf("%+v, want %s", got, c.want)
			}
			if want := map[bool]float64{true: -1, false: 1}[got.Outcome == deploy.Error]; got.Requests != want {
				t.Errorf("%v requests, want %v", got.Requests, want)
			}
		})
	}
}

func TestRequest(t *testing.T) {
	var got *http.Request
	var body []byte
	base := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	})
	open(t, httpcheck.Config{
		URL: base + "/generate/?size=1", Method: http.MethodPost, JSON: true, Body: `{"prompt":"a"}`,
		Header: http.Header{"content-type": {"application/json"}, "X-Probe": {"rekey"}},
	}).Measure(t.Context(), deploy.Window{})
	said := []string{got.Method, got.URL.String(), got.Header.Get("Content-Type"), got.Header.Get("X-Probe"), got.Header.Get("Accept"), string(body)}
	if diff := cmp.Diff([]string{"POST", "/generate/?size=1", "application/json", "rekey", "application/json", `{"prompt":"a"}`}, said); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// closed is a URL where nobody listens.
func closed(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}

func TestWhoseFault(t *testing.T) {
	well, ill := serve(t, http.NotFound), closed(t)
	self := httptest.NewTLSServer(http.NotFoundHandler()) // with a certificate nobody signed
	t.Cleanup(self.Close)
	cutting := serve(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	failing := serve(t, say(503, "", ""))
	cases := []struct {
		name, url, reference string
		want                 deploy.Outcome
	}{
		{"refused", closed(t), "", deploy.Error},
		{"refused, the reference answers", closed(t), well, deploy.Bad},
		{"refused, the reference too", closed(t), ill, deploy.Error},
		{"refused, the reference is failing", closed(t), failing, deploy.Error},
		{"cut off", cutting, "", deploy.Error},
		{"cut off, the reference answers", cutting, well, deploy.Bad},
		{"certificate, the reference answers", self.URL, well, deploy.Error},
		{"plain HTTP at an https URL", strings.Replace(well, "http:", "https:", 1), well, deploy.Error},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := open(t, httpcheck.Config{URL: c.url, Reference: c.reference}).Measure(t.Context(), deploy.Window{})
			if got.Outcome != c.want || got.Detail == "" {
				t.Errorf("%+v, want %s", got, c.want)
			}
		})
	}
}

// roundTrip is a client without a network, for tests with a clock of their own.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNameThatDoesNotResolve(t *testing.T) {
	c := open(t, httpcheck.Config{
		URL: "https://app.example.com/", Reference: "https://reference.example.com/",
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Host == "app.example.com" {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Name: r.URL.Host, IsNotFound: true}}
			}
			return httptest.NewRecorder().Result(), nil
		})},
	})
	if got := c.Measure(t.Context(), deploy.Window{}); got.Outcome != deploy.Error {
		t.Errorf("%+v", got)
	}
}

func TestLatency(t *testing.T) {
	for _, c := range []struct {
		takes time.Duration
		want  deploy.Outcome
	}{{time.Second, deploy.OK}, {2 * time.Second, deploy.OK}, {2*time.Second + 1, deploy.Bad}, {time.Minute, deploy.Error}} {
		synctest.Test(t, func(t *testing.T) {
			check := open(t, httpcheck.Config{
				URL: "https://app.example.com/", Latency: 2 * time.Second,
				HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					select {
					case <-time.After(c.takes): // of the bubble
						return httptest.NewRecorder().Result(), nil
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				})},
			})
			began := time.Now()
			got := check.Measure(t.Context(), deploy.Window{})
			if got.Outcome != c.want {
				t.Errorf("an answer after %s: %+v", c.takes, got)
			}
			if waited := time.Since(began); waited > 10*time.Second {
				t.Errorf("waited %s", waited)
			}
			if got.Outcome == deploy.OK && got.Value != float64(c.takes.Milliseconds()) {
				t.Errorf("measured %v ms, want %s", got.Value, c.takes)
			}
		})
	}
}

// Neither the URL's query nor what an answer says is repeated.
func TestNothingIsQuoted(t *testing.T) {
	hidden := secret.New("probe-Qx7Zp3Wd9Lm2Kf6Vn4Rb")
	broken := errors.New("malformed answer: " + hidden.Reveal())
	var outputs []any
	for _, transport := range []roundTrip{
		func(*http.Request) (*http.Response, error) { return nil, broken },
		func(r *http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			http.Redirect(w, r, "/login?"+hidden.Reveal(), http.StatusFound)
			return w.Result(), nil
		},
		func(*http.Request) (*http.Response, error) {
			w := httptest.NewRecorder()
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = io.WriteString(w, hidden.Reveal())
			return w.Result(), nil
		},
	} {
		check := open(t, httpcheck.Config{URL: "https://app.example.com/?key=" + hidden.Reveal(), HTTP: &http.Client{Transport: transport}})
		outputs = append(outputs, check.Measure(t.Context(), deploy.Window{}))
	}
	_, err := httpcheck.New(httpcheck.Config{URL: "http://app.example.com/?key=" + hidden.Reveal()})
	secrettest.NoLeak(t, []secret.Value{hidden}, append(outputs, err)...)
}

func TestNew(t *testing.T) {
	good := httpcheck.Config{URL: "https://app.example.com/healthz?deep=1"}
	if !open(t, good).Instant() {
		t.Error("a probe that says it can see the past")
	}
	for name, spoil := range map[string]func(*httpcheck.Config){
		"plain HTTP":           func(c *httpcheck.Config) { c.URL = "http://app.example.com/" },
		"a user":               func(c *httpcheck.Config) { c.URL = "https://u:p@app.example.com/" },
		"no URL":               func(c *httpcheck.Config) { c.URL = "" },
		"a broken reference":   func(c *httpcheck.Config) { c.Reference = "example.com" },
		"a broken expression":  func(c *httpcheck.Config) { c.Match = "(" },
		"a method that writes": func(c *httpcheck.Config) { c.Method = http.MethodDelete },
		"a body with GET":      func(c *httpcheck.Config) { c.Body = "{}" },
		"negative":             func(c *httpcheck.Config) { c.Latency = -1 },
		"never slow enough":    func(c *httpcheck.Config) { c.Latency = time.Minute },
	} {
		c := good
		spoil(&c)
		if _, err := httpcheck.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
