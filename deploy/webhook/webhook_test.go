package webhook_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/deploy/deploytest"
	"rekey/deploy/webhook"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

var key = secret.New("whsec_Jf8Kq2Lz5Xc9Vb3Nm7Ty")

// target is a platform that keeps its side of the contract.
type target struct {
	t       testing.TB
	mu      sync.Mutex
	ids     []string
	bodies  []map[string]any
	sent    strings.Builder
	word    string
	lose    bool
	trigger func(w http.ResponseWriter, r *http.Request, n int) // answers instead
	status  http.HandlerFunc                                    // answers instead
}

func (g *target) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	_, _ = fmt.Fprintf(&g.sent, "%s %s %v %s\n", r.Method, r.URL, r.Header, body)
	signed := body
	if r.Method == http.MethodGet {
		signed = []byte(r.URL.EscapedPath())
	}
	if !fits(r.Header.Get(webhook.SignatureHeader), signed) {
		http.Error(w, "wrong signature", http.StatusUnauthorized)
		return
	}
	if r.Method == http.MethodGet {
		g.tell(w, r)
		return
	}
	g.accept(w, r, body)
}

// fits computes the signature again for the time it names.
func fits(header string, what []byte) bool {
	at, _, _ := strings.Cut(strings.TrimPrefix(header, "t="), ",")
	unix, err := strconv.ParseInt(at, 10, 64)
	return err == nil && time.Since(time.Unix(unix, 0)).Abs() < 5*time.Minute && header == webhook.Sign(key, time.Unix(unix, 0), what)
}

func (g *target) accept(w http.ResponseWriter, r *http.Request, body []byte) {
	var asked map[string]any
	if err := json.Unmarshal(body, &asked); err != nil {
		g.t.Errorf("the trigger is not JSON: %v", err)
	}
	id := r.Header.Get("Idempotency-Key")
	if asked["id"] != id {
		g.t.Errorf("id %v and Idempotency-Key %q differ", asked["id"], id)
	}
	n := -1
	for i, known := range g.ids {
		if known == id {
			n = i
		}
	}
	if n < 0 {
		n = len(g.ids)
		g.ids, g.bodies = append(g.ids, id), append(g.bodies, asked)
	}
	if g.lose {
		g.lose = false
		panic(http.ErrAbortHandler)
	}
	if g.trigger != nil {
		g.trigger(w, r, n)
		return
	}
	w.WriteHeader(http.StatusAccepted)
	_ = json.NewEncoder(w).Encode(map[string]string{
		"status_url":     fmt.Sprintf("http://%s/deployments/%d", r.Host, n),
		"deployment_url": fmt.Sprintf("https://console.example.com/d/%d", n),
		"deployment":     fmt.Sprintf("dpl-%d", n),
	})
}

func (g *target) tell(w http.ResponseWriter, r *http.Request) {
	if g.status != nil {
		g.status(w, r)
		return
	}
	_ = json.NewEncoder(w).Encode(map[string]string{"status": g.word, "detail": "replacing instances", "deployment": "dpl-0"})
}

func keyed(context.Context) (secret.Value, error) { return key, nil }

// bed starts a target and a deployer for it.
func bed(t *testing.T, spoil func(*webhook.Config)) (*target, *webhook.Deployer) {
	t.Helper()
	g := &target{t: t, word: "queued"}
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	c := webhook.Config{URL: server.URL + "/deploy", Secret: keyed}
	if spoil != nil {
		spoil(&c)
	}
	d, err := webhook.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return g, d
}

func request(id string) deploy.Request {
	return deploy.Request{ID: id, Environment: "production", Reason: "rotation of FAL_KEY", Secrets: []string{"FAL_KEY"}, RequestedBy: "U0123", Attempt: 2}
}

func TestConformance(t *testing.T) {
	words := map[deploy.Phase]string{
		deploy.Queued: "queued", deploy.Running: "running", deploy.Live: "succeeded",
		deploy.Failed: "failed", deploy.Cancelled: "cancelled", deploy.Unknown: "ready",
	}
	deploytest.Deployer(t, func(t *testing.T) deploytest.DeployerBed {
		g := &target{t: t, word: "queued"}
		server := httptest.NewServer(g)
		t.Cleanup(server.Close)
		open := func() deploy.Deployer {
			d, err := webhook.New(webhook.Config{URL: server.URL + "/deploy", Secret: keyed})
			if err != nil {
				t.Fatal(err)
			}
			return d
		}
		locked := func(act func()) { g.mu.Lock(); defer g.mu.Unlock(); act() }
		return deploytest.DeployerBed{
			Deployer: open(), Restarted: open, Environment: "production", Secrets: []secret.Value{key},
			Started:    func() (n int) { locked(func() { n = len(g.ids) }); return n },
			Become:     func(p deploy.Phase) { locked(func() { g.word = words[p] }) },
			LoseAnswer: func() { locked(func() { g.lose = true }) },
			Speak: func(words string) {
				locked(func() {
					g.status = func(w http.ResponseWriter, _ *http.Request) {
						_ = json.NewEncoder(w).Encode(map[string]string{"status": "failed", "detail": words, "deployment": words})
					}
				})
			},
			Leave: server.Close,
			Sent:  func() (text string) { locked(func() { text = g.sent.String() }); return text },
		}
	})
}

// The vector was computed with Python's hmac: a target in any language must
// come to the same digits.
func TestSign(t *testing.T) {
	got := webhook.Sign(key, time.Unix(1793610000, 0), []byte(`{"id":"rot-1"}`))
	if want := "t=1793610000,v1=608a7bc1e6f3857f984d11033da9f4acb8b72ae6c9bc8921cc33e2bf96336e5f"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestTrigger(t *testing.T) {
	g, d := bed(t, nil)
	h, err := d.Trigger(t.Context(), request("rot-1"))
	if err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(h.StatusURL, "http://")
	host, _, _ = strings.Cut(host, "/")
	want := deploy.Handle{ID: "rot-1", StatusURL: "http://" + host + "/deployments/0", Deployment: "dpl-0", URL: "https://console.example.com/d/0"}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("handle (-want +got):\n%s", diff)
	}
	body := map[string]any{
		"id": "rot-1", "environment": "production", "reason": "rotation of FAL_KEY",
		"secrets": []any{"FAL_KEY"}, "requested_by": "U0123", "attempt": 2.0,
	}
	if diff := cmp.Diff([]map[string]any{body}, g.bodies); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
}

// TestRebuildIsSaid: a target is told where a restart would not do.
func TestRebuildIsSaid(t *testing.T) {
	g, d := bed(t, nil)
	asked := request("rot-1")
	asked.Rebuild = true
	if _, err := d.Trigger(t.Context(), asked); err != nil || len(g.bodies) != 1 || g.bodies[0]["rebuild"] != true {
		t.Errorf("sent %v, %v", g.bodies, err)
	}
}

// What an accepting target may answer, and where the deployment is then followed.
func TestAccepted(t *testing.T) {
	answer := func(status int, kind, body string) func(http.ResponseWriter, *http.Request, int) {
		return func(w http.ResponseWriter, r *http.Request, _ int) {
			if kind != "" {
				w.Header().Set("Content-Type", kind)
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, strings.ReplaceAll(body, "HOST", r.Host))
		}
	}
	const j = "application/json"
	cases := []struct {
		name     string
		answer   func(http.ResponseWriter, *http.Request, int)
		template string // path of a configured status URL
		want     string // path of the handle's
		err      fault.Reason
		class    fault.Class
	}{
		{name: "no content", answer: answer(204, "", "")},
		{name: "empty", answer: answer(200, j, "")},
		{name: "a word", answer: answer(200, "text/plain; charset=utf-8", "ok")},
		{name: "no content, template", answer: answer(204, "", ""), template: "/s/{id}", want: "/s/rot%2F1"},
		{name: "empty object, template with a query", answer: answer(202, j, "{}"), template: "/s?id={id}", want: "/s?id=rot%2F1"},
		{name: "absolute", answer: answer(201, j, `{"status_url":"http://HOST/x/1?t=2"}`), want: "/x/1?t=2"},
		{name: "relative", answer: answer(200, j, `{"status_url":"/x/1"}`), want: "/x/1"},
		{name: "answered before configured", answer: answer(200, j, `{"status_url":"/x/1"}`), template: "/s/{id}", want: "/x/1"},
		{name: "elsewhere", answer: answer(200, j, `{"status_url":"https://evil.example.com/x"}`), err: fault.Garbled},
		{name: "elsewhere, template", answer: answer(200, j, `{"status_url":"https://evil.example.com/x"}`), template: "/s/{id}", want: "/s/rot%2F1"},
		{name: "elsewhere without a scheme", answer: answer(200, j, `{"status_url":"//evil.example.com/x"}`), err: fault.Garbled},
		{name: "another port", answer: answer(200, j, `{"status_url":"http://127.0.0.1:1/x"}`), err: fault.Garbled},
		{name: "with a user", answer: answer(200, j, `{"status_url":"http://u:p@HOST/x"}`), err: fault.Garbled},
		{name: "another scheme", answer: answer(200, j, `{"status_url":"file:///etc/passwd"}`), err: fault.Garbled},
		{name: "a page", answer: answer(200, "text/html", "<html>sign in"), err: fault.Garbled, class: fault.Lost},
		{name: "broken JSON", answer: answer(200, j, `{"status_url":`), err: fault.Garbled, class: fault.Lost},
		{name: "refused", answer: answer(403, j, "{}"), err: fault.Forbidden},
		{name: "busy", answer: answer(429, j, "{}"), err: fault.RateLimited, class: fault.Again},
		{name: "failing", answer: answer(503, j, "{}"), err: fault.ServerError, class: fault.Lost},
		{name: "moved", answer: func(w http.ResponseWriter, r *http.Request, _ int) { http.Redirect(w, r, "/login", http.StatusFound) }, err: fault.Garbled, class: fault.Lost},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var base string
			g, d := bed(t, func(config *webhook.Config) {
				base = strings.TrimSuffix(config.URL, "/deploy")
				if c.template != "" {
					config.StatusURL = base + c.template
				}
			})
			g.trigger = c.answer
			h, err := d.Trigger(t.Context(), request("rot/1"))
			if c.err != "" {
				if !fault.Is(err, c.err) || fault.Of(err).Class != c.class {
					t.Errorf("got %v (%v), want %s (%v)", err, fault.Of(err).Class, c.err, c.class)
				}
				return
			}
			want := c.want
			if want != "" {
				want = base + want
			}
			if err != nil || h.StatusURL != want {
				t.Errorf("followed at %q (%v), want %q", h.StatusURL, err, want)
			}
		})
	}
}

func TestWhatTheTargetNamesIsChecked(t *testing.T) {
	for name, c := range map[string]struct{ body, deployment, url string }{
		"good":           {`{"deployment":"dpl_1.a-b","deployment_url":"https://x.example/d"}`, "dpl_1.a-b", "https://x.example/d"},
		"a query inside": {`{"deployment":"x\"} |= \"","deployment_url":"javascript:alert(1)"}`, "", ""},
		"too long":       {`{"deployment":"` + strings.Repeat("a", 65) + `","deployment_url":"https://x.example/` + strings.Repeat("a", 600) + `"}`, "", ""},
		"credentials":    {`{"deployment_url":"https://u:p@x.example/d"}`, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			g, d := bed(t, nil)
			g.trigger = func(w http.ResponseWriter, _ *http.Request, _ int) { _, _ = io.WriteString(w, c.body) }
			h, err := d.Trigger(t.Context(), request("rot-1"))
			if err != nil || h.Deployment != c.deployment || h.URL != c.url {
				t.Errorf("%+v, %v", h, err)
			}
		})
	}
}

func TestFireAndWait(t *testing.T) {
	g, d := bed(t, nil)
	got, err := d.Status(t.Context(), deploy.Handle{ID: "rot-1"})
	if err != nil || got.Phase != deploy.Unknown || got.Detail == "" {
		t.Errorf("%+v, %v", got, err)
	}
	if g.sent.Len() > 0 {
		t.Error("something was asked all the same")
	}
}

// A handle is read from a store that others can write to.
func TestStoredHandleCannotSteer(t *testing.T) {
	_, d := bed(t, nil)
	for _, at := range []string{"https://evil.example.com/x", "http://127.0.0.1:1/", "::", "file:///etc/passwd"} {
		if got, err := d.Status(t.Context(), deploy.Handle{ID: "rot-1", StatusURL: at}); err == nil || fault.Of(err).Class != fault.Ask {
			t.Errorf("%s: %+v, %v", at, got, err)
		}
	}
}

func TestStatusHosts(t *testing.T) {
	g := &target{t: t, word: "succeeded"}
	other := httptest.NewServer(g)
	t.Cleanup(other.Close)
	u, err := url.Parse(other.URL)
	if err != nil {
		t.Fatal(err)
	}
	_, d := bed(t, func(c *webhook.Config) { c.StatusHosts = []string{u.Host} })
	got, err := d.Status(t.Context(), deploy.Handle{ID: "rot-1", StatusURL: other.URL + "/d/1"})
	if err != nil || got.Phase != deploy.Live {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestStatusAnswers(t *testing.T) {
	write := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, body) }
	}
	cases := map[string]struct {
		answer http.HandlerFunc
		want   deploy.Status
		err    fault.Reason
	}{
		"named late":     {write(200, `{"status":"running","deployment":"dpl-9","detail":"two of\nthree"}`), deploy.Status{Phase: deploy.Running, Deployment: "dpl-9", Said: secret.Quoted("two of", "three")}, ""},
		"not named":      {write(200, `{"status":"succeeded"}`), deploy.Status{Phase: deploy.Live, Deployment: "dpl-0"}, ""},
		"another word":   {write(200, `{"status":"SUCCEEDED"}`), deploy.Status{Phase: deploy.Unknown, Deployment: "dpl-0", Detail: "the target names a state that is not in the contract", Said: secret.Quoted("SUCCEEDED")}, ""},
		"no word":        {write(200, `{"detail":"fine"}`), deploy.Status{}, fault.Garbled},
		"a page":         {write(200, `<html>`), deploy.Status{}, fault.Garbled},
		"not allowed":    {write(401, ``), deploy.Status{}, fault.Unauthorized},
		"many words":     {write(200, `{"status":"failed","detail":"`+strings.Repeat("ä", 500)+`"}`), deploy.Status{Phase: deploy.Failed, Deployment: "dpl-0", Said: secret.Quoted(strings.Repeat("ä", 500))}, ""},
		"endless answer": {write(200, strings.Repeat(" ", 1<<20)), deploy.Status{}, fault.TooLarge},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g, d := bed(t, nil)
			h, err := d.Trigger(t.Context(), request("rot-1"))
			if err != nil {
				t.Fatal(err)
			}
			g.status = c.answer
			got, err := d.Status(t.Context(), h)
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("status (-want +got):\n%s", diff)
			}
			if (c.err != "") != (err != nil) || (c.err != "" && !fault.Is(err, c.err)) {
				t.Errorf("error %v, want %s", err, c.err)
			}
		})
	}
}

// roundTrip is a client without a network, for tests with a clock of their own.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func offline(t *testing.T, answer func(*http.Request) int) *webhook.Deployer {
	t.Helper()
	d, err := webhook.New(webhook.Config{
		URL: "https://deploy.example.com/hook", Secret: keyed, StatusURL: "https://deploy.example.com/status/{id}",
		HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			status := answer(r)
			if status == 0 {
				return nil, io.ErrUnexpectedEOF
			}
			w := httptest.NewRecorder()
			w.WriteHeader(status)
			_, _ = io.WriteString(w, `{"status":"running"}`)
			return w.Result(), nil
		})},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestNotYetKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := offline(t, func(r *http.Request) int {
			if r.Method == http.MethodPost {
				return http.StatusAccepted
			}
			return http.StatusNotFound
		})
		h, err := d.Trigger(t.Context(), request("rot-1"))
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		for range 9 {
			got, err := d.Status(t.Context(), h)
			want := deploy.Queued
			if time.Since(began) >= time.Minute {
				want = deploy.Unknown
			}
			if err != nil || got.Phase != want {
				t.Errorf("after %s: %+v, %v", time.Since(began), got, err)
			}
			<-time.After(10 * time.Second) // of the bubble
		}
	})
}

func TestThreeInARow(t *testing.T) {
	answers := []int{0, 503, 200, 0, 0, 404, 0, 502, 0, 0, 200, 429, 429, 429, 429, 0}
	const again = deploy.Phase("") // an error, to be tried again
	want := []deploy.Phase{
		again, again, deploy.Running, again, again, deploy.Queued, again, again, deploy.Unknown, deploy.Unknown,
		deploy.Running, again, again, again, again, again,
	}
	n := 0
	d := offline(t, func(*http.Request) int { n++; return answers[n-1] })
	h := deploy.Handle{ID: "rot-1", StatusURL: "https://deploy.example.com/status/rot-1"}
	for i, w := range want {
		got, err := d.Status(t.Context(), h)
		if got.Phase != w || (w == again) != (err != nil) {
			t.Errorf("question %d: %q, %v; want %q", i, got.Phase, err, w)
		}
		if err != nil && fault.Of(err).Class != fault.Again {
			t.Errorf("question %d is not asked again: %v", i, err)
		}
	}
}

// The address itself may be a credential.
func TestAddressIsNotShown(t *testing.T) {
	hidden := secret.New("hook-Qx7Zp3Wd9Lm2Kf6Vn4Rb")
	d, err := webhook.New(webhook.Config{URL: "http://127.0.0.1:1/deploy?token=" + hidden.Reveal(), Secret: keyed})
	if err != nil {
		t.Fatal(err)
	}
	h, err := d.Trigger(t.Context(), request("rot-1"))
	if err == nil {
		t.Fatal("somebody listens on port 1")
	}
	_, refused := webhook.New(webhook.Config{URL: "http://deploy.example.com/?token=" + hidden.Reveal(), Secret: keyed})
	secrettest.NoLeak(t, []secret.Value{hidden, key}, h, err, refused)
	if fault.Of(err).Class != fault.Again {
		t.Errorf("nothing was sent, yet the class is %v", fault.Of(err).Class)
	}
}

func TestNew(t *testing.T) {
	good := webhook.Config{URL: "https://deploy.example.com/hook/", Secret: keyed}
	if _, err := webhook.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*webhook.Config){
		"plain HTTP":           func(c *webhook.Config) { c.URL = "http://deploy.example.com/hook" },
		"no secret":            func(c *webhook.Config) { c.Secret = nil },
		"no place for the id":  func(c *webhook.Config) { c.StatusURL = "https://deploy.example.com/status" },
		"status in plain HTTP": func(c *webhook.Config) { c.StatusURL = "http://deploy.example.com/{id}" },
		"broken query":         func(c *webhook.Config) { c.URL += "?%zz" },
		"negative patience":    func(c *webhook.Config) { c.NotYet = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := webhook.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestEmptySecretSendsNothing(t *testing.T) {
	g, d := bed(t, func(c *webhook.Config) {
		c.Secret = func(context.Context) (secret.Value, error) { return secret.Value{}, nil }
	})
	if _, err := d.Trigger(t.Context(), request("rot-1")); fault.Of(err).Class != fault.Never {
		t.Errorf("got %v", err)
	}
	if g.sent.Len() > 0 {
		t.Error("sent with a signature that anyone can make")
	}
}
