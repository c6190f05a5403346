package rotation

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation/event"
)

// The bad day: whatever goes wrong at whatever step of an emergency, and
// wherever a replica dies in it, it ends as people are told. The table comes
// from the plans themselves: a cell that can be run, or a step of it, that has no
// row fails here.

var wholeBadDay = flag.Bool("baddays", false, "play all bad days, which takes minutes, not a sample")

var badDay = flag.Uint64("badday", 0, "the seed of the sample of bad days; 0 takes another one each time")

// row is one story: a cell, the moment at which trouble comes, and which.
type row struct {
	cell Cell
	way  string
	moment
	step Step
	trouble
}

func (r row) String() string {
	return fmt.Sprintf("%s, %s, %d %s, %s, %s", r.cell, cmp.Or(r.way, "by itself"), r.at+1, r.step, r.call, r.name)
}

// badCells are the cells whose every step must survive. Cells that differ in
// nothing a plan shows are one. A rollback begins in the middle of another plan:
// its cells have a table of their own, see TestBadWayBack.
func badCells() []Cell {
	var all []Cell
	known := map[string]bool{}
	for _, c := range cells() {
		steps, err := PlanFor(c)
		if c.Mode != Emergency || err != nil || Executable(c) != nil || c.OnlyStaging && c.UndoOfEnd {
			continue // what is switched off first is production's
		}
		same := fmt.Sprint(c.Mode, c.Shape, c.Shared, c.OnlyStaging, names(steps))
		if !known[same] {
			known[same] = true
			all = append(all, c)
		}
	}
	return all
}

// meets is what a step of each act has to do with: it must have a row for one
// call that begins so.
var meets = map[Act][]string{
	Preflight: {"read "}, Approve: {"commit"}, Sync: {"commit"}, Hold: {"commit"}, VaultClosed: {"commit"}, Audit: {"commit"}, Report: {"commit"},
	PauseHook: {"pause"}, ResumeHook: {"resume"}, Issue: {"issue", "inspect"}, Write: {"write "}, Backfill: {"write "}, Restore: {"write "}, WritePrev: {"write "},
	Make: {"write "}, Import: {"import "}, Activate: {"activate "}, Deploy: {"deploy ", "status "}, Prove: {"attest "}, Watch: {"logs", "attest "}, WatchAfter: {"logs"},
	End: {"end", "disable", "guide end"}, EndNew: {"end"}, Delete: {"end"}, ConfirmDead: {"probe", "attest "}, DurableProbe: {"probe"},
}

// charted lists the rows of a cell: an undisturbed run shows what each step
// touches, and each of that can go wrong in its own ways.
func charted(t *testing.T, c Cell, way string) []row {
	met := map[moment]bool{}
	var order []moment
	var plan []Step
	synctest.Test(t, func(t *testing.T) {
		s := sceneOf(t, c, way)
		s.chart = func(m moment) {
			if m.at >= 0 && !met[m] {
				met[m] = true
				order = append(order, m)
			}
		}
		r := s.live()
		plan = r.Plan
		if r.Cell != c {
			t.Fatalf("the world of %s gives %s", c, r.Cell)
		}
	})
	var all []row
	for _, m := range order {
		if m.at >= len(plan) {
			continue // after the report
		}
		ways := troubles(m.call)
		if len(ways) == 0 {
			t.Errorf("%s at %s: nothing is said of what can go wrong with that", m.call, plan[m.at])
		}
		for _, w := range append(slices.Clone(ways), dying(false), dying(true)) {
			all = append(all, row{c, way, m, plan[m.at], w})
		}
	}
	want, _ := PlanFor(c)
	if !slices.Equal(want, plan) {
		t.Errorf("%s ran %v", c, names(plan))
	}
	for i, s := range plan {
		covered(t, all, i, s)
	}
	return all
}

// covered fails for a step that no row is about.
func covered(t *testing.T, all []row, i int, s Step) {
	t.Helper()
	calls := map[string]bool{}
	for _, r := range all {
		calls[r.call] = calls[r.call] || r.at == i
	}
	if !calls[outcomes] {
		t.Errorf("step %d, %s, has no row", i+1, s)
	}
	parts := meets[s.Act]
	if len(parts) == 0 {
		t.Errorf("nothing is said of what a step %q meets", s.Act)
	}
	for call, there := range calls {
		for _, p := range parts {
			if there && strings.HasPrefix(call, p) {
				return
			}
		}
	}
	t.Errorf("step %d, %s, is not struck where it acts: %v", i+1, s, calls)
}

// TestBadDay plays a sample of the table, or with -baddays all of it. That no
// step and no act is without a row is held of the whole table each time.
func TestBadDay(t *testing.T) {
	t.Parallel()
	var all []row
	for _, c := range badCells() {
		for _, way := range c.ways() {
			all = append(all, charted(t, c, way)...)
		}
	}
	some := all
	if !*wholeBadDay {
		some = drawn(t, all)
	}
	var played, came atomic.Int64
	t.Run("rows", func(t *testing.T) {
		for _, r := range some {
			t.Run(r.String(), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					s := sceneOf(t, r.cell, r.way)
					s.row = &r
					played.Add(1)
					if s.live(); s.struck > 0 {
						came.Add(1)
					}
				})
			})
		}
	})
	// What looks on beside the plan is not always at the same step.
	if t.Logf("%d of %d rows, trouble came in %d", played.Load(), len(all), came.Load()); came.Load() < played.Load()*9/10 {
		t.Error("the table is about other runs than those that were played")
	}
}

// drawn is a sample by a seed that is printed: every trouble of every call, and
// one at each step of each cell; under the race detector one at each act of a
// shape.
func drawn(t *testing.T, all []row) (some []row) {
	seed := *badDay
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("drawn with -badday=%d", seed)
	all = slices.Clone(all)
	rand.New(rand.NewPCG(seed, 5)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	met := map[string]bool{}
	for _, r := range all {
		way, place := strings.Fields(r.call)[0]+" "+r.name, string(r.step.Act)+" "+string(r.cell.Shape)
		if !racing {
			place = fmt.Sprint(r.cell, r.way, r.at)
		}
		if !met[way] || !met[place] {
			some = append(some, r)
		}
		met[way], met[place] = true, true
	}
	return some
}

// patience is how long trouble lasts by itself.
const patience = 10 * time.Minute

// live plays a scene to its end, with people who do what they are asked to, and
// holds it against what must be true all along and in the end.
func (s *scene) live() *Rotation {
	s.t.Helper()
	ctx, die := context.WithCancel(s.t.Context())
	defer die()
	s.die = die
	first, second := s.engine("first"), s.engine("second")
	r, err := s.begin(ctx, first)
	if err != nil {
		s.t.Fatal(err)
	}
	defer s.run(ctx, first)()
	var stopSecond func()
	for i := 0; ; i++ {
		if ctx.Err() != nil && stopSecond == nil {
			stopSecond = s.run(s.t.Context(), second)
			defer stopSecond()
		}
		if s.moved() {
			if r, err = second.Load(s.t.Context(), s.key); err != nil {
				s.t.Fatal(err)
			}
			s.truth(r)
		}
		if r.State == Succeeded {
			break
		}
		if i > 1500 {
			s.t.Fatalf("it is %s at %s: %+v", r.State, s.step(), r.Problem)
		}
		s.people(second, r)
		s.wait(r)
	}
	pause(s.t.Context(), time.Second) // whoever took over at the end has seen that there is nothing to do
	s.over(r)
	return r
}

// wait lets time go by: a little, or up to when the plan goes on by itself.
func (s *scene) wait(r *Rotation) {
	quiet := false
	s.in(func() { quiet = s.row == nil || s.struck == 0 || s.mended || s.row.times > 0 })
	if long := time.Until(r.Wake); quiet && r.State == Running && long > time.Hour {
		pause(s.t.Context(), long)
	}
	pause(s.t.Context(), 7*time.Second)
}

// moved reports whether anything was stored since it was asked last.
func (s *scene) moved() (yes bool) {
	s.in(func() { yes, s.news = s.news, false })
	return yes
}

// people mend what is broken and do what they are asked to.
func (s *scene) people(e *Engine, r *Rotation) {
	s.t.Helper()
	rests := r.State == Stuck || r.State == Pending
	if rests {
		s.spoken(r)
	}
	s.in(func() {
		if s.struck > 0 && !s.mended && (rests || time.Since(s.since) > patience) {
			s.mended = true
			if s.row.mend != nil {
				s.row.mend(s, envOf(s.row.call))
			}
		}
	})
	switch {
	case r.State == Asking:
		s.in(func() { s.approved, s.agreed = true, true })
		s.unmark()
		s.mark(true, approver, mayVote)
		_, _ = e.Consider(s.t.Context(), r.Key(), r.Card.Number, s.marks)
	case rests && r.Problem != nil && strings.Contains(r.Problem.Next, "then start again"):
		if _, err := e.Cancel(s.t.Context(), r.Secret, requester); err != nil {
			s.t.Fatal(err)
		}
		s.in(func() { s.at, s.approved = -1, false })
		if _, err := s.begin(s.t.Context(), e); err != nil {
			s.t.Fatal(err)
		}
	case rests:
		_, _ = e.Retry(s.t.Context(), r.Secret, requester)
	}
}

// truth holds what is said of a rotation against the world.
func (s *scene) truth(r *Rotation) {
	s.t.Helper()
	s.in(func() {
		if (r.OldDead() || !r.ContainedAt().IsZero()) && s.oldLives() {
			s.t.Errorf("at %s the old key is called dead, and it lives", s.step())
		}
		if r.State == Asking && s.oldLives() && strings.Contains(r.Safe(), "old key is dead") {
			s.t.Errorf("at %s it says %q", s.step(), r.Safe())
		}
	})
}

// spoken holds what a rotation that rests says: what is safe, and what to do.
func (s *scene) spoken(r *Rotation) {
	s.t.Helper()
	s.in(func() {
		safe := r.Safe()
		if lives := s.oldLives(); lives && strings.Contains(safe, "old key is dead") || !lives && strings.Contains(safe, "ld key still valid") {
			s.t.Errorf("at %s it says %q; the old key lives: %t", s.step(), safe, lives)
		}
		if p := r.Problem; r.State == Stuck && (p == nil || p.What == "" || p.Safe == "" || !strings.Contains(p.Next, "`/rotate ") && !strings.Contains(p.Next, "vault")) {
			s.t.Errorf("at %s it does not say what to do: %+v", s.step(), p)
		}
		if s.paused && time.Since(r.Since) > time.Minute {
			s.t.Errorf("at %s people are waited for and the application's work is paused", s.step())
		}
	})
}

// over holds a finished world against what must be true of it.
func (s *scene) over(r *Rotation) {
	s.t.Helper()
	journal := s.journal(r.Key())
	s.in(func() {
		if !r.OldDead() || s.oldLives() || r.ContainedAt().IsZero() {
			s.t.Errorf("the old key is dead: %t, lives: %t", r.OldDead(), s.oldLives())
		}
		if s.paused {
			s.t.Error("the application's work is paused")
		}
		for _, env := range environments() {
			if dead := s.deadIn(env); dead != "" {
				s.t.Error(dead)
			}
		}
		s.accounted(journal)
		s.containedInOrder(journal)
	})
}

// accounted holds that whatever was made is in use, dead, or named.
func (s *scene) accounted(journal []event.Event) {
	named := func(id string) bool {
		return slices.ContainsFunc(journal, func(ev event.Event) bool { return ev.Posted() && strings.Contains(ev.Text, id) })
	}
	if s.signs != nil {
		for _, k := range s.signs.projects[s.cell.Front()] {
			if k.status != spent && k.status != inUse && !named(k.id) {
				s.t.Errorf("%s is %s, and nobody hears of it", k.id, k.status)
			}
		}
		return
	}
	for _, id := range s.issued {
		if s.accepted(id) && !s.inUse(id) && !named(string(id)) {
			s.t.Errorf("%s was made, lives, and is neither in use nor named", id)
		}
	}
	if s.cell.Shared {
		return
	}
	other := Staging
	if s.cell.OnlyStaging {
		other = Production
	}
	if v := s.vault[other]; len(v) != 1 && s.row.mend == nil || s.running[other] != v[0].value {
		s.t.Errorf("%s has a key of its own and was touched: %d versions", other, len(v))
	}
}

// containedInOrder holds that nobody reads that it is contained before the
// certificate of death.
func (s *scene) containedInOrder(journal []event.Event) {
	dead := false
	for _, ev := range journal {
		dead = dead || ev.Kind == event.Dead
		if !dead && strings.Contains(ev.Text, "Contained ") {
			s.t.Errorf("before the death certificate: %q", ev.Text)
		}
	}
}
