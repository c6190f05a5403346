//go:build !release

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	local "rekey/internal/sandbox/fal"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
	"rekey/providers/fal"
	"rekey/providers/providertest"
	"rekey/rotation"
)

// TestFalContract holds what the adapter asks and what the sandbox answers
// against fal's description, for a whole life of a key.
func TestFalContract(t *testing.T) {
	service := local.New(local.Options{MaxPage: 2})
	s := httptest.NewServer(service.Handler())
	t.Cleanup(s.Close)
	contract := providertest.NewContract(t, "fal.yaml", s.URL+"/v1")
	admin, old := service.AddAdmin("team", "rotation-bot"), service.AddKey("team", "shop")
	for range 3 {
		service.AddKey("team", "another") // the list has pages
	}
	token := admin.Value
	p, err := fal.New(fal.Config{
		BaseURL: s.URL + "/v1", HTTP: &http.Client{Transport: contract},
		AdminKey: func(context.Context) (secret.Value, error) { return secret.New(token), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	current := map[string]providers.Values{rotation.Production: {"FAL_KEY": secret.New(old.Value)}}
	kind, err := p.Survey(t.Context(), current)
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.Issuer).Issue(t.Context(), "rk_shop_production_1")
	if err != nil {
		t.Fatal(err)
	}
	inferred(t, s.URL, old.Value)
	over := trail.Window{From: time.Now().Add(-time.Hour), To: time.Now().Add(time.Second), Most: 100}
	trails, err := kind.(providers.Auditor).Uses(t.Context(), providers.ID(old.ID), over)
	if err != nil || len(trails) != 1 || len(trails[0].Uses) == 0 {
		t.Errorf("a billed request is not told: %+v, %v", trails, err)
	}
	if at, err := kind.(providers.Usage).LastUsed(t.Context(), providers.ID(old.ID), over.From); err != nil || at.IsZero() {
		t.Errorf("last used %v, %v", at, err)
	}
	for range 2 { // the second is of what is gone, and is answered the same
		if err := kind.(providers.Ender).End(t.Context(), providers.ID(old.ID)); err != nil {
			t.Error(err)
		}
	}
	for v, want := range map[*providers.Values]providers.Liveness{&made.Values: providers.Alive, new(current[rotation.Production]): providers.Refused} {
		if found, err := kind.(providers.Prober).Probe(t.Context(), *v); err != nil || found.Liveness != want {
			t.Errorf("probed %+v, %v; want %s", found, err, want)
		}
	}
	for _, token = range []string{old.Value, made.Values["FAL_KEY"].Reveal()} { // dead, and not of scope ADMIN
		if _, err := p.Survey(t.Context(), current); err == nil {
			t.Error("such a key manages keys")
		}
	}
	contract.Seen("GET /keys 200", "GET /keys 401", "GET /keys 403", "POST /keys 201", "DELETE /keys/{key_id} 204",
		"GET /models/pricing 200", "GET /models/pricing 401", "GET /models/billing-events 200")
}

// inferred uses a key as an application does.
func inferred(t *testing.T, base, key string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, base+"/fal-ai/flux/dev", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Key "+key)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("the model answered %d", resp.StatusCode)
	}
}
