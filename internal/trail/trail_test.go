package trail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/internal/trail"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	source = trail.Source{Name: "logs"}
)

func window(most int, marks ...time.Time) trail.Window {
	return trail.Window{From: noon, To: noon.Add(48 * time.Hour), Marks: marks, Most: most}
}

func TestUsesThatAreAlikeAreJoined(t *testing.T) {
	g := trail.NewGather(window(10))
	for i := range 30 {
		g.Add(noon.Add(time.Duration(i)*time.Second), trail.Said{What: "GET /", From: "203.0.113.7"})
	}
	g.Add(noon.Add(40*time.Second), trail.Said{What: "GET /", From: "203.0.113.8"})
	got := g.Trail(source, trail.Complete, "")
	if len(got.Uses) != 2 || got.Uses[0].Count != 30 || !got.Uses[0].Last.Equal(noon.Add(29*time.Second)) || got.Completeness != trail.Complete {
		t.Errorf("%+v", got)
	}
}

func TestNothingIsJoinedAcrossAMark(t *testing.T) {
	g := trail.NewGather(window(1, noon.Add(30*time.Second)))
	g.Add(noon.Add(29*time.Second), trail.Said{What: "GET /"})
	g.Add(noon.Add(30*time.Second), trail.Said{What: "GET /"})
	got := g.Trail(source, trail.Complete, "")
	// There is place for one only, and the other is not silently joined or lost.
	if len(got.Uses) != 1 || got.Uses[0].Count != 1 || got.Completeness != trail.Partial || !strings.Contains(got.Why, "1 more") {
		t.Errorf("%+v", got)
	}
	g = trail.NewGather(window(2, noon.Add(30*time.Second)))
	g.Add(noon.Add(29*time.Second), trail.Said{What: "GET /"})
	g.Add(noon.Add(30*time.Second), trail.Said{What: "GET /"})
	if got := g.Trail(source, trail.Complete, ""); len(got.Uses) != 2 || got.Completeness != trail.Complete {
		t.Errorf("%+v", got)
	}
}

// A busy application coarsens its own uses; a single odd one stays what it is.
func TestMuchUseIsCoarsenedAndTheOddOneKept(t *testing.T) {
	g := trail.NewGather(window(20))
	for i := range 24 * 60 {
		g.Add(noon.Add(time.Duration(i)*time.Minute), trail.Said{From: "203.0.113.7"})
	}
	g.Add(noon.Add(time.Hour), trail.Said{From: "198.51.100.66"})
	got := g.Trail(source, trail.Complete, "")
	total, odd := 0, 0
	for _, u := range got.Uses {
		total += u.Count
		if u.From.String() == "198.51.100.66" {
			odd++
		}
	}
	if len(got.Uses) > 20 || total != 24*60+1 || odd != 1 || got.Completeness != trail.Complete {
		t.Errorf("%d uses with %d requests, %d odd, %s", len(got.Uses), total, odd, got.Completeness)
	}
}

func TestOutsideTheWindowIsNothing(t *testing.T) {
	g := trail.NewGather(window(10))
	g.Add(noon.Add(-time.Second), trail.Said{})
	g.Add(noon.Add(48*time.Hour), trail.Said{})
	g.AddMany(trail.Tally{First: noon.Add(-time.Hour), Last: noon.Add(time.Minute), Amount: 7}, trail.Said{}) // reaches into it
	if got := g.Trail(source, trail.Complete, ""); len(got.Uses) != 1 || got.Uses[0].Count != 0 || got.Uses[0].Amount != 7 {
		t.Errorf("%+v", got)
	}
}

// What a client says of itself may be the very value.
func TestWordsPrintNothing(t *testing.T) {
	v := secret.New("kid-1:0123456789abcdef")
	g := trail.NewGather(window(10))
	g.Add(noon, trail.Said{What: "GET /" + v.Reveal(), Agent: v.Reveal(), Who: v.Reveal(), From: v.Reveal()})
	got := g.Trail(source, trail.Complete, "")
	secrettest.NoLeak(t, []secret.Value{v}, got, &got, got.Uses, fmt.Sprintf("%+v", got))
	if u := got.Uses[0]; u.From.IsValid() || u.Agent.Masked(v) != "[secret]" {
		t.Errorf("%v %q", u.From, u.Agent.Masked(v))
	}
}

func TestHostileWordsAreBounded(t *testing.T) {
	g := trail.NewGather(window(10))
	g.Add(noon, trail.Said{Agent: strings.Repeat("x", 1<<20)})
	if got := g.Trail(source, trail.Complete, "").Uses[0].Agent.Masked(secret.New("not in it at all")); len(got) > 100 {
		t.Errorf("%d bytes are kept", len(got))
	}
}
