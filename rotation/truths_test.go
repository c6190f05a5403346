package rotation

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation/event"
)

// TestAnOlderNewKeyIsNamed: an emergency that uses the key of a rotation which it
// took over says that this one may be what leaked, before and after; one that
// makes its own has nothing to say of that.
func TestAnOlderNewKeyIsNamed(t *testing.T) {
	for name, routine := range map[string]bool{"taken over": true, "its own": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				if routine {
					g.until(e, g.start(e).Key(), Asking)
				}
				r := g.until(e, g.cry(e).Key(), Asking)
				g.unmark()
				g.approve(e, r)
				r = g.until(e, r.Key(), Succeeded, Stuck)
				want := map[bool]int{true: 2}[routine] // when it is taken over, and in the report
				if r.State != Succeeded || g.told(r.Key(), "If it is the one that leaked, this does not contain it") != want {
					t.Errorf("%s, %+v: warned %d times, want %d", r.State, r.Problem, g.told(r.Key(), "If it is the one that leaked"), want)
				}
				if found := g.told(r.Key(), "production holds the new key already"); (found == 1) != routine {
					t.Errorf("it is said %d times that production holds the new key already", found)
				}
			})
		})
	}
}

// TestContainedInTheApplicationToo: what a leaked signing key signs is accepted by
// the application until its value is gone from there, whatever the service does:
// before that nobody reads that it is contained, or dead.
func TestContainedInTheApplicationToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSigners(t)
		s.mode = Emergency
		e := s.engine("one")
		defer s.run(t.Context(), e)()
		r := s.until(e, s.start(e).Key(), Asking)
		s.approve(e, r)
		between := 0
		for r.State != Succeeded && r.State != Stuck {
			var err error
			if r, err = e.Load(t.Context(), r.Key()); err != nil {
				t.Fatal(err)
			}
			if end := r.Ends[Production]; !end.Dead.IsZero() && end.Shut.IsZero() {
				between++
				if !r.ContainedAt().IsZero() || !strings.Contains(r.Safe(), "accepts what it signed until") || standing(r) == Buried {
					t.Fatalf("contained at %s; %s", r.ContainedAt(), r.Safe())
				}
			}
			pass(100 * time.Millisecond)
		}
		if end := r.Ends[Production]; r.State != Succeeded || between == 0 || !end.Shut.After(end.Dead) || !r.ContainedAt().Equal(end.Shut) {
			t.Errorf("%s, %+v: contained at %s, %+v; seen %d times between", r.State, r.Problem, r.ContainedAt(), end, between)
		}
	})
}

// TestABatchIsNotUndecidedAsAWhole: whoever is called again hears about the keys
// that are still asked about. Of the others some may be dead.
func TestABatchIsNotUndecidedAsAWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		f.together()
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.until(e, b, "the card", func(p *Progress) bool { return len(p.Cards) == 1 && p.Count(Asks) == 2 })
		f.of("S1").approve(e, p.Parts[0].Rotation)
		f.until(e, b, "one is dead", func(p *Progress) bool { return p.Count(Buried) == 1 })
		pass(30 * time.Minute)
		last := ""
		for _, ev := range f.rigs[0].journal(b.Key()) {
			if ev.Kind == event.Nagged {
				last = ev.Text
			}
		}
		if !strings.Contains(last, "about S2:") || strings.Contains(last, "S1") {
			t.Errorf("said: %q", last)
		}
	})
}

// TestWhatWaitingMeans: nobody is told that a key works which does not, or that
// nothing was revoked when something was.
func TestWhatWaitingMeans(t *testing.T) {
	ended := map[string]Ending{"": {ID: "key-old", Disabled: true}}
	for name, c := range map[string]struct {
		r    Rotation
		c    Card
		want string
	}{
		"leaked":           {Rotation{}, Card{}, "the leaked key still works"},
		"ended by others":  {Rotation{}, Card{OldRefused: "401"}, ""},
		"switched off":     {Rotation{Ends: ended}, Card{}, ""},
		"a drill":          {Rotation{Drill: true}, Card{}, ""},
		"asks of a vault":  {Rotation{Ends: ended}, Card{About: AboutVault}, "no new key is made before"},
		"asks of it again": {Rotation{Ends: ended, Drill: true}, Card{About: AboutVault}, "no new key is made before"},
	} {
		if got := c.r.meanwhile(&c.c); (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, m := range map[string]Mark{"guest": {Standing: Standing{Why: "guest"}}, "colleague": {Standing: Standing{Member: true}}, "late": {Standing: mayVote}} {
		if why := (Policy{}).objection(requester, m, true); why == "" || strings.Contains(why, "revoked") {
			t.Errorf("%s: %q", name, why)
		}
	}
}

// TestABatchIsContainedWhereEachIs: dead keys are no containment where one lived on,
// or its successor is older than the alarm.
func TestABatchIsContainedWhereEachIs(t *testing.T) {
	at := time.Date(2026, 11, 25, 3, 0, 0, 0, time.UTC)
	plain := Rotation{Secret: "S1", Cell: Cell{Mode: Emergency}, Plan: in(Production, Issue, End)}
	lingers, older := plain, plain
	lingers.Cell.Lingers, older.Plan, older.Places = true, in(Production, End), map[string]Place{Production: {New: Known{ID: "key-new"}}}
	for name, c := range map[string]struct {
		r    Rotation
		want string
	}{
		"contained": {plain, "All 1 old keys are dead. Contained 1m0s after the alarm, at 03:01:00 UTC."},
		"lived on":  {lingers, "All 1 old keys are dead. Whether that contains it is told in the threads of S1."},
		"older":     {older, "All 1 old keys are dead. Whether that contains it is told in the threads of S1."},
	} {
		p := &Progress{Batch: &Batch{Started: at}, Parts: []Part{{Member: &Member{Secret: "S1"}, Rotation: &c.r, Stand: Buried, Dead: at.Add(time.Minute)}}}
		if got := p.outcome(); got != c.want || p.contained().IsZero() != (name != "contained") {
			t.Errorf("%s: %q", name, got)
		}
	}
}
