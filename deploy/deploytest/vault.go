// Package deploytest holds the conformance suites of the deploy contracts.
// Every implementation runs them against a local server of its own; only
// tests import the package.
//
// A suite opens a fresh bed for each of its checks and reaches behind the
// implementation through it, so it may run any number of times.
package deploytest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// VaultBed is a vault under test, and what the suite needs to reach behind it.
type VaultBed struct {
	Vault       deploy.Vault
	Environment string
	Names       []string // at least two, each in the vault with a value of its own, nothing like the name
	Absent      string   // a name that is not in the vault

	// Other writes as somebody else would, past the vault under test.
	Other func(name, value string)
	// Keys lists all names in the environment, past the vault under test.
	Keys func() []string
	// Heard is what the vault logged so far.
	Heard func() string
}

// Vault checks that an implementation keeps the contract of [deploy.Vault].
// open makes a fresh bed for each check; it may register clean-ups.
func Vault(t *testing.T, open func(t *testing.T) VaultBed) {
	t.Helper()
	for name, check := range map[string]func(*testing.T, VaultBed){
		"a write adds one version and is read back":     oneVersion,
		"several names are written together":            together,
		"one wrong name and nothing is written":         allOrNothing,
		"an older version is read by number":            olderVersion,
		"an old value is restored as a new version":     restored,
		"a version that never was is not found":         absentVersion,
		"somebody else's write in between is noticed":   wrongFrom,
		"another entry of the same name is noticed":     wrongID,
		"the note is kept and laid over what was there": noteKept,
		"what must not be written is refused unsent":    refusedUnsent,
		"an absent name is not found":                   absentName,
		"an unknown environment is refused":             unknownEnvironment,
		"a call without time does nothing":              noTime,
		"no error, entry or log line shows a value":     noLeak,
	} {
		t.Run(name, func(t *testing.T) { check(t, open(t)) })
	}
}

// fresh is a value that a vault accepts, different for every seed and in no
// part like it: the leak test looks for parts.
func fresh(seed string) secret.Value {
	sum := sha256.Sum256([]byte(seed))
	return secret.New("fresh:" + hex.EncodeToString(sum[:]))
}

func (b VaultBed) read(t *testing.T, names ...string) map[string]deploy.Entry {
	t.Helper()
	got, err := b.Vault.Read(t.Context(), b.Environment, names)
	if err != nil {
		t.Fatalf("reading %v: %v", names, err)
	}
	return got
}

// assign is what would replace each name's current entry.
func (b VaultBed) assign(t *testing.T, note deploy.Note, names ...string) []deploy.Assignment {
	t.Helper()
	current := b.read(t, names...)
	var all []deploy.Assignment
	for _, name := range names {
		e := current[name]
		all = append(all, deploy.Assignment{Name: name, Value: fresh(name), From: e.Version, ID: e.ID, Note: note})
	}
	return all
}

func (b VaultBed) write(t *testing.T, assignments []deploy.Assignment) map[string]deploy.Entry {
	t.Helper()
	got, err := b.Vault.Write(t.Context(), b.Environment, assignments)
	if err != nil {
		t.Fatalf("writing: %v", err)
	}
	return got
}

// unchanged fails the test unless the entries still are what they were.
func (b VaultBed) unchanged(t *testing.T, before map[string]deploy.Entry) {
	t.Helper()
	for name, now := range b.read(t, slices.Collect(keysOf(before))...) {
		was := before[name]
		if now.ID != was.ID || now.Version != was.Version || !now.Value.Equal(was.Value) {
			t.Errorf("%s was touched: version %d became %d", name, was.Version, now.Version)
		}
	}
}

func keysOf(m map[string]deploy.Entry) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func oneVersion(t *testing.T, b VaultBed) {
	name := b.Names[0]
	keys := b.Keys()
	a := b.assign(t, nil, name)
	written := b.write(t, a)[name]
	again := b.read(t, name)[name]
	for which, e := range map[string]deploy.Entry{"written": written, "read again": again} {
		if e.Name != name || e.ID != a[0].ID || e.Version != a[0].From+1 || !e.Value.Equal(a[0].Value) {
			t.Errorf("%s: name %q, version %d of entry %q; want version %d of %q with the new value",
				which, e.Name, e.Version, e.ID, a[0].From+1, a[0].ID)
		}
	}
	if diff := cmp.Diff(keys, b.Keys()); diff != "" {
		t.Errorf("names before and after (-before +after):\n%s", diff)
	}
}

func together(t *testing.T, b VaultBed) {
	a := b.assign(t, nil, b.Names...)
	b.write(t, a)
	now := b.read(t, b.Names...)
	for _, one := range a {
		if e := now[one.Name]; e.Version != one.From+1 || !e.Value.Equal(one.Value) {
			t.Errorf("%s is at version %d, want %d with the new value", one.Name, e.Version, one.From+1)
		}
	}
}

func allOrNothing(t *testing.T, b VaultBed) {
	before := b.read(t, b.Names[0])
	a := append(b.assign(t, nil, b.Names[0]), deploy.Assignment{Name: b.Absent, Value: fresh("absent"), From: 1, ID: "none"})
	if _, err := b.Vault.Write(t.Context(), b.Environment, a); !fault.Is(err, fault.NotFound) || !deploy.IsUnwritten(err) {
		t.Errorf("got %v, want not found, unwritten", err)
	}
	b.unchanged(t, before)
	if slices.Contains(b.Keys(), b.Absent) {
		t.Error("the write made a name that was not there")
	}
}

func olderVersion(t *testing.T, b VaultBed) {
	name := b.Names[0]
	was := b.read(t, name)[name]
	b.write(t, b.assign(t, nil, name))
	old, err := b.Vault.ReadVersion(t.Context(), b.Environment, name, was.Version)
	if err != nil {
		t.Fatalf("reading version %d: %v", was.Version, err)
	}
	if old.Version != was.Version || old.ID != was.ID || old.Name != name || !old.Value.Equal(was.Value) {
		t.Errorf("got version %d of %s, want %d with the value it had", old.Version, old.Name, was.Version)
	}
	if old.Made.IsZero() {
		t.Error("the version has no time")
	}
}

func restored(t *testing.T, b VaultBed) {
	name := b.Names[0]
	was := b.read(t, name)[name]
	forward := b.write(t, b.assign(t, nil, name))[name]
	back := deploy.Assignment{Name: name, Value: was.Value, From: forward.Version, ID: forward.ID}
	if e := b.write(t, []deploy.Assignment{back})[name]; e.Version != was.Version+2 || !e.Value.Equal(was.Value) {
		t.Errorf("restored as version %d, want %d with the old value", e.Version, was.Version+2)
	}
}

func absentVersion(t *testing.T, b VaultBed) {
	if _, err := b.Vault.ReadVersion(t.Context(), b.Environment, b.Names[0], 99); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func wrongFrom(t *testing.T, b VaultBed) {
	a := b.assign(t, nil, b.Names...)
	b.Other(b.Names[1], "somebody-elses-value")
	before := b.read(t, b.Names...)
	if _, err := b.Vault.Write(t.Context(), b.Environment, a); !fault.Is(err, fault.ChangedByOther) || !deploy.IsUnwritten(err) {
		t.Errorf("got %v, want changed by other, unwritten", err)
	}
	b.unchanged(t, before)
}

func wrongID(t *testing.T, b VaultBed) {
	before := b.read(t, b.Names[0])
	a := b.assign(t, nil, b.Names[0])
	a[0].ID = "another-entry"
	if _, err := b.Vault.Write(t.Context(), b.Environment, a); !fault.Is(err, fault.ChangedByOther) || !deploy.IsUnwritten(err) {
		t.Errorf("got %v, want changed by other, unwritten", err)
	}
	b.unchanged(t, before)
}

func noteKept(t *testing.T, b VaultBed) {
	name := b.Names[0]
	b.write(t, b.assign(t, deploy.Note{"rotated-at": "2026-01-01", "owner": "media"}, name))
	written := b.write(t, b.assign(t, deploy.Note{"rotated-at": "2026-04-01"}, name))[name]
	want := map[string]string{"rotated-at": "2026-04-01", "owner": "media"}
	for which, e := range map[string]deploy.Entry{"written": written, "read again": b.read(t, name)[name]} {
		if diff := cmp.Diff(want, e.Metadata); diff != "" {
			t.Errorf("%s: metadata (-want +got):\n%s", which, diff)
		}
	}
}

func refusedUnsent(t *testing.T, b VaultBed) {
	name := b.Names[0]
	before := b.read(t, name)
	for what, value := range map[string]string{
		"empty": "", "blank": "    \n", "short": "abc1234", "mask": "****************", "printed mask": "[secret]",
		"half hidden": "sk-ab************yz", "reference": "key-with-${OTHER_KEY}-inside", "padded": "  a-good-value-but-padded ",
	} {
		a := b.assign(t, nil, name)
		a[0].Value = secret.New(value)
		if _, err := b.Vault.Write(t.Context(), b.Environment, a); err == nil || fault.Of(err).Class != fault.Never || !deploy.IsUnwritten(err) {
			t.Errorf("%s value: got %v, want class never, unwritten", what, err)
		}
	}
	twice := b.assign(t, nil, name, name)
	if _, err := b.Vault.Write(t.Context(), b.Environment, twice); err == nil || fault.Of(err).Class != fault.Never {
		t.Errorf("one name twice: got %v, want class never", err)
	}
	if _, err := b.Vault.Write(t.Context(), b.Environment, nil); err == nil {
		t.Error("writing nothing succeeded")
	}
	b.unchanged(t, before)
}

func absentName(t *testing.T, b VaultBed) {
	if _, err := b.Vault.Read(t.Context(), b.Environment, []string{b.Names[0], b.Absent}); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v, want not found", err)
	}
}

func unknownEnvironment(t *testing.T, b VaultBed) {
	if _, err := b.Vault.Read(t.Context(), "no-such-environment", b.Names); err == nil || fault.Of(err).Class != fault.Never {
		t.Errorf("got %v, want class never", err)
	}
}

func noTime(t *testing.T, b VaultBed) {
	before := b.read(t, b.Names...)
	a := b.assign(t, nil, b.Names...)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := b.Vault.Read(ended, b.Environment, b.Names); err == nil {
		t.Error("a read without time succeeded")
	}
	if _, err := b.Vault.Write(ended, b.Environment, a); err == nil {
		t.Error("a write without time succeeded")
	}
	b.unchanged(t, before)
}

// noLeak goes through every way to fail that needs no help from the server.
func noLeak(t *testing.T, b VaultBed) {
	name := b.Names[0]
	was := b.read(t, name)[name]
	good := b.assign(t, deploy.Note{"rotated-at": "2026-01-01"}, name)
	written := b.write(t, good)
	stale := good // the same again: its version is taken
	_, changed := b.Vault.Write(t.Context(), b.Environment, stale)
	padded := []deploy.Assignment{{Name: name, Value: secret.New(" " + good[0].Value.Reveal()), From: 2, ID: was.ID}}
	_, refused := b.Vault.Write(t.Context(), b.Environment, padded)
	spilled := b.assign(t, deploy.Note{"was": good[0].Value.Reveal()}, name)
	_, noted := b.Vault.Write(t.Context(), b.Environment, spilled)
	if noted == nil {
		t.Error("a note with the value in it was accepted")
	}
	_, absent := b.Vault.Read(t.Context(), b.Environment, []string{b.Absent})
	old, err := b.Vault.ReadVersion(t.Context(), b.Environment, name, was.Version)
	secrettest.NoLeak(t, []secret.Value{was.Value, good[0].Value},
		was, written, good, changed, refused, noted, absent, old, err, b.Heard(), fmt.Sprintf("%+v", b.Vault))
}
