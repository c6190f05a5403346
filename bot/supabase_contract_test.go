//go:build !release

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	local "rekey/internal/sandbox/supabase"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/supabase"
	"rekey/rotation"
)

// TestSupabaseContract holds what the adapter asks and what the sandbox answers
// against the Management API's description, for a whole life of a key.
func TestSupabaseContract(t *testing.T) {
	cloud := local.New(local.Options{})
	m := http.NewServeMux()
	m.Handle("/api/", http.StripPrefix("/api", cloud.Handler())) // the Management API apart from the projects
	m.Handle("/", cloud.Handler())
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	contract := providertest.NewContract(t, "supabase.yaml", s.URL+"/api")
	ref := sandbox.SupabaseRef(rotation.Production)
	cloud.AddProject(ref)
	cloud.Seed(ref, local.Publishable, "default", time.Now())
	old := cloud.Seed(ref, local.Secret, "shop", time.Now())
	token := cloud.AddToken(local.ReadKeys, local.WriteKeys, local.ReadLogs)
	p, err := supabase.New(supabase.Config{
		BaseURL: s.URL + "/api", ProjectURL: s.URL + "/{ref}", HTTP: &http.Client{Transport: contract},
		Projects: map[string]string{rotation.Production: ref},
		Token:    func(context.Context) (secret.Value, error) { return secret.New(token), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	current := map[string]providers.Values{rotation.Production: {app.SupabaseKey: secret.New(old.Value)}}
	kind, err := p.Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), rotation.Production, "rk_contract_production_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), current[rotation.Production]); err != nil || found.Liveness != providers.Alive {
		t.Errorf("the old one beside the new one: %+v, %v", found, err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/"+ref+"/rest/v1/products", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("apikey", old.Value) // somebody else's use; ours is none
	req.Header.Set("Cf-Connecting-Ip", sandbox.ThiefAddress)
	if resp, err := http.DefaultClient.Do(req); err != nil {
		t.Fatal(err)
	} else {
		_ = resp.Body.Close()
	}
	if at, err := kind.(providers.Usage).LastUsed(t.Context(), providers.ID(old.ID), time.Now().Add(-time.Hour)); err != nil || at.IsZero() {
		t.Errorf("last used %v, %v", at, err)
	}
	over := trail.Window{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Second), Most: 100}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(old.ID), over)
	if err != nil || !slices.ContainsFunc(trails[0].Uses, func(u trail.Use) bool { return u.From.String() == sandbox.ThiefAddress && u.Count == 1 }) {
		t.Errorf("who used it: %+v, %v", trails, err)
	}
	for range 2 {
		if err := kind.(providers.Ender).End(t.Context(), providers.ID(old.ID)); err != nil {
			t.Error(err)
		}
	}
	if id, err := kind.Identify(made.Values); err != nil || id != made.ID {
		t.Errorf("the new one is %s, %v", id, err)
	}
	legacy := map[string]providers.Values{rotation.Production: {app.SupabaseKey: secret.New(cloud.LegacyKey(ref, "service_role"))}}
	for _, token = range []string{token, cloud.AddToken(local.WriteKeys), "sbp_nobody"} {
		if _, err := p.Survey(t.Context(), legacy); err == nil {
			t.Error("a legacy key was taken")
		}
	}
	const keys = "/v1/projects/{ref}/api-keys"
	contract.Seen("GET "+keys+" 200", "GET "+keys+" 401", "GET "+keys+" 403", "POST "+keys+" 201", "DELETE "+keys+"/{id} 200",
		"GET "+keys+"/legacy 200", "GET /v1/projects/{ref}/analytics/endpoints/logs 200")
}

// TestSigningContract is the same for the life of a signing key.
func TestSigningContract(t *testing.T) {
	cloud := local.New(local.Options{})
	m := http.NewServeMux()
	m.Handle("/api/", http.StripPrefix("/api", cloud.Handler()))
	m.Handle("/", cloud.Handler())
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	contract := providertest.NewContract(t, "supabase.yaml", s.URL+"/api")
	ref := sandbox.SupabaseRef(rotation.Production)
	cloud.AddProject(ref)
	cloud.Seed(ref, local.Publishable, "default", time.Now())
	old := cloud.Migrate(ref)
	token := cloud.AddToken(local.ReadKeys, local.ReadLogs, local.ReadSigners, local.WriteSigners, local.ReadAuth)
	p, err := supabase.NewSigning(supabase.SigningConfig{
		BaseURL: s.URL + "/api", ProjectURL: s.URL + "/{ref}", HTTP: &http.Client{Transport: contract},
		Projects: map[string]string{rotation.Production: ref},
		Token:    func(context.Context) (secret.Value, error) { return secret.New(token), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	kind, err := p.Survey(t.Context(), map[string]providers.Values{rotation.Production: {app.JWTSecret: secret.New(old.Secret), app.JWTPrevious: secret.New(old.Secret)}})
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.Importer).Make("rk_contract_production_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := kind.(providers.Importer).Import(t.Context(), rotation.Production, made.ID, made.Values); err != nil {
			t.Fatal(err)
		}
	}
	if err := kind.(providers.Activator).Activate(t.Context(), rotation.Production, made.ID); err != nil {
		t.Fatal(err)
	}
	if why, err := kind.(providers.Blocker).Blocked(t.Context(), providers.ID(old.ID)); why == "" || err != nil {
		t.Errorf("nothing is in the way of the revocation, %v", err)
	}
	cloud.SwitchLegacy(ref, false)
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(old.ID)); err != nil {
		t.Error(err)
	}
	const signers = "/v1/projects/{ref}/config/auth/signing-keys"
	contract.Seen("GET "+signers+" 200", "POST "+signers+" 201", "PATCH "+signers+"/{id} 200", "GET "+signers+"/legacy 200", "GET /v1/projects/{ref}/config/auth 200",
		"GET /v1/projects/{ref}/api-keys/{id} 200", "GET /v1/projects/{ref}/api-keys/legacy 200")
}
