package helius_test

import (
	"net/http"
	"testing"

	"rekey/providers"
	"rekey/providers/providertest"
)

// TestContract holds every question for a node's health against the vendor's
// description, openapi/rpc-http/getHealth.yaml of https://github.com/helius-labs/docs.
// The portal that lists and makes keys has none.
func TestContract(t *testing.T) {
	w := newWorld(t)
	contract := providertest.NewContract(t, "helius.yaml", w.url)
	w.client = &http.Client{Transport: contract}
	kind := w.kind(t)
	prober := kind.(providers.Prober)
	for _, disturb := range []func(){
		func() {},
		func() { w.lagging = true },
		func() { w.production.dead = true },
		func() {
			w.override = func(out http.ResponseWriter, _ *http.Request) bool {
				rpcError(out, http.StatusTooManyRequests, -32005, "Too many requests")
				return true
			}
		},
	} {
		disturb()
		if _, err := prober.Probe(t.Context(), w.values(w.production)); err != nil {
			t.Error(err)
		}
	}
	contract.Seen("POST / 200", "POST / 401", "POST / 429")
}
