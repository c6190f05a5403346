package main

import (
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/bot/config"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/fal"
	"rekey/rotation"
	"rekey/rotation/watch"
)

// wired are a configuration's subjects, by name.
func wired(t *testing.T, c *config.Config) map[string]rotation.Subject {
	t.Helper()
	list, err := subjects(c, secret.Key{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	all := make(map[string]rotation.Subject)
	for _, s := range list {
		all[s.Name] = s
	}
	return all
}

// TestSubjects: what the configuration says of a secret arrives in its
// subject, the environment's part shared and the secret's own.
func TestSubjects(t *testing.T) {
	c := loaded(t)
	all := wired(t, c)
	if len(all) != len(c.Secrets) {
		t.Fatalf("%d subjects of %d secrets", len(all), len(c.Secrets))
	}
	own, other := all["FAL_KEY"], all["THUMBNAIL_KEY"]
	want := watch.Defaults()
	want.Window = 20 * time.Minute
	if diff := cmp.Diff(want, own.Watch); diff != "" {
		t.Errorf("watch (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(watch.Defaults(), own.After); diff != "" {
		t.Errorf("watch after (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(rotation.Policy{Quorum: 1, SelfApproval: true, Expiry: 24 * time.Hour, EmergencyRemind: 5 * time.Minute, Rollback: rotation.AutoRollback{Prove: true, Watch: true}}, other.Policy); diff != "" {
		t.Errorf("policy (-want +got):\n%s", diff)
	}
	if !own.Shared || other.Shared {
		t.Errorf("shared: %v, %v", own.Shared, other.Shared)
	}
	if own.Slots[0] == other.Slots[0] {
		t.Errorf("two accounts are serialised as one: %v", own.Slots)
	}
}

func TestStages(t *testing.T) {
	all := wired(t, loaded(t))
	production := all["FAL_KEY"].Stages[rotation.Production]
	if len(production.Checks) != 2 || production.Deployer == nil || production.Attester == nil {
		t.Fatalf("production: %+v", production)
	}
	health, errors := production.Checks[0], production.Checks[1]
	if !health.Instant || health.Unit != watch.Plain || !health.Required {
		t.Errorf("a request of our own sees the present only: %+v", health)
	}
	if errors.Instant || errors.Unit != watch.Count {
		t.Errorf("a log can be asked about the past, in counts: %+v", errors)
	}
	if s := all["FAL_KEY"].Stages[rotation.Staging]; s.Affected == nil || !s.Free || production.Free {
		t.Errorf("affected: staging %+v", s)
	}
	if s := all["THUMBNAIL_KEY"].Stages[rotation.Staging]; s.Affected != nil || s.NoAffected != "it is asked once a month" {
		t.Errorf("no affected check: %+v", s)
	}
}

// TestOneAccount: secrets that one admin credential serves wait for each other.
func TestOneAccount(t *testing.T) {
	c := loaded(t)
	c.Secrets["THUMBNAIL_KEY"].Admin = c.Secrets["FAL_KEY"].Admin
	if a, b := account(c.Secrets["FAL_KEY"]), account(c.Secrets["THUMBNAIL_KEY"]); a != b {
		t.Errorf("%s and %s", a, b)
	}
}

func TestWaits(t *testing.T) {
	zero, long := time.Duration(0), time.Hour
	got := waits(fal.DefaultWaits(), config.Waits{Settle: &zero, Hold: &long})
	want := fal.DefaultWaits()
	want.Settle, want.Hold = 0, time.Hour
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	if got := waits(providers.Waits{ProbeFor: time.Minute}, config.Waits{}); got.ProbeFor != time.Minute {
		t.Errorf("what is left out: %v", got)
	}
}

func TestStoreConfig(t *testing.T) {
	c := loaded(t)
	keys, err := readSecrets(c)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	got, err := storeConfig(c, keys, log)
	if err != nil || got.Addr != "127.0.0.1:1" || got.Installation != "acme" || got.Timeout != 5*time.Second || got.Backoff != 10*time.Second {
		t.Errorf("by URL: %+v, %v", got, err)
	}
	c.Redis.Address, c.Redis.Username, c.Redis.TLS = "cache.example.com:6380", "rekey", true
	got, err = storeConfig(c, secrets{}, log)
	if err != nil || got.Addr != "cache.example.com:6380" || got.Username != "rekey" || !got.TLS {
		t.Errorf("by address: %+v, %v", got, err)
	}
}

func TestApproversPerSecret(t *testing.T) {
	c := loaded(t)
	got := chatConfig(c, secrets{}, "replica", slog.New(slog.DiscardHandler))
	if p := got.PerSecret("THUMBNAIL_KEY"); len(p.Users) != 1 || p.Group != "" {
		t.Errorf("its own: %+v", p)
	}
	if p := got.PerSecret("FAL_KEY"); len(p.Users) != 2 || p.Group != "S0CRETS" {
		t.Errorf("inherited: %+v", p)
	}
	if p := got.PerSecret("UNKNOWN"); !p.IsZero() {
		t.Errorf("unknown: %+v", p)
	}
}
