//go:build !release

package main

import (
	"context"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/upstash"
	"rekey/internal/sandbox/wire"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	adapter "rekey/providers/upstash"
)

// TestUpstashContract holds the adapter and the sandbox's own Upstash against the
// vendor's description while they talk to each other, in both ways there are.
func TestUpstashContract(t *testing.T) {
	service := upstash.New(upstash.Options{}, "shop")
	if err := service.Open(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.Close)
	user, own := service.Seed("shop", "app", time.Now(), "~shop:*", "+@all", "-@dangerous"), service.Own("shop")
	server := httptest.NewServer(service.Handler())
	t.Cleanup(server.Close)
	contract := providertest.NewContract(t, "upstash.yaml", server.URL+"/v2")
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM([]byte(service.Authority())) {
		t.Fatal("the authority is no certificate")
	}
	fixed := func(v string) func(context.Context) (secret.Value, error) {
		return func(context.Context) (secret.Value, error) { return secret.New(v), nil }
	}
	p, err := adapter.New(adapter.Config{
		BaseURL: server.URL, HTTP: &http.Client{Transport: contract}, Roots: roots, Account: fixed(service.AccountKey()),
		Name:      func(secret.Value) providers.ID { return "one" },
		Databases: map[string]adapter.Database{"production": {URL: server.URL + "/shop", Redis: service.Address("shop"), Password: fixed(own.Password)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	kind := func(token string) providers.Kind {
		k, err := p.Survey(t.Context(), map[string]providers.Values{"production": {app.RedisToken: secret.New(token)}})
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	users := kind(user.Token)
	made, err := users.(providers.PlacedIssuer).IssueIn(t.Context(), "production", "rk_1")
	if err != nil {
		t.Fatal(err)
	}
	if got := service.Rules("shop", "rk_1"); !slices.Equal(got, []string{"~shop:*", "+@all", "-@dangerous"}) {
		t.Errorf("its rules are %v", got)
	}
	for _, do := range []func(context.Context, providers.ID) error{
		users.(providers.Disabler).Disable, users.(providers.Disabler).Enable, users.(providers.Ender).End, users.(providers.Ender).End,
	} {
		if err := do(t.Context(), providers.ID(user.ID)); err != nil {
			t.Error(err)
		}
	}
	if found, err := users.(providers.Prober).Probe(t.Context(), made.Values); err != nil || found.Liveness != providers.Alive {
		t.Errorf("%+v, %v", found, err)
	}
	if _, err := kind(own.Token).(providers.PlacedIssuer).IssueIn(t.Context(), "production", ""); err != nil {
		t.Error(err)
	}
	contract.Seen("GET /redis/databases 200", "GET /redis/database/{id} 200", "POST /redis/reset-password/{id} 200")
}

// TestDemoUpstash is the rotation of a user of each environment's database. The
// answer to the first one's creation is lost: it is found by its name, deleted,
// and made again.
func TestDemoUpstash(t *testing.T) {
	t.Parallel()
	r, err := play(t, sandboxOptions{adjust: calm()}, script{secret: app.RedisToken, arrange: func(b *box) { b.world.Upstash.Lose("SETUSER", 1) }})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.ApprovedBy != "T0SANDBOX/U0BEN" || len(r.Steps) != 20 || r.AppRequests < 100 {
		t.Errorf("result: %+v", r)
	}
}

// TestDemoUpstashReset is the rotation of databases' own credentials: the survey
// finds that nothing else replaces them, people are told the outage before, and
// one reset for each environment moves tokens, password and address together.
// The answer to the first reset is lost: what the database holds is read, and
// nothing is reset twice.
func TestDemoUpstashReset(t *testing.T) {
	t.Parallel()
	var resets []string
	r, err := play(t, sandboxOptions{ownRedisToken: true, adjust: calm()}, script{secret: app.RedisToken, arrange: func(b *box) {
		b.world.Upstash.Faults.Inject("lost", wire.Fault{Match: wire.Match{Method: http.MethodPost, Path: "/v2/redis/reset-password/*"}, Limit: 1, Do: wire.Lose()})
		b.world.OnWrite(func(w sandbox.Write) {
			if w.Kind == sandbox.ResetCredentials {
				resets = append(resets, w.What)
			}
		})
	}})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if want := []string{"shop-staging#1", "shop-production#1"}; !slices.Equal(resets, want) {
		t.Errorf("reset %v", resets)
	}
	if r.Shape != "cutover" || r.ApprovedBy != "T0SANDBOX/U0BEN" || r.GapSeconds <= 0 {
		t.Errorf("result: %+v", r)
	}
}
