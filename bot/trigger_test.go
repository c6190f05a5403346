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

// regenerated counts the regenerations of an environment's root key, and holds
// that each was approved before.
func regenerated(t *testing.T, w *sandbox.World, environment string) (n int) {
	t.Helper()
	for _, write := range w.Writes() {
		if write.Kind != sandbox.Regenerate {
			continue
		}
		if len(write.Approved) == 0 {
			t.Errorf("nobody had approved %+v", write)
		}
		if k, _ := w.Trigger.Key(write.What); k.Environment == sandbox.JobsEnvironment(environment) {
			n++
		}
	}
	return n
}

// TestDemoTriggerRoot: root keys are regenerated once each, after the approval,
// and proved dead when their grace is over. The answer that holds production's is
// lost: it is read back, and the key not regenerated again.
func TestDemoTriggerRoot(t *testing.T) {
	t.Parallel()
	var world *sandbox.World
	r, err := play(t, sandboxOptions{rootJobs: true}, script{secret: app.JobsKey, arrange: func(b *box) {
		world = b.world
		order := sandbox.FaultOrder{Service: "trigger", Kind: "lose", Method: http.MethodPost, Path: "/api/v1/projects/" + sandbox.JobsProject + "/prod/regenerate-api-key", Limit: 1}
		if _, err := b.world.Inject(order); err != nil {
			t.Error(err)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.Shape != "grace" || r.AppRequests < 100 {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		if n := regenerated(t, world, environment); n != 1 {
			t.Errorf("%s was regenerated %d times", environment, n)
		}
	}
	if n := world.Trigger.Faults.Fired("lose"); n != 1 {
		t.Errorf("%d answers were lost", n)
	}
}

// TestTriggerMoves: an application on root keys moves to additional ones, which
// a person makes. The root keys are regenerated once each, when nobody uses them
// any more, and proved dead after their grace.
func TestTriggerMoves(t *testing.T) {
	t.Parallel()
	var world *sandbox.World
	migrating := func(config string) string {
		return steady()(strings.Replace(config, "trigger: {project: ", "trigger: {migrate: additional, project: ", 1))
	}
	r, err := play(t, sandboxOptions{rootJobs: true, adjust: migrating}, script{secret: app.JobsKey, arrange: func(b *box) { world = b.world }})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() || r.Shape != "overlap" {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		e, _ := world.Infisical.Read(world.Place(environment), app.JobsKey)
		if n := regenerated(t, world, environment); n != 1 || !strings.Contains(e.Value, "_sk_") {
			t.Errorf("%s was regenerated %d times, and runs on an additional key: %t", environment, n, strings.Contains(e.Value, "_sk_"))
		}
	}
}
