package redis_test

import (
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"

	"rekey/state/redis"
	"rekey/state/statetest"
)

// found is a finding without its words.
type found struct {
	Name     string
	Readable bool
}

// check compares findings, and expects each to say something.
func check(t *testing.T, s *redis.Store, want ...found) []redis.Finding {
	t.Helper()
	var got []found
	findings := s.Check(t.Context())
	for _, f := range findings {
		got = append(got, found{f.Name, f.Readable})
		if f.Problem == "" || f.Readable == strings.HasPrefix(f.Problem, "cannot be read") {
			t.Errorf("%s: readable %t, problem %q", f.Name, f.Readable, f.Problem)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings differ (-want +got):\n%s", diff)
	}
	return findings
}

func TestCheckGoodServer(t *testing.T) {
	check(t, open(t, redis.Config{Addr: statetest.NewServer(t).Addr}))
}

func TestCheckBadServer(t *testing.T) {
	server := statetest.NewServer(t, "--appendonly", "no", "--maxmemory-policy", "volatile-lru")
	s := open(t, redis.Config{Addr: server.Addr})
	findings := check(t, s, found{redis.FindingEviction, true}, found{redis.FindingAppendOnly, true})
	if !strings.Contains(findings[0].Problem, "volatile-lru") {
		t.Errorf("the policy is not named: %s", findings[0].Problem)
	}
}

// TestCheckReplica makes the server a replica of nobody: it can be opened, and
// then says what it is.
func TestCheckReplica(t *testing.T) {
	server := statetest.NewServer(t)
	open(t, redis.Config{Addr: server.Addr})
	if err := client(t, server.Addr).Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
		t.Fatal(err)
	}
	check(t, open(t, redis.Config{Addr: server.Addr}), found{redis.FindingRole, true})
}

// TestCheckUnderRights takes INFO away, then CONFIG as well, as managed
// services do.
func TestCheckUnderRights(t *testing.T) {
	server := statetest.NewServer(t)
	c := client(t, server.Addr)
	s := open(t, redis.Config{Addr: server.Addr})
	for _, step := range []struct {
		rule string
		want []found
	}{
		{"-info", []found{{redis.FindingRole, false}}},
		{"-config", []found{{redis.FindingEviction, false}, {redis.FindingAppendOnly, false}, {redis.FindingRole, false}}},
		{"+info", nil},
	} {
		if err := c.Do(t.Context(), "ACL", "SETUSER", "default", step.rule).Err(); err != nil {
			t.Fatal(err)
		}
		check(t, s, step.want...)
	}
}

func TestCheckMiniredis(t *testing.T) {
	s := open(t, redis.Config{Addr: miniredis.RunT(t).Addr()})
	check(t, s, found{redis.FindingEviction, false}, found{redis.FindingAppendOnly, false}, found{redis.FindingRole, false})
}

func TestCheckWithoutServer(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, redis.Config{Addr: server.Addr()})
	server.Close()
	check(t, s, found{redis.FindingEviction, false}, found{redis.FindingAppendOnly, false}, found{redis.FindingRole, false})
}

// TestSmallestRights runs everything as a user who may use only what the store
// needs: its own keys, its own channels, and no command that administers.
func TestSmallestRights(t *testing.T) {
	server := statetest.NewServer(t)
	c := client(t, server.Addr)
	const password = "correct-horse-battery"
	err := c.Do(t.Context(), "ACL", "SETUSER", "rekey", "on", ">"+password, "~{rekey:test}:*", "&{rekey:test}:wake", "&{rekey:test}:news",
		"+@all", "-@admin", "-@dangerous").Err()
	if err != nil {
		t.Fatal(err)
	}
	s := open(t, redis.Config{Addr: server.Addr, Username: "rekey", Password: redis.NewPassword(password)})
	b := bench{T: t, s: s, c: c, lease: begin(t, s, "rotation/closed")}
	for _, call := range []string{"Open", "Closed", "Due", "Pending", "Rows", "Events", "Hint", "Hints", "Settle", "Refs", "Claim", "Renew", "Create"} {
		b.ok(byName(t, call).call(t.Context(), b))
	}
	if _, err := s.Wakes(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := s.News(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := redis.Open(t.Context(), redis.Config{
		Addr: server.Addr, Username: "rekey", Password: redis.NewPassword(password), Installation: "other",
	}); err == nil {
		t.Error("another installation's keys could be opened")
	}
}
