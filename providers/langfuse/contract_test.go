package langfuse_test

import (
	"net/http"
	"testing"

	"rekey/providers"
	"rekey/providers/langfuse"
	"rekey/providers/providertest"
)

// TestContract holds every exchange between adapter and fake against the
// vendor's OpenAPI description, cut from web/public/generated/api/openapi.yml
// of https://github.com/langfuse/langfuse.
func TestContract(t *testing.T) {
	w := newWorld(t)
	contract := providertest.NewContract(t, "langfuse.yaml", w.url)
	w.client = &http.Client{Transport: contract}
	kind := w.kind(t)
	c, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_contract_all_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // alive, ended, refused
		if _, err := kind.(providers.Prober).Probe(t.Context(), c.Values); err != nil {
			t.Error(err)
		}
		if err := kind.(providers.Ender).End(t.Context(), c.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Error(err)
	}
	ordinary := func(conf *langfuse.Config) { conf.AdminKey = fixed(w.staging.Public + ":" + w.staging.secret) }
	current := map[string]providers.Values{"production": w.production.values()}
	if _, err := w.provider(t, ordinary).Survey(t.Context(), current); err == nil {
		t.Error("a project's key manages keys")
	}
	const keys = "/api/public/projects/{projectId}/apiKeys"
	contract.Seen("GET /api/public/projects 200", "GET /api/public/projects 401", "GET /api/public/organizations/projects 200",
		"GET /api/public/organizations/projects 403", "GET "+keys+" 200", "POST "+keys+" 201", "DELETE "+keys+"/{apiKeyId} 200")
}
