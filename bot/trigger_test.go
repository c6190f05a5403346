//go:build !release

package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/triggerdev"
	"rekey/providers/providertest"
)

// TestTriggerContract holds the sandbox's own Trigger.dev against the vendor's
// description, as far as that goes: the routes of keys are not in it.
func TestTriggerContract(t *testing.T) {
	service := triggerdev.New(triggerdev.Options{})
	service.AddProject("proj_shop", time.Now(), "prod")
	k := service.Create(triggerdev.Order{Project: "proj_shop", Environment: "prod", Name: "shop"})
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	contract := providertest.NewContract(t, "trigger.yaml", server.URL)
	ask := func(client http.RoundTripper, method, path, with string) int {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+with)
		resp, err := client.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp.StatusCode
	}
	if status := ask(http.DefaultTransport, "POST", "/api/v1/tasks/resize/trigger", k.Value); status != 200 {
		t.Fatalf("a task is not started: %d", status)
	}
	for path, with := range map[string]string{"/api/v1/runs?page[size]=10": k.Value, "/api/v1/runs": "tr_prod_0", "/api/v1/runs?page[size]=1": k.Value} {
		ask(contract, "GET", path, with)
	}
	contract.Seen("GET /api/v1/runs 200", "GET /api/v1/runs 400", "GET /api/v1/runs 401")
}

// TestDemoTrigger is the rotation of additional keys: a person makes them and,
// after the approval, revokes the old ones. One value goes to two names.
func TestDemoTrigger(t *testing.T) {
	t.Parallel()
	var writes []sandbox.Write
	r, err := play(t, sandboxOptions{}, script{secret: app.JobsKey, arrange: func(b *box) {
		b.world.OnWrite(func(w sandbox.Write) { writes = append(writes, w) })
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
	for _, w := range writes {
		switch w.Kind {
		case sandbox.VaultStaging, sandbox.VaultProduction: // both names in one request
			if !slices.Equal(strings.Fields(w.What), []string{app.JobsKey, app.JobsSecret}) {
				t.Errorf("%s wrote %s", w.Kind, w.What)
			}
		case sandbox.Regenerate:
			t.Errorf("a root key was regenerated: %+v", w)
		}
	}
}
