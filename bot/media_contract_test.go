//go:build !release

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	local "rekey/internal/sandbox/r2"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/r2"
	"rekey/rotation"
)

// TestMediaContract holds what the adapter asks and what the sandbox answers
// against Cloudflare's description, for a whole life of a key.
func TestMediaContract(t *testing.T) {
	cloud := local.New(local.Options{MaxPage: 3}, "media")
	s := httptest.NewServer(cloud.Handler())
	t.Cleanup(s.Close)
	contract := providertest.NewContract(t, "cloudflare.yaml", s.URL+"/client/v4")
	admin := cloud.Seed(local.Token{Name: "rekey", Policies: local.Administers()}, time.Now())
	cloud.Seed(local.Token{Name: "over", Policies: local.Grant("media"), Expires: time.Now().Add(-time.Hour)}, time.Now())
	old := cloud.Seed(local.Token{Name: "shop", Policies: local.Grant("media"), Expires: time.Now().Add(time.Hour)}, time.Now())
	token := admin.Value
	p, err := r2.New(r2.Config{
		BaseURL: s.URL + "/client/v4", Endpoint: s.URL, Account: local.Account, HTTP: &http.Client{Transport: contract},
		Buckets:    map[string][]string{rotation.Production: {"media"}},
		AdminToken: func(context.Context) (secret.Value, error) { return secret.New(token), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	current := map[string]providers.Values{rotation.Production: {"R2_ACCESS_KEY_ID": secret.New(old.ID), "R2_SECRET_ACCESS_KEY": secret.New(old.Secret())}}
	kind, err := p.Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), rotation.Production, "rk_contract_production_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
		t.Errorf("the new one: %+v, %v", found, err)
	}
	id := providers.ID(old.ID)
	for _, do := range []func() error{
		func() error { return kind.(providers.Disabler).Disable(t.Context(), id) },
		func() error { return kind.(providers.Disabler).Enable(t.Context(), id) },
		func() error { return kind.(providers.Ender).End(t.Context(), id) },
		func() error { return kind.(providers.Ender).End(t.Context(), id) },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	over := trail.Window{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Second), Most: 100}
	if trails, err := kind.(providers.Auditor).Uses(t.Context(), id, over); err != nil || len(trails[0].Uses) < 3 || !trails[0].Uses[0].Own {
		t.Errorf("what was done to the tokens: %+v, %v", trails, err)
	}
	for _, token = range []string{old.Value, cloud.Seed(local.Token{Name: "app", Policies: local.Grant("media")}, time.Now()).Value} {
		if _, err := p.Survey(t.Context(), current); err == nil {
			t.Error("a token without the right manages tokens")
		}
	}
	const tokens = "/accounts/{account_id}/tokens"
	contract.Seen("GET /accounts/{account_id}/logs/audit 200",
		"GET "+tokens+"/verify 200", "GET "+tokens+"/verify 401", "GET "+tokens+" 200", "GET "+tokens+" 403", "POST "+tokens+" 200",
		"GET "+tokens+"/{token_id} 200", "PUT "+tokens+"/{token_id} 200", "DELETE "+tokens+"/{token_id} 200", "DELETE "+tokens+"/{token_id} 404",
		"GET /accounts/{account_id}/r2/buckets/{bucket_name} 200",
	)
}
