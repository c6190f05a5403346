package supabase_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

func probe(t *testing.T, kind providers.Kind, v secret.Value) providers.Finding {
	t.Helper()
	found, err := kind.(providers.Prober).Probe(t.Context(), providers.Values{variable: v})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestProbeSendsTheKeyInApikeyAlone (trap 2), as no browser, without the
// token, and to the key's own project.
func TestProbeSendsTheKeyInApikeyAlone(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	before := len(w.seen())
	if diff := cmp.Diff(providers.Finding{Liveness: providers.Alive, Answer: "200"}, probe(t, kind, w.production.value())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"GET /" + productionRef + "/rest/v1/"}, w.seen()[before:]); diff != "" {
		t.Error(diff)
	}
	sent := w.headers[len(w.headers)-1]
	if sent.Get("Apikey") != w.production.Text || sent.Get("Authorization") != "" || browser.MatchString(sent.Get("User-Agent")) {
		t.Error("the headers are not those of a secret key")
	}
}

const (
	wrongKey    = `{"message":"Invalid API key","hint":"Double check."}`
	description = `{"swagger":"2.0","info":{},"paths":{}}`
)

func TestProbeAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   providers.Finding
	}{
		"accepted":            {200, description, providers.Finding{Liveness: providers.Alive, Answer: "200"}},
		"accepted, newer":     {200, `{"openapi":"3.1.0"}`, providers.Finding{Liveness: providers.Alive, Answer: "200"}},
		"refused":             {401, wrongKey, providers.Finding{Liveness: providers.Refused, Answer: "401"}},
		"legacy refused":      {401, `{"message":"Legacy API keys are disabled","hint":"on 2026-11-01"}`, providers.Finding{Liveness: providers.Refused, Answer: "401"}},
		"a gateway's 401":     {401, "<html>sign in", providers.Finding{Liveness: providers.Unclear, Answer: "401, unauthorized"}},
		"forbidden":           {403, wrongKey, providers.Finding{Liveness: providers.Unclear, Answer: "403, forbidden"}},
		"something else":      {200, `{}`, providers.Finding{Liveness: providers.Unclear, Answer: "200, not Supabase's own answer"}},
		"HTML":                {200, "<html>", providers.Finding{Liveness: providers.Unclear, Answer: "200, garbled"}},
		"slow down":           {429, `{"message":"no"}`, providers.Finding{Liveness: providers.Unclear, Answer: "429, rate limited"}},
		"paused":              {540, `{"message":"Project paused"}`, providers.Finding{Liveness: providers.Unclear, Answer: "540, server error"}},
		"an error of its own": {500, `{"message":"no"}`, providers.Finding{Liveness: providers.Unclear, Answer: "500, server error"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			kind := w.kind(t)
			made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_test_staging_r1_1")
			if err != nil {
				t.Fatal(err)
			}
			w.override = func(rw http.ResponseWriter, r *http.Request) bool {
				mine := r.Header.Get("Apikey") == w.staging.Text
				if mine {
					rw.WriteHeader(c.status)
					_, _ = rw.Write([]byte(c.body))
				}
				return mine
			}
			if diff := cmp.Diff(c.want, probe(t, kind, w.staging.value())); diff != "" {
				t.Error(diff)
			}
			if found := probe(t, kind, made.Values[variable]); found.Liveness != providers.Alive {
				t.Errorf("the new one is %+v", found)
			}
		})
	}
}

// TestAPausedProjectRefusesEverybody: 401 for the key that is in use as well
// says nothing about the old one.
func TestAPausedProjectRefusesEverybody(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	if _, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_test_staging_r1_1"); err != nil {
		t.Fatal(err)
	}
	w.paused[stagingRef] = true
	want := providers.Finding{Liveness: providers.Unclear, Answer: "401, and so for the other keys of the project"}
	if diff := cmp.Diff(want, probe(t, kind, w.staging.value())); diff != "" {
		t.Error(diff)
	}
}

// TestAKeyOfNoKnownProject is refused when every project refuses it, and while
// one cannot be asked nothing is told.
func TestAKeyOfNoKnownProject(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	stranger := secret.New("sb_secret_" + strings.Repeat("Q", 43))
	if found := probe(t, kind, stranger); found.Liveness != providers.Refused {
		t.Errorf("found %+v", found)
	}
	for _, ref := range []string{stagingRef, productionRef} {
		w.paused = map[string]bool{ref: true}
		if found := probe(t, kind, stranger); found.Liveness != providers.Unclear {
			t.Errorf("with %s paused: found %+v", ref, found)
		}
	}
}

func TestProbeNeedsNoToken(t *testing.T) {
	w := newWorld(t)
	kind := w.kind(t)
	before := len(w.headers)
	probe(t, kind, w.staging.value())
	for _, h := range w.headers[before:] {
		if h.Get("Authorization") != "" {
			t.Error("the access token was sent to a project")
		}
	}
}

func TestProbeOfMalformedValuesIsNotSent(t *testing.T) {
	w := newWorld(t)
	prober := w.kind(t).(providers.Prober)
	before := len(w.seen())
	for _, text := range []string{"", "sb_secret_", w.staging.Text + " ", jwt(stagingRef, "anon").Reveal(), jwt("zzzzzzzzzzzzzzzzzzzz", "service_role").Reveal()} {
		_, err := prober.Probe(t.Context(), providers.Values{variable: secret.New(text)})
		failed(t, w, err, fault.Never, fault.Invalid)
	}
	if len(w.seen()) != before {
		t.Error("something was sent")
	}
}
