package app

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/sandbox/fal"
	"rekey/internal/sandbox/loki"
)

// direct is a transport into a handler, without sockets, so that time in the
// tests can be made up.
type direct struct{ h http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	if r.Body == nil {
		r.Body = http.NoBody
	}
	d.h.ServeHTTP(w, r)
	return w.Result(), nil
}

// small is one environment with three instances and its model service.
type small struct {
	*testing.T
	fal *fal.Server
	old fal.Key
	log *loki.Store
	app *App
}

const attestKey = "attest-key"

func newSmall(t *testing.T) *small {
	s := &small{T: t, fal: fal.New(fal.Options{}), log: &loki.Store{}}
	s.old = s.fal.AddKey("team", "app")
	s.app = New(Options{
		Environment: "production", Instances: 3, Fal: "http://fal.test", AttestKey: attestKey, Logs: s.log,
		Boot: time.Second, SlowBoot: 5 * time.Second, Client: &http.Client{Transport: direct{s.fal.Handler()}},
	}, "d-1", map[string]string{FalKey: s.old.Value})
	return s
}

func (s *small) do(method, path, body string, header http.Header) (int, map[string]any, http.Header) {
	s.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for k, v := range header {
		r.Header[k] = v
	}
	w := httptest.NewRecorder()
	s.app.Handler().ServeHTTP(w, r)
	m := map[string]any{}
	_ = json.Unmarshal(w.Body.Bytes(), &m) // pages are not JSON
	return w.Code, m, w.Result().Header
}

func (s *small) logged(text string) (n int) {
	for _, l := range s.log.Lines() {
		if strings.Contains(l.Text, text) {
			n++
		}
	}
	return n
}

func TestPagesNeedTheKey(t *testing.T) {
	s := newSmall(t)
	for _, path := range []string{"/", "/api/generate", "/healthz"} {
		if status, _, h := s.do("GET", path, "", nil); status != 200 || h.Get("X-Deployment") != "d-1" {
			t.Errorf("%s = %d from %q", path, status, h.Get("X-Deployment"))
		}
	}
	s.fal.End(s.old.ID)
	if status, _, _ := s.do("GET", "/", "", nil); status != 502 {
		t.Errorf("page with a dead key = %d, want 502", status)
	}
	if status, m, _ := s.do("POST", "/api/generate", "", nil); status != 502 || m["ok"] != false {
		t.Errorf("generate with a dead key = %d %v, want 502 and not ok", status, m)
	}
	if status, _, _ := s.do("GET", "/healthz", "", nil); status != 200 {
		t.Errorf("health with a dead key = %d, want 200: the process is well", status)
	}
	if n := s.logged("fal: 401 Unauthorized: No user found"); n != 2 {
		t.Errorf("lines about the refused key = %d, want 2", n)
	}
	if n := s.logged("status=502"); n != 2 {
		t.Errorf("lines about failed requests = %d, want 2", n)
	}
	for _, l := range s.log.Lines() {
		if strings.Contains(l.Text, s.old.Value) || l.Labels["deployment"] != "d-1" || l.Labels["env"] != "production" {
			t.Errorf("line %v %q", l.Labels, l.Text)
		}
	}
}

// A rollout under traffic fails no request, replaces one instance at a time and
// is done only when the slow one is replaced.
func TestRollFailsNoRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall(t)
		fresh := s.fal.AddKey("team", "app-new")
		ctx, stop := context.WithCancel(t.Context())
		traffic := NewTraffic("http://app.test/", 20)
		traffic.client.Transport = direct{s.app.Handler()}
		var wg sync.WaitGroup
		wg.Go(func() { traffic.Run(ctx) })

		rolled := make(chan error, 1)
		go func() { rolled <- s.app.Roll(ctx, "d-2", map[string]string{FalKey: fresh.Value}, -1) }()
		<-time.After(6 * time.Second) // two of three are up, the slow one is not
		if n, d := held(s.app, fresh.Value), s.app.Deployment(); n != 2 || d != "d-1" {
			t.Errorf("after 6 s: %d instances hold the new value, deployment %s; want 2, d-1", n, d)
		}
		if err := <-rolled; err != nil {
			t.Fatal(err)
		}
		if n, d := held(s.app, fresh.Value), s.app.Deployment(); n != 3 || d != "d-2" {
			t.Errorf("at the end: %d instances, deployment %s; want 3, d-2", n, d)
		}
		s.fal.End(s.old.ID)
		<-time.After(2 * time.Second)
		if got := traffic.Totals(); got.Failed != 0 || got.Gap != 0 || got.Requests < 150 {
			t.Errorf("visitors saw %+v, want no failure in about 180 requests", got)
		}
		s.fal.End(fresh.ID)
		<-time.After(2 * time.Second)
		stop()
		wg.Wait()
		if got := traffic.Totals(); got.Failed < 35 || got.Gap < time.Second {
			t.Errorf("visitors of a broken application saw %+v", got)
		}
	})
}

func held(a *App, value string) (n int) {
	for _, h := range a.Holdings(FalKey) {
		if h.Value == value {
			n++
		}
	}
	return n
}

// An instance that leaves answers its last request before it ends.
func TestDrainWaitsForTheLastRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall(t)
		slow := make(chan struct{})
		s.app.o.Client = &http.Client{Transport: direct{http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			<-slow
			s.fal.Handler().ServeHTTP(w, r)
		})}}
		answered := make(chan int, 3)
		for range 3 {
			go func() {
				status, _, _ := s.do("GET", "/", "", nil)
				answered <- status
			}()
		}
		synctest.Wait()
		rolled := make(chan error, 1)
		go func() { rolled <- s.app.Roll(t.Context(), "d-2", nil, -1) }()
		<-time.After(20 * time.Second)
		select {
		case err := <-rolled:
			t.Fatalf("rolled over a busy instance: %v", err)
		default:
		}
		close(slow)
		for range 3 {
			if status := <-answered; status != 200 {
				t.Errorf("a request on a leaving instance = %d", status)
			}
		}
		if err := <-rolled; err != nil {
			t.Error(err)
		}
	})
}

func TestRollStopsWhereAnInstanceCrashes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall(t)
		if err := s.app.Roll(t.Context(), "d-2", map[string]string{FalKey: "new"}, 1); err == nil {
			t.Fatal("no error from a crash")
		}
		if n, d := held(s.app, "new"), s.app.Deployment(); n != 1 || d != "d-1" || len(s.app.Holdings(FalKey)) != 3 {
			t.Errorf("after a crash: %d new instances of %d, deployment %s; want 1 of 3, d-1", n, len(s.app.Holdings(FalKey)), d)
		}
	})
}

func TestGapIsFromFailureToSuccess(t *testing.T) {
	tr := NewTraffic("http://app.test/", 20)
	t0 := time.Now().Add(-time.Hour)
	for _, p := range []struct {
		at int
		ok bool
	}{{0, true}, {1, false}, {2, false}, {4, true}, {5, true}, {8, false}, {9, true}} {
		tr.note(t0.Add(time.Duration(p.at)*time.Second), p.ok)
	}
	want := Totals{Requests: 7, Failed: 3, Gap: 4 * time.Second, First: t0.Add(time.Second), Last: t0.Add(8 * time.Second)}
	if got := tr.Totals(); got != want {
		t.Errorf("totals = %+v, want %+v", got, want)
	}
}

// A part that fails is counted against the secret it needs and no other; a page
// that does not say what is missing had nothing.
func TestPartsAreCountedApart(t *testing.T) {
	tr := NewTraffic("http://app.test/", 20, FalKey, LangfuseSecret)
	t0 := time.Now().Add(-time.Hour)
	tr.note(t0, true, LangfuseSecret) // spared
	tr.note(t0.Add(time.Second), false, FalKey)
	tr.note(t0.Add(3*time.Second), true)
	tr.note(t0.Add(4*time.Second), false)
	tr.note(t0.Add(5*time.Second), true)
	for name, want := range map[string]Totals{
		FalKey:         {Requests: 5, Failed: 2, Gap: 3 * time.Second, First: t0.Add(time.Second), Last: t0.Add(4 * time.Second)},
		LangfuseSecret: {Requests: 5, Failed: 2, Gap: 2 * time.Second, First: t0, Last: t0.Add(4 * time.Second)},
		AnthropicKey:   {},
	} {
		if got := tr.Of(name); got != want {
			t.Errorf("%s: totals = %+v, want %+v", name, got, want)
		}
	}
	if got := tr.Totals(); got.Failed != 2 {
		t.Errorf("pages: totals = %+v, want two that failed", got)
	}
}

// A page says whose parts it lacks, and does without those that are spared.
func TestPageSaysWhatIsMissing(t *testing.T) {
	s := newSmall(t)
	s.app.o.Langfuse = "http://traces.test"
	if got := s.app.Uses(); len(got) != 2 || got[0] != FalKey || got[1] != LangfuseSecret {
		t.Errorf("it uses %v", got)
	}
	status, _, h := s.do("GET", "/", "", nil)
	if status != 200 || h.Get(withoutHeader) != LangfuseSecret {
		t.Errorf("without traces: %d, %q", status, h.Get(withoutHeader))
	}
	s.fal.End(s.old.ID)
	if status, _, h = s.do("GET", "/", "", nil); status != 502 || h.Get(withoutHeader) != FalKey+" "+LangfuseSecret {
		t.Errorf("without pictures: %d, %q", status, h.Get(withoutHeader))
	}
}

// Visitors that find no room have failed, and the number under way is bounded.
func TestTrafficIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		release := make(chan struct{})
		tr := NewTraffic("http://app.test/", 2)
		tr.client.Timeout = 0
		tr.client.Transport = direct{http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release })}
		done := make(chan struct{})
		go func() { tr.Run(ctx); close(done) }()
		<-time.After(30 * time.Second)
		if got := tr.Totals(); got.Failed < 30 || got.Failed != got.Requests {
			t.Errorf("totals with an application that hangs = %+v", got)
		}
		close(release)
		stop()
		<-done
		if n := len(tr.slots); n != 0 {
			t.Errorf("%d visits left", n)
		}
	})
}

func TestAttest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSmall(t)
		ask := func(name, nonce, at, shown, key string) (int, map[string]any) {
			body := `{"name":"` + name + `","nonce":"` + nonce + `","time":` + shown + `}`
			status, m, _ := s.do("POST", "/rekey/attest", body, http.Header{"X-Rekey-Signature": {"v1=" + mac(key, "ask", at, nonce, name)}})
			return status, m
		}
		unix := func(d time.Duration) string { return jsonOf(time.Now().Add(d).Unix()) }
		now := unix(0)
		for _, shown := range []string{now, `"` + now + `"`} {
			status, m := ask(FalKey, "n1", now, shown, attestKey)
			if status != 200 {
				t.Fatalf("attest = %d", status)
			}
			at := strings.Trim(jsonOf(m["time"]), `"`)
			want := mac(attestKey, "answer", "n1", at, FalKey, as[string](m["instance"]), "d-1", sha(s.old.Value))
			if m["proof"] != want || m["deployment"] != "d-1" {
				t.Errorf("answer = %v, want proof %s", m, want)
			}
			if bytes.Contains([]byte(jsonOf(m)), []byte(s.old.Value)) {
				t.Error("the answer holds the value")
			}
		}
		rfc := time.Now().UTC().Format(time.RFC3339)
		if status, m := ask(FalKey, "n1", rfc, `"`+rfc+`"`, attestKey); status != 200 || m["time"] != rfc {
			t.Errorf("asked in RFC 3339 = %d %v", status, m)
		}
		for name, try := range map[string]func() (int, map[string]any){
			"another key":  func() (int, map[string]any) { return ask(FalKey, "n", now, now, "other") },
			"unknown name": func() (int, map[string]any) { return ask("OTHER", "n", now, now, attestKey) },
			"no nonce":     func() (int, map[string]any) { return ask(FalKey, "", now, now, attestKey) },
			"too old": func() (int, map[string]any) {
				return ask(FalKey, "n", unix(-61*time.Second), unix(-61*time.Second), attestKey)
			},
			"too new": func() (int, map[string]any) {
				return ask(FalKey, "n", unix(62*time.Second), unix(62*time.Second), attestKey)
			},
			"no time": func() (int, map[string]any) { return ask(FalKey, "n", "", `""`, attestKey) },
		} {
			if status, _ := try(); status != 404 {
				t.Errorf("%s = %d, want 404", name, status)
			}
		}
	})
}

// Questions reach every instance in turn, so that all can be heard.
func TestAttestReachesAllInstances(t *testing.T) {
	s := newSmall(t)
	heard := map[string]bool{}
	for range 3 {
		_, _, h := s.do("GET", "/healthz", "", nil)
		heard[h.Get("X-Instance")] = true
	}
	if len(heard) != 3 {
		t.Errorf("three requests reached %v", heard)
	}
}

// as is v if it has the type, else the type's zero value.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}
