package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"rekey/bot/config"
	"rekey/deploy"
	"rekey/internal/finding"
	"rekey/internal/secret"
	"rekey/rotation"
)

// saysSo is an application that says what it is asked to.
type saysSo struct{}

func (saysSo) Attest(context.Context, string, secret.Value, secret.Value) (deploy.Testimony, error) {
	return deploy.Testimony{Instances: []string{"web-1"}, New: 1, Agreed: true}, nil
}

// TestProvedByVariable: what a build leaves in scripts is looked for there, by
// its key alone; everything else the application says.
func TestProvedByVariable(t *testing.T) {
	const key, variable = "93f0c2b4-57de-4a41-8c3b-2f6b1c7a0e88", "NEXT_PUBLIC_HELIUS_RPC_URL"
	page := `<script>host="https://mainnet.helius-rpc.com",key="` + key + `"</script>`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(page))
	}))
	t.Cleanup(server.Close)
	own := &config.Bundle{URL: server.URL + "/", Streak: 2, Attempts: 3}
	c := &config.Config{}
	c.Environments.Staging, c.Environments.Production = config.Environment{Bundle: own}, config.Environment{Bundle: own}
	s := &config.Secret{Entry: rotation.Secret{Service: "helius", Variables: []string{variable, "HELIUS_API_KEY"}}}
	stages := map[string]rotation.Stage{rotation.Staging: {Attester: saysSo{}}, rotation.Production: {Attester: saysSo{}}}
	if err := proved(stages, c, s); err != nil {
		t.Fatal(err)
	}
	value := secret.New("https://mainnet.helius-rpc.com/?api-key=" + key)
	for name, kind := range map[string]string{variable: deploy.ByBundle, "HELIUS_API_KEY": ""} {
		got, err := stages[rotation.Production].Attester.Attest(t.Context(), name, value, secret.Value{})
		if err != nil || !got.Agreed || got.Kind != kind {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	s.Prove = "attest"
	stages = map[string]rotation.Stage{rotation.Production: {Attester: saysSo{}}}
	if err := proved(stages, c, s); err != nil || stages[rotation.Production].Attester != (saysSo{}) {
		t.Errorf("it was not left to the application: %v", err)
	}
	s.Prove, c.Environments.Staging.Bundle = "", nil
	if err := proved(stages, c, s); err == nil {
		t.Error("there is no page to look at")
	}
}

// TestUnbundled: whoever asks the doctor hears of the page, and not of an
// endpoint for proofs.
func TestUnbundled(t *testing.T) {
	found := unbundled("it", deploy.Testimony{Old: 6}, nil)
	if found.Verdict != finding.Wrong || !strings.Contains(found.Found, "6 found another or none") {
		t.Errorf("%+v", found)
	}
	if found = unbundled("it", deploy.Testimony{}, context.DeadlineExceeded); !strings.Contains(found.Do, "docs/bundles.md") {
		t.Errorf("%+v", found)
	}
}
