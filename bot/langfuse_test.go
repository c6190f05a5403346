//go:build !release

package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/langfuse"
	"rekey/internal/secret"
	"rekey/providers"
	adapter "rekey/providers/langfuse"
	"rekey/providers/providertest"
)

// TestLangfuseContract holds the adapter and the sandbox's own Langfuse against
// the vendor's description while they talk to each other.
func TestLangfuseContract(t *testing.T) {
	service := langfuse.New(langfuse.Options{}, "shop-staging")
	old := service.Seed("shop-staging", "shop", time.Now().Add(-time.Hour))
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	contract := providertest.NewContract(t, "langfuse.yaml", server.URL)
	p, err := adapter.New(adapter.Config{
		BaseURL: server.URL, HTTP: &http.Client{Transport: contract},
		AdminKey: func(context.Context) (secret.Value, error) { return secret.New(service.AdminKey()), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	values := providers.Values{app.LangfuseSecret: secret.New(old.Secret), app.LangfusePublic: secret.New(old.Public)}
	kind, err := p.Survey(t.Context(), map[string]providers.Values{"staging": values})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kind.(providers.PlacedIssuer).IssueIn(t.Context(), "staging", "rk_1"); err != nil {
		t.Error(err)
	}
	if err := kind.(providers.Ender).End(t.Context(), providers.ID(old.Public)); err != nil {
		t.Error(err)
	}
	if found, err := kind.(providers.Prober).Probe(t.Context(), values); err != nil || found.Liveness != providers.Refused {
		t.Errorf("%+v, %v", found, err)
	}
	const keys = "/api/public/projects/{projectId}/apiKeys"
	contract.Seen("GET "+keys+" 200", "POST "+keys+" 201", "DELETE "+keys+"/{apiKeyId} 200", "GET /api/public/projects 401")
}

// TestLangfuseMixedPair: halves of two pairs stop before anything is made, and
// the sentence names both.
func TestLangfuseMixedPair(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.LangfuseSecret}})
	s.secret = app.LangfuseSecret
	w := s.box.world
	other := w.Langfuse.Create("shop-production", "other")
	if _, err := w.Infisical.Put(w.Place(sandbox.Production), app.LangfuseSecret, other.Secret, "someone else"); err != nil {
		t.Fatal(err)
	}
	s.shows(s.rotate(app.LangfuseSecret), "halves of two pairs", other.Public, w.OldTraceKey(sandbox.Production))
	for _, made := range w.Writes() {
		t.Errorf("something was written: %+v", made)
	}
}

// TestDemoLangfuse is the rotation of a pair, one for each environment's
// project. A deletion is overtaken by a request, so that the service goes on
// accepting the dead pair: the bot must leave it alone until it has forgotten.
func TestDemoLangfuse(t *testing.T) {
	t.Parallel()
	var writes []sandbox.Write
	var remembered []bool
	r, err := play(t, sandboxOptions{}, script{secret: app.LangfuseSecret, arrange: func(b *box) {
		b.world.Langfuse.Halfway(func(k langfuse.Key) { b.world.Langfuse.Touch(k.Public) })
		b.world.OnWrite(func(w sandbox.Write) {
			writes = append(writes, w)
			if w.Kind == sandbox.Delete {
				remembered = append(remembered, b.world.Langfuse.Accepts(w.What))
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.ApprovedBy != "T0SANDBOX/U0BEN" || r.AppRequests < 100 {
		t.Errorf("result: %+v", r)
	}
	if len(remembered) < 2 || !remembered[0] || !remembered[1] {
		t.Errorf("the deleted pairs were not remembered: %v", remembered)
	}
	for _, w := range writes { // both halves in one request
		if (w.Kind == sandbox.VaultStaging || w.Kind == sandbox.VaultProduction) && len(strings.Fields(w.What)) != 2 {
			t.Errorf("%s wrote %s", w.Kind, w.What)
		}
	}
}

// TestLangfuseWithoutTheAPI: the survey finds what the plan does not include,
// says so, and changes nothing.
func TestLangfuseWithoutTheAPI(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.LangfuseSecret}, noLangfuseAPI: true})
	s.secret = app.LangfuseSecret
	s.shows(s.rotate(app.LangfuseSecret), "plan has no API for keys", "Nothing was changed")
	for _, made := range s.box.world.Writes() {
		t.Errorf("something was written: %+v", made)
	}
}
