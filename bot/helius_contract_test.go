//go:build !release

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	local "rekey/internal/sandbox/helius"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/helius"
	"rekey/providers/providertest"
	"rekey/rotation"
)

// TestHeliusContract holds what the adapter asks an RPC node and what the
// sandbox answers against Helius's description of it. The portal's API has none,
// and is asked past it.
func TestHeliusContract(t *testing.T) {
	service := local.New(local.Options{}, "project-1")
	old := service.Seed("project-1", "shop", time.Now().Add(-time.Hour))
	rpc, portal := httptest.NewServer(service.Handler()), httptest.NewServer(service.Handler())
	t.Cleanup(rpc.Close)
	t.Cleanup(portal.Close)
	contract := providertest.NewContract(t, "helius.yaml", rpc.URL)
	p, err := helius.New(helius.Config{
		BaseURL: portal.URL, RPC: rpc.URL, HTTP: &http.Client{Transport: contract}, Variables: []string{"HELIUS_API_KEY"},
		Token: func(context.Context) (secret.Value, error) { return secret.New(service.Token()), nil },
		Name:  func(v secret.Value) providers.ID { return providers.ID("named_" + v.Last4()) },
	})
	if err != nil {
		t.Fatal(err)
	}
	current := providers.Values{"HELIUS_API_KEY": secret.New(old.Value)}
	kind, err := p.Survey(t.Context(), map[string]providers.Values{rotation.Production: current})
	if err != nil {
		t.Fatal(err)
	}
	made, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), rotation.Production, "rk_shop_production_1")
	if err != nil {
		t.Fatal(err)
	}
	service.End(old.ID)
	for v, want := range map[*providers.Values]providers.Liveness{&made.Values: providers.Alive, &current: providers.Refused} {
		if found, err := kind.(providers.Prober).Probe(t.Context(), *v); err != nil || found.Liveness != want {
			t.Errorf("probed %+v, %v; want %s", found, err, want)
		}
	}
	contract.Seen("POST / 200", "POST / 401")
}
