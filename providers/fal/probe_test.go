package fal_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/fal"
)

// TestProbeAsksForAPrice (traps): GET /models answers 200 to dead keys, GET
// /models/usage 403 to healthy ones; neither is asked.
func TestProbeAsksForAPrice(t *testing.T) {
	w := newWorld(t)
	prober := w.kind(t).(providers.Prober)
	before := len(w.seen())
	found, err := prober.Probe(t.Context(), w.current()["production"])
	if diff := cmp.Diff(providers.Finding{Liveness: providers.Alive, Answer: "200"}, found); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	want := []string{"GET /v1/models/pricing", "GET /v1/models/pricing"} // the control and the key
	if diff := cmp.Diff(want, w.seen()[before:]); diff != "" {
		t.Error(diff)
	}
}

func TestProbeNeedsNoAdminKey(t *testing.T) {
	w := newWorld(t)
	reads := 0
	kind := w.kind(t, func(c *fal.Config) {
		given := c.AdminKey
		c.AdminKey = func(ctx context.Context) (secret.Value, error) { reads++; return given(ctx) }
	})
	reads = 0
	if _, err := kind.(providers.Prober).Probe(t.Context(), w.current()["staging"]); err != nil || reads != 0 {
		t.Errorf("%d reads, %v", reads, err)
	}
}

// keyed tells the probe itself from its control.
func keyed(r *http.Request) bool { return r.Header.Get("Authorization") != "" }

const (
	refusal = `{"error":{"type":"authorization_error","message":"no"}}`
	price   = `{"prices":[{"endpoint_id":"fal-ai/flux/dev","unit_price":1,"unit":"x","currency":"USD"}],"has_more":false,"next_cursor":null}`
)

func TestProbeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   providers.Finding
	}{
		"accepted":            {200, price, providers.Finding{Liveness: providers.Alive, Answer: "200"}},
		"refused":             {401, refusal, providers.Finding{Liveness: providers.Refused, Answer: "401"}},
		"forbidden":           {403, refusal, providers.Finding{Liveness: providers.Refused, Answer: "403"}},
		"a gateway's 401":     {401, "<html>sign in", providers.Finding{Liveness: providers.Unclear, Answer: "401, not fal.ai's own answer"}},
		"a gateway's 403":     {403, "{}", providers.Finding{Liveness: providers.Unclear, Answer: "403, not fal.ai's own answer"}},
		"another model":       {200, strings.ReplaceAll(price, "flux", "other"), providers.Finding{Liveness: providers.Unclear, Answer: "200, not fal.ai's own answer"}},
		"no price":            {200, `{"prices":[]}`, providers.Finding{Liveness: providers.Unclear, Answer: "200, not fal.ai's own answer"}},
		"HTML":                {200, "<html>", providers.Finding{Liveness: providers.Unclear, Answer: "200, garbled"}},
		"unknown model":       {404, `{"error":{"type":"not_found"}}`, providers.Finding{Liveness: providers.Unclear, Answer: "404, not found"}},
		"slow down":           {429, `{"error":{"type":"rate_limited"}}`, providers.Finding{Liveness: providers.Unclear, Answer: "429, rate limited"}},
		"an error of its own": {500, `{"error":{"type":"server_error"}}`, providers.Finding{Liveness: providers.Unclear, Answer: "500, server error"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			prober := w.kind(t).(providers.Prober)
			w.override = func(rw http.ResponseWriter, r *http.Request) bool {
				if keyed(r) {
					rw.WriteHeader(c.status)
					_, _ = rw.Write([]byte(c.body))
				}
				return keyed(r)
			}
			found, err := prober.Probe(t.Context(), w.current()["production"])
			if diff := cmp.Diff(c.want, found); diff != "" || err != nil {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

// TestProbeWithoutItsControl: when a request without a key is not refused by
// fal.ai itself, neither 200 nor 401 tells anything about the key.
func TestProbeWithoutItsControl(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		class  fault.Class
	}{
		"authentication became optional": {200, price, fault.Ask},
		"forbidden instead":              {403, refusal, fault.Ask},
		"not found":                      {404, `{"error":{"type":"not_found"}}`, fault.Ask},
		"everything is refused, by HTML": {401, "<html>proxy", fault.Again},
		"HTML":                           {200, "<html>", fault.Again},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			prober := w.kind(t).(providers.Prober)
			w.override = func(rw http.ResponseWriter, r *http.Request) bool {
				if keyed(r) {
					t.Error("the key was sent although its answer proves nothing")
				}
				rw.WriteHeader(c.status)
				_, _ = rw.Write([]byte(c.body))
				return true
			}
			found, err := prober.Probe(t.Context(), w.current()["production"])
			failed(t, w, err, c.class, fault.Ambiguous)
			if found != (providers.Finding{}) {
				t.Errorf("it also found %+v", found)
			}
		})
	}
}

func TestProbeDuringAnOutage(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t, func(c *fal.Config) { c.ProbeURL = quietServer(t, 503, refusal) })
	found, err := kind.(providers.Prober).Probe(t.Context(), w.current()["production"])
	want := providers.Finding{Liveness: providers.Unclear, Answer: "503, server error"}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	kind = w.kind(t, func(c *fal.Config) { c.ProbeURL = "http://127.0.0.1:1" })
	found, err = kind.(providers.Prober).Probe(t.Context(), w.current()["production"])
	want = providers.Finding{Liveness: providers.Unclear, Answer: "unreachable"}
	if diff := cmp.Diff(want, found); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
}

func TestProbeOfMalformedValuesIsNotSent(t *testing.T) {
	w := newWorld(t)
	prober := w.kind(t).(providers.Prober)
	before := len(w.seen())
	for _, half := range []string{w.production.Secret, w.production.ID, "", w.production.value().Reveal() + " "} {
		_, err := prober.Probe(t.Context(), providers.Values{"FAL_KEY": secret.New(half)})
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	if len(w.seen()) != before {
		t.Error("something was sent")
	}
}
