package attest_test

import (
	"context"
	"crypto/hmac"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/deploy/attest"
	"rekey/deploy/deploytest"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

var (
	key   = secret.New("attestation-key-of-32-bytes-long")
	fresh = secret.New("id-new:7vQ2mX9pLr4TzW8cK5nB")
	stale = secret.New("id-old:3kJ6hD1sYf0GqV2eR8uM")
)

// application answers as the protocol asks, by the package's own formulas;
// the formulas are held to vectors made elsewhere.
type application struct {
	mu      sync.Mutex
	values  []secret.Value // one per instance, answering in turn
	names   []string       // of the instances; default i1, i2, …
	asked   int
	nonces  map[string]bool
	sent    strings.Builder
	rewrite func(n int, a *attest.Answer) // spoils the n-th answer
	instead http.HandlerFunc              // answers all questions
}

func (a *application) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	_, _ = fmt.Fprintf(&a.sent, "%s %s %v %s\n", r.Method, r.URL, r.Header, body)
	if a.instead != nil {
		a.instead(w, r)
		return
	}
	var q attest.Question
	if json.Unmarshal(body, &q) != nil || !a.entitled(q, r.Header.Get(attest.Header)) {
		http.NotFound(w, r)
		return
	}
	n := a.asked
	a.asked++
	at := n % len(a.values)
	answer := attest.Answer{Instance: fmt.Sprintf("i%d", at+1), Deployment: "dpl-7", Time: time.Now().Unix()}
	if a.names != nil {
		answer.Instance = a.names[at]
	}
	answer.Proof = attest.Prove(key, q, answer, a.values[at])
	if a.rewrite != nil {
		a.rewrite(n, &answer)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(answer)
}

// entitled is the application's side: signed, fresh, configured, never twice.
func (a *application) entitled(q attest.Question, signature string) bool {
	if a.nonces == nil {
		a.nonces = make(map[string]bool)
	}
	again := a.nonces[q.Nonce]
	a.nonces[q.Nonce] = true
	return hmac.Equal([]byte(signature), []byte(attest.SignAsk(key, q))) && q.Name == "FAL_KEY" &&
		len(q.Nonce) == 32 && !again && time.Since(time.Unix(q.Time, 0)).Abs() <= time.Minute
}

func start(t *testing.T, a *application, spoil func(*attest.Config)) *attest.Attester {
	t.Helper()
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	c := attest.Config{URL: server.URL + "/rekey/attest", Key: keyed(key)}
	if spoil != nil {
		spoil(&c)
	}
	attester, err := attest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return attester
}

func keyed(v secret.Value) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return v, nil }
}

func TestConformance(t *testing.T) {
	deploytest.Attester(t, func(t *testing.T) deploytest.AttesterBed {
		a := &application{}
		server := httptest.NewServer(a)
		t.Cleanup(server.Close)
		attester, err := attest.New(attest.Config{URL: server.URL, Key: keyed(key), Instances: 2})
		if err != nil {
			t.Fatal(err)
		}
		return deploytest.AttesterBed{
			Attester: attester, Name: "FAL_KEY", Absent: "OTHER_KEY",
			Hold:  func(values ...secret.Value) { a.values = values },
			Leave: server.Close,
			Sent:  func() string { a.mu.Lock(); defer a.mu.Unlock(); return a.sent.String() },
		}
	})
}

// The vectors were computed with Python's hmac and hashlib: an application in
// any language must come to the same digits.
func TestFormulas(t *testing.T) {
	q := attest.Question{Name: "FAL_KEY", Nonce: "000102030405060708090a0b0c0d0e0f", Time: 1793610000}
	if got, want := attest.SignAsk(key, q), "v1=418c7efe26f2c2e55bc6cb6ded617e607a78b23abd2f8c9c1ee4cf7cd4f33000"; got != want {
		t.Errorf("signature %s, want %s", got, want)
	}
	a := attest.Answer{Instance: "web-1", Deployment: "dpl-7", Time: 1793610001}
	if got, want := attest.Prove(key, q, a, fresh), "1a760d791efa780428fa331a73c787a967ff0f05a36c382925cc0d565914be42"; got != want {
		t.Errorf("proof %s, want %s", got, want)
	}
}

// Every part of the message changes the proof: none can be swapped unnoticed.
func TestProofBindsEverything(t *testing.T) {
	q := attest.Question{Name: "A", Nonce: "n", Time: 1}
	a := attest.Answer{Instance: "i", Deployment: "d", Time: 2}
	seen := map[string]int{attest.Prove(key, q, a, fresh): 0}
	for n, other := range []string{
		attest.Prove(secret.New("another key of thirty-two bytes."), q, a, fresh),
		attest.Prove(key, attest.Question{Name: "B", Nonce: "n", Time: 1}, a, fresh),
		attest.Prove(key, attest.Question{Name: "A", Nonce: "m", Time: 1}, a, fresh),
		attest.Prove(key, q, attest.Answer{Instance: "j", Deployment: "d", Time: 2}, fresh),
		attest.Prove(key, q, attest.Answer{Instance: "i", Deployment: "e", Time: 2}, fresh),
		attest.Prove(key, q, attest.Answer{Instance: "i", Deployment: "d", Time: 3}, fresh),
		attest.Prove(key, q, a, stale),
	} {
		if first, double := seen[other]; double {
			t.Errorf("proofs %d and %d are the same", first, n+1)
		}
		seen[other] = n + 1
	}
}

func TestAgreement(t *testing.T) {
	cases := []struct {
		name      string
		values    []secret.Value
		names     []string
		instances int
		want      deploy.Testimony
	}{
		{
			name: "a row of six", values: []secret.Value{fresh},
			want: deploy.Testimony{Deployment: "dpl-7", Instances: []string{"i1"}, New: 6, Agreed: true},
		},
		{
			name: "three instances, each once", values: []secret.Value{fresh, fresh, fresh}, instances: 3,
			want: deploy.Testimony{Deployment: "dpl-7", Instances: []string{"i1", "i2", "i3"}, New: 3, Agreed: true},
		},
		{
			name: "a third instance that never answers", values: []secret.Value{fresh, fresh}, instances: 3,
			want: deploy.Testimony{Deployment: "dpl-7", Instances: []string{"i1", "i2"}, New: 40},
		},
		{
			name: "one of three is old", values: []secret.Value{fresh, stale, fresh}, instances: 3,
			want: deploy.Testimony{Deployment: "dpl-7", Instances: []string{"i1", "i2", "i3"}, New: 27, Old: 13},
		},
		{
			name: "every second answer is old, number unknown", values: []secret.Value{fresh, stale},
			want: deploy.Testimony{Deployment: "dpl-7", Instances: []string{"i1", "i2"}, New: 20, Old: 20},
		},
		{
			name: "an instance restarts into the new value under its name", instances: 1,
			values: []secret.Value{stale, fresh}, names: []string{"web", "web"},
			want: deploy.Testimony{Deployment: "dpl-7", Instances: []string{"web"}, New: 1, Old: 1, Agreed: true},
		},
		{
			name: "a row of old ones is an answer too", values: []secret.Value{stale}, instances: 3,
			want: deploy.Testimony{Instances: []string{"i1"}, Old: 6},
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			a := &application{values: c.values, names: c.names}
			attester := start(t, a, func(config *attest.Config) { config.Instances = c.instances })
			got, err := attester.Attest(t.Context(), "FAL_KEY", fresh, stale)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("testimony (-want +got):\n%s", diff)
			}
		})
	}
}

// A proof that fits no value is an answer; one that cannot be a proof is not.
func TestSpoiledAnswers(t *testing.T) {
	cases := map[string]struct {
		spoil func(*attest.Answer)
		other bool
	}{
		"proof of something else":  {func(a *attest.Answer) { a.Proof = strings.Repeat("0", 64) }, true},
		"another instance's proof": {func(a *attest.Answer) { a.Instance = "i9" }, true},
		"an answer made earlier":   {func(a *attest.Answer) { a.Time -= 30 }, true},
		"no proof":                 {func(a *attest.Answer) { a.Proof = "" }, false},
		"half a proof":             {func(a *attest.Answer) { a.Proof = a.Proof[:32] }, false},
		"a proof in capitals":      {func(a *attest.Answer) { a.Proof = strings.Repeat("A", 64) }, false},
		"no instance":              {func(a *attest.Answer) { a.Instance = "" }, false},
		"a line break":             {func(a *attest.Answer) { a.Instance = "i1\ndpl-7" }, false},
		"a deployment out of form": {func(a *attest.Answer) { a.Deployment = `x"} |= "` }, false},
		"an hour old":              {func(a *attest.Answer) { a.Time -= 3600 }, false},
		"from the future":          {func(a *attest.Answer) { a.Time += 3600 }, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := &application{values: []secret.Value{fresh}, rewrite: func(_ int, a *attest.Answer) { c.spoil(a) }}
			got, err := start(t, a, nil).Attest(t.Context(), "FAL_KEY", fresh, stale)
			if got.Agreed || got.New > 0 {
				t.Errorf("believed: %+v", got)
			}
			switch {
			case c.other && (err != nil || got.Other == 0):
				t.Errorf("want an answer for neither value, got %+v, %v", got, err)
			case !c.other && !fault.Is(err, fault.Garbled):
				t.Errorf("want a garbled answer, got %+v, %v", got, err)
			}
		})
	}
}

func TestOneFailedQuestionIsNoProof(t *testing.T) {
	a := &application{values: []secret.Value{fresh}, rewrite: func(n int, a *attest.Answer) {
		if n == 5 {
			a.Proof = "?"
		}
	}}
	got, err := start(t, a, nil).Attest(t.Context(), "FAL_KEY", fresh, stale)
	if err == nil || got.Agreed {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestBrokenEndpoints(t *testing.T) {
	leak := "hold this: " + fresh.Reveal()
	cases := map[string]struct {
		answer http.HandlerFunc
		want   fault.Reason
	}{
		"HTML":           {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>"+leak) }, fault.Garbled},
		"login redirect": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/login?"+leak, http.StatusFound) }, fault.Garbled},
		"unknown":        {http.NotFound, fault.NotFound},
		"down":           {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, leak, http.StatusBadGateway) }, fault.ServerError},
		"busy":           {func(w http.ResponseWriter, _ *http.Request) { http.Error(w, leak, http.StatusTooManyRequests) }, fault.RateLimited},
		"endless":        {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 1<<20)) }, fault.TooLarge},
		"cut off":        {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, fault.Unreachable},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := &application{instead: c.answer}
			got, err := start(t, a, nil).Attest(t.Context(), "FAL_KEY", fresh, stale)
			if !fault.Is(err, c.want) {
				t.Errorf("got %v, want %s", err, c.want)
			}
			secrettest.NoLeak(t, []secret.Value{fresh, stale, key}, got, err)
		})
	}
}

func TestNew(t *testing.T) {
	good := attest.Config{URL: "https://app.example.com/rekey/attest?zone=eu", Key: keyed(key)}
	if _, err := attest.New(good); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*attest.Config){
		"plain HTTP":        func(c *attest.Config) { c.URL = "http://app.example.com/attest" },
		"no URL":            func(c *attest.Config) { c.URL = "" },
		"no key":            func(c *attest.Config) { c.Key = nil },
		"negative":          func(c *attest.Config) { c.Instances = -1 },
		"too few questions": func(c *attest.Config) { c.MaxAsks = 2; c.Instances = 3 },
		"too short a run":   func(c *attest.Config) { c.MaxAsks = 5 },
	} {
		c := good
		spoil(&c)
		if _, err := attest.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestShortKeyAsksNothing(t *testing.T) {
	a := &application{values: []secret.Value{fresh}}
	attester := start(t, a, func(c *attest.Config) { c.Key = keyed(secret.New("guessable")) })
	if _, err := attester.Attest(t.Context(), "FAL_KEY", fresh, stale); fault.Of(err).Class != fault.Never {
		t.Errorf("got %v", err)
	}
	if a.sent.Len() > 0 {
		t.Error("a question was signed with a key that can be guessed from it")
	}
}
