package rest_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// The secrets that every test sends and that hostile answers repeat.
var (
	token  = secret.New("tok-7f3a:Bearer+Secret/0001")
	inBody = secret.New("body-secret \"0002\"")
	asked  = secret.New("query&secret=0003")
	all    = []secret.Value{token, inBody, asked}
)

// hostile is a body that repeats everything it was told.
func hostile(r *http.Request) string {
	body, _ := io.ReadAll(r.Body)
	return r.Header.Get("Authorization") + string(body) + r.URL.RawQuery + token.Reveal() + inBody.Reveal() + asked.Reveal()
}

func client(t *testing.T, base string, own *http.Client) *rest.Client {
	t.Helper()
	c, err := rest.New(rest.Config{Base: base, HTTP: own, Sign: sign})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func sign(r *http.Request, _ []byte) { r.Header.Set("Authorization", token.Reveal()) }

func call(write bool) rest.Call {
	c := rest.Call{Op: "asking the test", Path: "/things", Query: url.Values{"q": {asked.Reveal()}}}
	if write {
		c.Method, c.Write, c.Body = http.MethodPost, true, map[string]string{"value": inBody.Reveal()}
	}
	return c
}

type thing struct {
	Name string `json:"name"`
}

// serve runs a handler on loopback until the test ends.
func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// want is a classified failure without its cause.
type want struct {
	Class  fault.Class
	Reason fault.Reason
	Status int
	Pause  time.Duration
}

func check(t *testing.T, err error, w want) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	f := fault.Of(err)
	if diff := cmp.Diff(w, want{f.Class, f.Reason, f.Status, f.RetryAfter}); diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if f.Op != "asking the test" {
		t.Errorf("operation is %q", f.Op)
	}
	secrettest.NoLeak(t, all, err, f)
}

func TestStatuses(t *testing.T) {
	for code, both := range map[int]struct{ read, write want }{
		400: same(want{fault.Never, fault.Invalid, 400, 0}),
		401: same(want{fault.Ask, fault.Unauthorized, 401, 0}),
		402: same(want{fault.Ask, fault.Unexplained, 402, 0}),
		403: same(want{fault.Ask, fault.Forbidden, 403, 0}),
		404: same(want{fault.Ask, fault.NotFound, 404, 0}),
		409: same(want{fault.Ask, fault.Conflict, 409, 0}),
		422: same(want{fault.Never, fault.Invalid, 422, 0}),
		429: same(want{fault.Again, fault.RateLimited, 429, 0}),
		408: {want{fault.Again, fault.TimedOut, 408, 0}, want{fault.Lost, fault.TimedOut, 408, 0}},
		500: {want{fault.Again, fault.ServerError, 500, 0}, want{fault.Lost, fault.ServerError, 500, 0}},
		503: {want{fault.Again, fault.ServerError, 503, 0}, want{fault.Lost, fault.ServerError, 503, 0}},
		202: {want{fault.Ask, fault.Garbled, 202, 0}, want{fault.Lost, fault.Garbled, 202, 0}},
		304: {want{fault.Ask, fault.Garbled, 304, 0}, want{fault.Lost, fault.Garbled, 304, 0}},
	} {
		s := serve(t, func(w http.ResponseWriter, r *http.Request) {
			text := hostile(r)
			w.Header().Set("X-Echo", url.QueryEscape(text))
			w.WriteHeader(code)
			_, _ = io.WriteString(w, text)
		})
		c := client(t, s.URL, s.Client())
		for write, expected := range map[bool]want{false: both.read, true: both.write} {
			var out thing
			answer, err := c.Do(t.Context(), call(write), &out)
			check(t, err, expected)
			if answer.Status != code {
				t.Errorf("the answer's status is %d, want %d", answer.Status, code)
			}
		}
	}
}

// A page that refuses is a proxy's or a login's: people mend no credential for it.
func TestWhatRefusesInBetween(t *testing.T) {
	for body, page := range map[string]bool{"<!DOCTYPE html><p>Sign in": true, "  <html>": true, `{"error":"<html>"}`: false, "no": false, "": false} {
		for _, code := range []int{401, 403, 404, 503} {
			s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(code)
				_, _ = io.WriteString(w, body)
			})
			var said thing
			for _, into := range []any{nil, &said, new([]byte)} {
				c := call(false)
				c.Refusal = into
				_, err := client(t, s.URL, s.Client()).Do(t.Context(), c, nil)
				if f := fault.Of(err); f.Foreign != (page && code < 404) || f.Status != code {
					t.Errorf("%q with %d: foreign %v", body, code, f.Foreign)
				}
			}
		}
	}
}

func same(w want) struct{ read, write want } { return struct{ read, write want }{w, w} }

func TestRateLimitSaysHowLong(t *testing.T) {
	for header, pause := range map[string]time.Duration{"": 0, "17": 17 * time.Second, "eventually": 0} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", header)
			w.WriteHeader(http.StatusTooManyRequests)
		})
		_, err := client(t, s.URL, s.Client()).Do(t.Context(), call(true), nil)
		check(t, err, want{fault.Again, fault.RateLimited, 429, pause})
	}
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	_, err := client(t, s.URL, s.Client()).Do(t.Context(), call(false), nil)
	if pause := fault.Of(err).RetryAfter; pause <= 0 || pause > time.Hour {
		t.Errorf("a date one hour ahead became %v", pause)
	}
}

func TestAcceptedAnswers(t *testing.T) {
	var got *http.Request
	var sent []byte
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		sent, _ = io.ReadAll(r.Body)
		w.Header().Set("X-Version", "7")
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"name":"new"}`)
	})
	c := call(true)
	c.OK = []int{http.StatusOK, http.StatusCreated}
	c.Header = http.Header{"x-case": {"kept"}}
	c.Sign = func(r *http.Request, body []byte) { r.Header.Set("X-Length", string(rune('0'+len(body)%10))) }
	var out thing
	answer, err := client(t, s.URL+"/base/", s.Client()).Do(t.Context(), c, &out)
	if err != nil {
		t.Fatal(err)
	}
	if out.Name != "new" || answer.Status != 201 || answer.Header.Get("X-Version") != "7" {
		t.Errorf("decoded %+v from %+v", out, answer)
	}
	for what, pair := range map[string][2]string{
		"path":         {got.URL.Path, "/base/things"},
		"query":        {got.URL.Query().Get("q"), asked.Reveal()},
		"content type": {got.Header.Get("Content-Type"), "application/json"},
		"accept":       {got.Header.Get("Accept"), "application/json"},
		"signature":    {got.Header.Get("Authorization"), token.Reveal()},
		"own header":   {got.Header.Get("X-Case"), "kept"},
		"own sign":     {got.Header.Get("X-Length"), string(rune('0' + len(sent)%10))},
		"body":         {string(sent), mustJSON(t, map[string]string{"value": inBody.Reveal()})},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s differs from what was asked for", what)
		}
	}
}

func mustJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestUnusableAnswers(t *testing.T) {
	html := "<!doctype html><p>signed in as " + token.Reveal()
	for name, c := range map[string]struct {
		body   string
		reason fault.Reason
	}{
		"HTML":           {html, fault.Garbled},
		"nothing":        {"", fault.Garbled},
		"null":           {" null\n", fault.Garbled},
		"cut short":      {`{"name":"` + token.Reveal(), fault.Garbled},
		"two values":     {`{"name":"x"}{"name":"y"}`, fault.Garbled},
		"another shape":  {`["` + strings.ReplaceAll(token.Reveal(), `"`, ``) + `"]`, fault.Garbled},
		"one byte extra": {`"` + strings.Repeat("x", 1<<20) + `"`, fault.TooLarge},
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, c.body) })
		for write, class := range map[bool]fault.Class{false: fault.Ask, true: fault.Lost} {
			t.Run(name, func(t *testing.T) {
				var out thing
				_, err := client(t, s.URL, s.Client()).Do(t.Context(), call(write), &out)
				check(t, err, want{class, c.reason, 200, 0})
			})
		}
	}
}

// TestHugeBodyIsNotRead: the server must notice that we went away long before
// it has sent its 50 MB.
func TestHugeBodyIsNotRead(t *testing.T) {
	sent := make(chan int, 2)
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		total, chunk := 0, []byte(strings.Repeat("x", 1<<16))
		for range 50 << 20 / len(chunk) {
			n, err := w.Write(chunk)
			if total += n; err != nil {
				break
			}
		}
		sent <- total
	})
	for _, out := range []any{&thing{}, nil} {
		_, err := client(t, s.URL, s.Client()).Do(t.Context(), call(false), out)
		check(t, err, want{fault.Ask, fault.TooLarge, 200, 0})
		if total := <-sent; total == 50<<20 {
			t.Errorf("all %d bytes were taken", total)
		}
	}
}

func TestRefusalIsDecodedForDeciding(t *testing.T) {
	for body, name := range map[string]string{
		`{"name":"authorization_error"}`: "authorization_error",
		`<html>`:                         "",
		`{"name":7}`:                     "",
		`{"name":"cut`:                   "",
		strings.Repeat(" ", 1<<20) + `{"name":"beyond the bound"}`: "",
	} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = io.WriteString(w, body)
		})
		var refusal thing
		c := call(false)
		c.Refusal = &refusal
		_, err := client(t, s.URL, s.Client()).Do(t.Context(), c, nil)
		check(t, err, want{fault.Ask, fault.Unauthorized, 401, 0})
		if refusal.Name != name {
			t.Errorf("a refusal of %d bytes gave %q, want %q", len(body), refusal.Name, name)
		}
	}
}

// TestBodiesAsTheyAre: a service that speaks XML is judged by its adapter.
func TestBodiesAsTheyAre(t *testing.T) {
	for code, reason := range map[int]fault.Reason{200: "", 403: fault.Forbidden} {
		s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(code)
			_, _ = io.WriteString(w, "<Error>no</Error>")
		})
		var body, refusal []byte
		c := call(false)
		c.Refusal = &refusal
		_, err := client(t, s.URL, s.Client()).Do(t.Context(), c, &body)
		if got := string(body) + string(refusal); got != "<Error>no</Error>" || (err == nil) != (code == 200) {
			t.Errorf("%d: %q and %v", code, got, err)
		}
		if err != nil {
			check(t, err, want{fault.Ask, reason, code, 0})
		}
	}
}

func TestRequestsThatAreNeverSent(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("it was sent") })
	for name, spoil := range map[string]func(*rest.Call){
		"secret in the body":  func(c *rest.Call) { c.Body = map[string]any{"value": inBody} },
		"another host":        func(c *rest.Call) { c.Path = ".evil.example/keys" },
		"query in the path":   func(c *rest.Call) { c.Path = "/keys?all=" + asked.Reveal() },
		"climbing path":       func(c *rest.Call) { c.Path = "/keys/.." },
		"malformed escape":    func(c *rest.Call) { c.Path = "/keys/%zz" + asked.Reveal() },
		"method with a space": func(c *rest.Call) { c.Method = "DELETE ALL" },
	} {
		t.Run(name, func(t *testing.T) {
			c := call(true)
			spoil(&c)
			_, err := client(t, s.URL, s.Client()).Do(context.Background(), c, nil)
			check(t, err, want{fault.Never, fault.Invalid, 0, 0})
		})
	}
}

func TestBaseURLs(t *testing.T) {
	for base, good := range map[string]bool{
		"https://api.fal.ai/v1":        true,
		"https://api.fal.ai/v1/":       true,
		"http://127.0.0.1:8080":        true,
		"http://[::1]:8080/x":          true,
		"http://localhost":             true,
		"http://api.fal.ai":            false,
		"http://127.0.0.1.evil.com":    false,
		"http://10.0.0.1":              false,
		"ftp://127.0.0.1":              false,
		"api.fal.ai":                   false,
		"":                             false,
		"https://":                     false,
		"https://x.example/?":          false,
		"https://x.example/?key=hush1": false,
		"https://me:hush1@x.example":   false,
		"https://x.example/#hush1":     false,
		"https://x.example/%zz-hush1":  false,
	} {
		_, err := rest.New(rest.Config{Base: base})
		if (err == nil) != good {
			t.Errorf("%q: %v", base, err)
		}
		if err != nil && strings.Contains(err.Error(), "hush1") {
			t.Errorf("%q is quoted: %v", base, err)
		}
	}
}
