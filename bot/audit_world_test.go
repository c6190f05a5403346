//go:build !release

package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/deploy/infisical"
	"rekey/internal/sandbox"
	"rekey/internal/secret"
	"rekey/internal/trail"
	"rekey/providers"
	"rekey/providers/fal"
	"rekey/rotation"
)

// TestTheThiefIsSeen: what a thief does in the world is what the sources of an
// audit tell, over the wire.
func TestTheThiefIsSeen(t *testing.T) {
	w, err := sandbox.Start(t.Context(), sandbox.Options{Speed: 20, Visits: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	if err := w.Steal(t.Context()); err != nil {
		t.Fatal(err)
	}
	c, e := w.Credentials(), w.Endpoints()
	vault, err := infisical.New(infisical.Config{
		SiteURL: e.Infisical, ProjectID: w.Project(), ClientID: infisical.Fixed(secret.New(c.InfisicalID)), ClientSecret: infisical.Fixed(secret.New(c.InfisicalSecret)),
		Environments: map[string]infisical.Place{rotation.Production: {Environment: sandbox.ProductionSlug, Path: "/"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := vault.Read(t.Context(), rotation.Production, []string{"FAL_KEY"})
	if err != nil {
		t.Fatal(err)
	}
	over := trail.Window{From: entries["FAL_KEY"].Made.Truncate(time.Second), To: time.Now().Add(time.Second), Most: 100}
	read, err := vault.Readings(t.Context(), rotation.Production, []string{"FAL_KEY"}, over)
	if err != nil || read[0].Completeness != trail.Complete {
		t.Fatalf("%+v, %v", read, err)
	}
	plain := secret.New("not in any of it")
	if !slices.ContainsFunc(read[0].Uses, func(u trail.Use) bool {
		return u.From.String() == sandbox.ThiefAddress && u.What.Masked(plain) == "read with its whole folder" && strings.HasPrefix(u.Who.Masked(plain), "laptop-ann ") && !u.Own
	}) || !slices.ContainsFunc(read[0].Uses, func(u trail.Use) bool { return u.Own }) {
		t.Errorf("who read the value: %+v", read[0].Uses)
	}
	p, err := fal.New(fal.Config{BaseURL: e.Fal + "/v1", AdminKey: func(context.Context) (secret.Value, error) { return secret.New(c.FalAdmin), nil }})
	if err != nil {
		t.Fatal(err)
	}
	current := providers.Values{"FAL_KEY": entries["FAL_KEY"].Value}
	kind, err := p.Survey(t.Context(), map[string]providers.Values{rotation.Production: current})
	if err != nil {
		t.Fatal(err)
	}
	id, err := kind.Identify(current)
	if err != nil {
		t.Fatal(err)
	}
	used, err := kind.(providers.Auditor).Uses(t.Context(), id, over)
	if err != nil || used[0].Completeness != trail.Complete || len(used[0].Uses) == 0 {
		t.Errorf("who used the key: %+v, %v", used, err)
	}
}
