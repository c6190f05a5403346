package mem0_test

import (
	"net/http"
	"testing"
	"time"

	"rekey/internal/trail"
	"rekey/providers"
	"rekey/providers/providertest"
)

// TestContract holds every exchange between adapter and fake platform against
// the vendor's OpenAPI description, cut from docs/openapi.json of
// https://github.com/mem0ai/mem0. That has no path for keys, and a server of
// one's own is not in it.
func TestContract(t *testing.T) {
	w := newPlatform(t)
	contract := providertest.NewContract(t, "mem0.yaml", w.url)
	w.client = &http.Client{Transport: contract}
	kind := w.kind(t)
	for _, dead := range []bool{true, false} {
		w.production.revoked = dead
		if _, err := kind.(providers.Prober).Probe(t.Context(), w.production.values()); err != nil {
			t.Error(err)
		}
	}
	to := time.Now()
	if _, err := kind.(providers.Auditor).Uses(t.Context(), "named", trail.Window{From: to.Add(-time.Hour), To: to, Most: 10}); err != nil {
		t.Error(err)
	}
	contract.Seen("GET /v1/ping/ 200", "GET /v1/ping/ 401", "GET /v1/events/ 200")
}
