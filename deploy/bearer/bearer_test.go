package bearer_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rekey/deploy"
	"rekey/deploy/bearer"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

var token = secret.New("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoieCJ9.c2lnbmF0dXJlLW9mLWEtdG9rZW4")

func open(t *testing.T, url string) *bearer.Gate {
	t.Helper()
	g, err := bearer.New(bearer.Config{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestAnswersOfAGate(t *testing.T) {
	for status, want := range map[int]deploy.Admission{
		200: deploy.Admitted, 204: deploy.Admitted, 401: deploy.TurnedAway, 403: deploy.TurnedAway,
		302: deploy.NotTold, 404: deploy.NotTold, 429: deploy.NotTold, 500: deploy.NotTold, 502: deploy.NotTold,
	} {
		asked := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			asked++
			if got := r.Header.Get("Authorization"); got != "Bearer "+token.Reveal() || r.Method != http.MethodGet {
				t.Errorf("%d: asked with %s and another header", status, r.Method)
			}
			w.Header().Set("Location", "/sign-in?"+token.Reveal())
			w.WriteHeader(status)
			_, _ = w.Write([]byte(r.Header.Get("Authorization")))
		}))
		in := open(t, s.URL+"/me").Admit(t.Context(), token)
		s.Close()
		if in.Admission != want || asked != 1 || in.Detail == "" {
			t.Errorf("%d: %+v after %d requests, want %s", status, in, asked, want)
		}
		secrettest.NoLeak(t, []secret.Value{token}, in)
	}
}

func TestAGateThatDoesNotAnswer(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	if in := open(t, s.URL).Admit(t.Context(), token); in.Admission != deploy.NotTold {
		t.Errorf("%+v", in)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if in := open(t, s.URL).Admit(ctx, token); in.Admission != deploy.NotTold || !strings.Contains(in.Detail, "it ") {
		t.Errorf("%+v", in)
	}
}

func TestGatesThatAreNone(t *testing.T) {
	for _, url := range []string{"", "http://app.example.com/me", "ftp://x"} {
		if _, err := bearer.New(bearer.Config{URL: url}); err == nil {
			t.Errorf("%q was taken", url)
		}
	}
	if _, err := bearer.New(bearer.Config{URL: "https://app.example.com/me", Timeout: -1}); err == nil {
		t.Error("a negative timeout was taken")
	}
}
