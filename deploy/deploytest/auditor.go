package deploytest

import (
	"slices"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/internal/trail"
)

// AuditorBed is a vault's log under test, and what the suite needs to reach behind
// it.
type AuditorBed struct {
	Auditor     deploy.Auditor
	Environment string
	Names       []string

	// Own has Rekey read the names, Other has somebody else read the folder that
	// they are in.
	Own, Other func()
	// Mute keeps the log from everybody, as a server without a licence does; Blind
	// takes the right to it away.
	Mute, Blind func()
	// Secrets are the values in the vault, and whatever else must not show.
	Secrets []secret.Value
}

// Auditor checks that an implementation keeps the contract of [deploy.Auditor].
// open makes a fresh bed for each check; it may register clean-ups.
func Auditor(t *testing.T, open func(t *testing.T) AuditorBed) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, AuditorBed){
		"who reads the folder has read the values": readInBulk,
		"an empty log proves nothing":              emptyLog,
		"a log without our own is not complete":    withoutOwn,
		"without the right it is a fault":          withoutRight,
		"an environment nobody configured":         elsewhere,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

// readings asks about the last minutes.
func (b AuditorBed) readings(t *testing.T, environment string) ([]trail.Trail, error) {
	t.Helper()
	now := time.Now().UTC()
	trails, err := b.Auditor.Readings(t.Context(), environment, b.Names, trail.Window{From: now.Add(-time.Minute), To: now.Add(time.Minute), Most: 100})
	secrettest.NoLeak(t, b.Secrets, trails, err, b.Auditor.Sources())
	return trails, err
}

// told is the trail of the first source.
func (b AuditorBed) told(t *testing.T) trail.Trail {
	t.Helper()
	trails, err := b.readings(t, b.Environment)
	if err != nil || len(trails) != len(b.Auditor.Sources()) {
		t.Fatalf("%d trails of %d sources, %v", len(trails), len(b.Auditor.Sources()), err)
	}
	for i, tr := range trails {
		if tr.Source != b.Auditor.Sources()[i].Name || tr.Completeness != trail.Complete && tr.Why == "" {
			t.Errorf("trail %d: %+v", i, tr)
		}
	}
	return trails[0]
}

func readInBulk(t *testing.T, b AuditorBed) {
	b.Own()
	b.Other()
	got := b.told(t)
	own := slices.ContainsFunc(got.Uses, func(u trail.Use) bool { return u.Own })
	other := slices.ContainsFunc(got.Uses, func(u trail.Use) bool { return !u.Own && !u.Who.IsZero() && u.From.IsValid() })
	if !own || !other || got.Completeness == trail.Unavailable {
		t.Errorf("our own: %t, the other's with name and address: %t, %s", own, other, got.Completeness)
	}
}

func emptyLog(t *testing.T, b AuditorBed) {
	b.Own()
	b.Other()
	b.Mute()
	if got := b.told(t); got.Completeness != trail.Unavailable || len(got.Uses) != 0 {
		t.Errorf("%s with %d uses", got.Completeness, len(got.Uses))
	}
}

func withoutOwn(t *testing.T, b AuditorBed) {
	b.Other()
	if got := b.told(t); got.Completeness == trail.Complete {
		t.Error("it is complete without what Rekey has read itself")
	}
}

func withoutRight(t *testing.T, b AuditorBed) {
	b.Own()
	b.Blind()
	trails, err := b.readings(t, b.Environment)
	if f := fault.Of(err); err == nil || f.Class != fault.Ask || f.Op == "" || len(trails) != 0 {
		t.Errorf("%v with %d trails", err, len(trails))
	}
}

func elsewhere(t *testing.T, b AuditorBed) {
	if trails, err := b.readings(t, "nowhere"); err == nil || len(trails) != 0 {
		t.Errorf("%v with %d trails", err, len(trails))
	}
}
