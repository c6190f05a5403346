//go:build !release

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/mem0"
	"rekey/internal/sandbox/slack"
	"rekey/internal/secret"
	"rekey/providers"
	adapter "rekey/providers/mem0"
	"rekey/providers/providertest"
)

// TestMem0Contract holds the adapter and the sandbox's own platform against the
// vendor's description while they talk to each other.
func TestMem0Contract(t *testing.T) {
	service := mem0.New(mem0.Options{})
	old := service.Seed("proj_shop", "shop", time.Now().Add(-time.Hour))
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	contract := providertest.NewContract(t, "mem0.yaml", server.URL)
	p, err := adapter.New(adapter.Config{
		BaseURL: server.URL, HTTP: &http.Client{Transport: contract}, Name: func(secret.Value) providers.ID { return "named" },
	})
	if err != nil {
		t.Fatal(err)
	}
	values := providers.Values{app.MemoryKey: secret.New(old.Value)}
	kind, err := p.Survey(t.Context(), map[string]providers.Values{"staging": values})
	if err != nil {
		t.Fatal(err)
	}
	service.End(old.ID)
	if found, err := kind.(providers.Prober).Probe(t.Context(), values); err != nil || found.Liveness != providers.Refused {
		t.Errorf("%+v, %v", found, err)
	}
	alive := service.Create("proj_shop", "shop")
	for _, path := range []string{"/v1/events/", "/v1/stats/"} { // what else the description has of it
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Token "+alive.Value)
		resp, err := contract.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	contract.Seen("GET /v1/ping/ 200", "GET /v1/ping/ 401", "GET /v1/events/ 200", "GET /v1/stats/ 200")
}

// TestDemoMem0 is the rotation of the platform's keys, which people make and
// delete. The first that is pasted was made in another project: it works, and
// is not taken.
func TestDemoMem0(t *testing.T) {
	t.Parallel()
	var writes []sandbox.Write
	s := script{secret: app.MemoryKey, bring: func(d *demo, e errand) error {
		if e.environment == sandbox.Staging {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := mistaken(ctx, d, e); err != nil {
				return err
			}
		}
		return diligent(d, e)
	}}
	s.arrange = func(b *box) { b.world.OnWrite(func(w sandbox.Write) { writes = append(writes, w) }) }
	r, err := play(t, sandboxOptions{}, s)
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.ApprovedBy != "T0SANDBOX/U0BEN" || r.AppRequests < 100 {
		t.Errorf("result: %+v", r)
	}
	ended, written := 0, 0
	for _, w := range writes {
		switch w.Kind {
		case sandbox.EndedByHand:
			ended++
			if len(w.Approved) == 0 {
				t.Errorf("a person was asked to delete %s before anybody approved", w.What)
			}
		case sandbox.VaultStaging, sandbox.VaultProduction:
			written++
		}
	}
	if ended != 2 || written != 2 {
		t.Errorf("%d keys were deleted, %d values were written", ended, written)
	}
}

// mistaken pastes a key of the project that the dashboard selects by itself,
// reads why it is not taken, and deletes it.
func mistaken(ctx context.Context, d *demo, e errand) error {
	w := d.box.world
	wrong := w.Mem0.Create("proj_default", e.label)
	if err := w.Leave(e.environment, app.MemoryKey, wrong.Value); err != nil {
		return err
	}
	err := w.Slack.Wait(ctx, func(now slack.Snapshot) bool {
		_, told := now.Find(func(m slack.Message) bool { return strings.Contains(m.Text, "belongs to project proj_default") })
		return told
	})
	if err != nil {
		return fmt.Errorf("waiting for the sentence about the project: %w", err)
	}
	w.Mem0.End(wrong.ID)
	return nil
}

// TestDemoMem0OwnServer is the rotation of keys that a server of one's own
// issues over its API. Mem0's platform, which is there all the while, is never
// asked anything.
func TestDemoMem0OwnServer(t *testing.T) {
	t.Parallel()
	asked := 0
	s := script{secret: app.MemoryKey, arrange: func(b *box) {
		b.world.OnWrite(func(sandbox.Write) { asked = b.world.Mem0.Requests.Count() })
	}}
	r, err := play(t, sandboxOptions{ownMemory: true}, s)
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.ApprovedBy != "T0SANDBOX/U0BEN" || r.AppRequests < 100 {
		t.Errorf("result: %+v", r)
	}
	if asked > 0 {
		t.Errorf("the platform was asked %d times", asked)
	}
}

// TestMem0KeyShownToNobody: a key of a server of one's own, in a configuration
// that names none, stops before anybody is shown it.
func TestMem0KeyShownToNobody(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.MemoryKey}})
	s.secret = app.MemoryKey
	w := s.box.world
	own := w.Mem0Own.Create("", "shop")
	if _, err := w.Infisical.Put(w.Place(sandbox.Production), app.MemoryKey, own.Value, "someone else"); err != nil {
		t.Fatal(err)
	}
	s.shows(s.rotate(app.MemoryKey), "production: MEM0_API_KEY is a key of a server of one's own", "It was shown to nobody")
	for q := range w.Mem0.Requests.All() {
		if strings.Contains(q.Header.Get("Authorization"), "m0sk_") {
			t.Error("the platform was shown the key")
		}
	}
	if n := w.Mem0Own.Requests.Count(); n > 0 {
		t.Errorf("the server was asked %d times", n)
	}
	for _, made := range w.Writes() {
		t.Errorf("something was written: %+v", made)
	}
}
