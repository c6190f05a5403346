package supabase_test

import (
	"net/http"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/supabase"
)

// TestContract holds every exchange of the Management API between adapter and
// fake against its description, cut from https://github.com/supabase/cli.
func TestContract(t *testing.T) {
	w := newWorld(t)
	contract := providertest.NewContract(t, "supabase.yaml", w.url+apiPath)
	w.client = &http.Client{Transport: contract}
	everyCall(t, w)
	w.uses = []use{old(productionRef)}
	if err := w.legacyKind(t, "production").(providers.Ender).End(t.Context(), "legacy_"+productionRef); err != nil {
		t.Error(err)
	}
	contract.Seen(
		"GET /v1/projects/{ref}/api-keys 200", "GET /v1/projects/{ref}/api-keys 401", "POST /v1/projects/{ref}/api-keys 201",
		"DELETE /v1/projects/{ref}/api-keys/{id} 200", "GET /v1/projects/{ref}/api-keys/legacy 200", "PUT /v1/projects/{ref}/api-keys/legacy 200", "GET /v1/projects/{ref}/analytics/endpoints/logs 200",
	)
}

// everyCall makes each call of the adapter at least once, and one that is
// refused.
func everyCall(t *testing.T, w world) {
	t.Helper()
	kind := w.kind(t)
	c, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_contract_staging_r1_1")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kind.(providers.Prober).Probe(t.Context(), c.Values); err != nil {
		t.Error(err)
	}
	if _, err := kind.(providers.Lister).List(t.Context()); err != nil {
		t.Error(err)
	}
	lastUsed(t, kind, string(c.ID), time.Now().Add(-time.Hour))
	if err := kind.(providers.Ender).End(t.Context(), c.ID); err != nil {
		t.Error(err)
	}
	legacy := map[string]providers.Values{"staging": {variable: jwt(stagingRef, "service_role")}}
	if _, err := w.provider(t).Survey(t.Context(), legacy); err == nil {
		t.Error("a legacy key was taken")
	}
	stranger := func(conf *supabase.Config) { conf.Token = fixed(secret.New("sbp_stranger")) }
	if _, err := w.provider(t, stranger).Survey(t.Context(), w.current()); err == nil {
		t.Error("a stranger's token was taken")
	}
}
