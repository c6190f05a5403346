package upstash_test

import (
	"net/http"
	"testing"

	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/upstash"
)

// TestContract holds every exchange with the account's API against the vendor's
// description, cut from https://github.com/upstash/docs.
func TestContract(t *testing.T) {
	w := newWorld(t)
	contract := providertest.NewContract(t, "upstash.yaml", w.url+"/v2")
	w.client = &http.Client{Transport: contract}
	kind := w.kind(t, w.asDefault())
	for _, bare := range []bool{false, true} {
		w.bare = bare
		if _, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "production", ""); err != nil {
			t.Error(err)
		}
	}
	if _, err := w.provider(t, func(c *upstash.Config) {
		d := w.database(w.production)
		d.ID = w.production.id
		c.Databases = map[string]upstash.Database{"production": d}
	}).Survey(t.Context(), map[string]providers.Values{"production": one(w.production.token)}); err != nil {
		t.Error(err)
	}
	contract.Seen("GET /redis/databases 200", "GET /redis/database/{id} 200", "POST /redis/reset-password/{id} 200")
}
