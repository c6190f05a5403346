package r2_test

import (
	"net/http"
	"testing"

	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/r2"
)

// TestContract holds every exchange between adapter and fake against the
// vendor's description, cut from https://github.com/cloudflare/api-schemas.
func TestContract(t *testing.T) {
	w := newWorld(t)
	contract := providertest.NewContract(t, "cloudflare.yaml", w.url+"/client/v4")
	w.client = &http.Client{Transport: contract}
	kind := w.kind(t)
	c := issue(t, kind, "production")
	probe(t, kind, c.Values)
	old := providers.ID(w.production.id)
	for _, do := range []func() error{
		func() error { return kind.(providers.Disabler).Disable(t.Context(), old) },
		func() error { return kind.(providers.Ender).End(t.Context(), old) },
		func() error { return kind.(providers.Ender).End(t.Context(), old) },
	} {
		if err := do(); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.provider(t, func(c *r2.Config) { c.AdminToken = fixed(w.staging.value) }).Survey(t.Context(), w.current()); err == nil {
		t.Error("an ordinary token manages tokens")
	}
	contract.Seen(
		"GET /accounts/{account_id}/tokens/verify 200", "GET /accounts/{account_id}/tokens 200", "GET /accounts/{account_id}/tokens 403",
		"GET /accounts/{account_id}/r2/buckets/{bucket_name} 200", "POST /accounts/{account_id}/tokens 200", "GET /accounts/{account_id}/tokens/{token_id} 200",
		"PUT /accounts/{account_id}/tokens/{token_id} 200", "DELETE /accounts/{account_id}/tokens/{token_id} 200", "DELETE /accounts/{account_id}/tokens/{token_id} 404",
	)
}
