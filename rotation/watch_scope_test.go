package rotation

import (
	"slices"
	"testing"
	"time"
)

// TestWatchFollowsDeployments: a watch moves to a deployment it has not heard
// before, is not driven to and fro while instances are replaced, and measures
// whatever answered since a range began.
func TestWatchFollowsDeployments(t *testing.T) {
	start := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	v := &Vigil{Start: start, Scope: "a"}
	if v.follow("a", start) {
		t.Error("it moved to where it was")
	}
	for _, c := range []struct {
		heard string
		at    int
		moves bool
		from  int
		scope string
		with  []string
	}{
		{"a", 10, false, 0, "a", nil},
		{"b", 20, true, 10, "b", []string{"a"}},
		{"a", 30, false, 20, "b", []string{"a"}},
		{"b", 40, false, 30, "b", []string{"a"}},
		{"b", 50, false, 40, "b", nil},
		{"", 60, false, 50, "b", nil},
		{"c", 70, true, 60, "c", nil},
		{"a", 80, false, 70, "c", []string{"a"}}, // somebody went back
	} {
		scope, with := v.scopes(c.heard, at(c.from))
		if scope != c.scope || !slices.Equal(with, c.with) {
			t.Errorf("at %d s, %q heard: measured %q beside %q, want %q beside %q", c.at, c.heard, scope, with, c.scope, c.with)
		}
		if moved := v.follow(c.heard, at(c.at)); moved != c.moves || v.Scope != c.scope {
			t.Errorf("at %d s, %q heard: moved %t, scope %q", c.at, c.heard, moved, v.Scope)
		}
	}
	if scope, with := v.scopes("c", start); scope != "c" || !slices.Equal(with, []string{"a", "b"}) {
		t.Errorf("the whole window: %q beside %q", scope, with)
	}
	for n := range 2 * maxHeard {
		v.follow(string(rune('A'+n)), at(100))
	}
	if len(v.Heard) != maxHeard {
		t.Errorf("%d deployments are remembered, not %d", len(v.Heard), maxHeard)
	}
}
