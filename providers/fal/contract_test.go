package fal_test

import (
	"net/http"
	"testing"
	"time"

	"rekey/providers"
	"rekey/providers/fal"
	"rekey/providers/providertest"
)

// TestContract holds every exchange between adapter and fake against the
// vendor's description, https://api.fal.ai/v1/openapi.json.
func TestContract(t *testing.T) {
	w := newWorld(t)
	contract := providertest.NewContract(t, "fal.yaml", w.url)
	w.client = &http.Client{Transport: contract}
	w.events = append(w.events, event(w.production.ID, time.Now().Add(-time.Minute)))
	everyCall(t, w)
	contract.Seen("GET /keys 200", "POST /keys 201", "DELETE /keys/{key_id} 204", "GET /models/pricing 200",
		"GET /models/pricing 401", "GET /keys 403", "GET /models/billing-events 200")
}

// everyCall makes each call of the adapter once, and one that is refused.
func everyCall(t *testing.T, w world) {
	t.Helper()
	kind := w.kind(t)
	c, err := kind.(providers.Issuer).Issue(t.Context(), "rk_contract_all_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kind.(providers.Prober).Probe(t.Context(), c.Values); err != nil {
		t.Error(err)
	}
	if _, err := kind.(providers.Usage).LastUsed(t.Context(), c.ID, time.Now().Add(-time.Hour)); err != nil {
		t.Error(err)
	}
	lastUsed(t, w, time.Now().Add(-time.Hour))
	if err := kind.(providers.Ender).End(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	ordinary := func(conf *fal.Config) { conf.AdminKey = fixed(w.add("team", "API", "ordinary").value()) }
	if _, err := w.provider(t, ordinary).Survey(t.Context(), w.current()); err == nil {
		t.Error("an ordinary key manages keys")
	}
}
