package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/providers"
	"rekey/state"
)

// scene is a rig whose world gives one cell of plans.golden, and which knows the
// step at the cursor whenever something is touched: so that trouble can strike a
// step, and every step.
type scene struct {
	*rig
	signs *signers // nil where the service signs no tokens
	cell  Cell
	key   string       // of the rotation
	plan  []Step       // as it is stored
	at    int          // the cursor as it is stored; -1 before that
	news  bool         // since a person looked last
	chart func(moment) // looks on; nil does not

	row      *row
	die      func()
	struck   int       // how often the trouble struck
	since    time.Time // when it did first
	mended   bool      // it was mended
	approved bool      // by somebody who did not take it back
	agreed   bool      // by somebody at some time
	foreign  map[string]string
}

// moment is a call made at a step, by its place in the plan.
type moment struct {
	at   int
	call string
}

// The two kinds of commits: in the middle of a step, and what it came to.
const (
	midway   = "commit"
	outcomes = "commit its outcome"
)

// ways are the kinds of services that lead to a cell, by who makes and ends their
// keys; "" is the service that does both itself.
func (c Cell) ways() []string {
	switch {
	case c.Lingers:
		return []string{"moved by hand"}
	case c.OnlyStaging:
		return []string{""}
	case c.Shape == providers.Cutover:
		return []string{"", "made by hand"}
	case c.Shape != providers.Overlap:
		return []string{""}
	case c.UndoOfEnd:
		return []string{"", "made by hand"}
	case c.Shared, c.RevokeFirst:
		return []string{"", "by console"}
	default:
		return []string{"", "by console", "unnamed"}
	}
}

// sceneOf is the world that leads to a cell in one of its ways.
func sceneOf(t *testing.T, c Cell, way string) *scene {
	s := &scene{cell: c, at: -1, foreign: map[string]string{}}
	switch {
	case c.Shape == providers.DeployFirst:
		s.signs = newSigners(t)
		s.rig = s.signs.rig
	case c.Lingers:
		s.rig = newRig(t)
		s.move()
		s.configure = func(sub *Subject) { sub.Shared, sub.Provider = false, roots{movers{service{s.rig}}} }
	case c.Shape == providers.Overlap:
		s.rig = newRig(t)
		if !c.Shared {
			s.apart()
		}
	default:
		s.rig = newRig(t)
		if s.turning(c.Shape); !c.Shared {
			s.turningApart(c.Shape)
		}
		s.pausing()
	}
	if c.OnlyStaging {
		s.swapped()
	}
	switch {
	case way == "by console":
		s.console()
	case way == "unnamed":
		s.nameless()
	case way == "made by hand" && c.Shape == providers.Cutover:
		s.byPerson()
	case way == "made by hand":
		s.guide()
	}
	was := s.traits
	s.traits = func(tr *providers.Traits) {
		if was != nil {
			was(tr)
		}
		if tr.UndoOfEnd = c.UndoOfEnd; c.Lingers {
			tr.Lingers = "Pause the environment"
		}
	}
	declared := s.configure
	s.configure = func(sub *Subject) {
		if declared != nil {
			declared(sub)
		}
		sub.Watch.Window = sub.After.Window
	}
	s.mode, s.first, s.forgets = c.Mode, c.RevokeFirst, c.RevokeFirst
	s.setup = func(cfg *Config) { cfg.Store = minding{cfg.Store, s} }
	s.before = func(call string, _ int) error { return s.strike(call, false) }
	s.after = func(call string, _ int) error { s.sound(call); return s.strike(call, true) }
	return s
}

// begin asks for the cell's rotation.
func (s *scene) begin(ctx context.Context, e *Engine) (*Rotation, error) {
	o := s.order()
	if s.signs != nil {
		o.Secret = "JWT_SECRET"
	}
	r, err := e.Start(ctx, o)
	if err == nil {
		s.in(func() { s.key = r.Key() })
	}
	return r, err
}

// minding is the store of a scene: it tells how far the plan has come, and can
// be struck like everything else.
type minding struct {
	Store
	s *scene
}

func (m minding) Commit(ctx context.Context, l state.Lease, rev int64, c state.Change) (int64, error) {
	r, err := decodeRecord(l.Key, c.Body)
	if err != nil || !strings.HasPrefix(l.Key, "rotation/") {
		return m.Store.Commit(ctx, l, rev, c)
	}
	// Under the lock, so that whoever goes on from here finds the plan there, too.
	m.s.mu.Lock()
	defer m.s.mu.Unlock()
	call := midway
	if r.Cursor != m.s.at {
		call = outcomes
	}
	if err := m.s.touch(call); err != nil {
		return 0, err
	}
	got, err := m.Store.Commit(ctx, l, rev, c)
	if err != nil {
		return got, err
	}
	err = m.s.touchedAfter(call)
	m.s.at, m.s.plan, m.s.news = r.Cursor, r.Plan, true
	return got, err
}

// strike lets the row's trouble come at its moment, and stay.
func (s *scene) strike(call string, after bool) error {
	if s.chart != nil && !after {
		s.chart(moment{s.at, call})
	}
	r := s.row
	if r == nil || s.mended || call != r.call || after != r.after || s.struck == 0 && s.at != r.at || r.times > 0 && s.struck >= r.times {
		return nil
	}
	if s.struck++; s.struck == 1 {
		s.since = time.Now()
	}
	return r.do(s, envOf(call))
}

// envOf is the environment that a call names, if any.
func envOf(call string) string {
	for _, env := range environments() {
		if strings.HasSuffix(call, " "+env) {
			return env
		}
	}
	return ""
}

var errNoAnswer = errors.New("i/o timeout")

// scribble puts another value into the vault, as a colleague would.
func (s *scene) scribble(env string) {
	const other = "key-other:0123456789abcdef0123456789"
	if _, there := s.foreign[env]; there {
		return
	}
	if s.signs != nil {
		s.foreign[env] = s.signs.now(env, "JWT_SECRET")
		s.signs.stored[env]["JWT_SECRET"] = append(s.signs.stored[env]["JWT_SECRET"], version{value: other})
		return
	}
	s.foreign[env] = s.vault[env][len(s.vault[env])-1].value
	s.vault[env] = append(s.vault[env], version{value: other})
}

// restore puts back what somebody had replaced, and what runs with it.
func (s *scene) restore(env string) {
	value, there := s.foreign[env]
	if !there {
		return
	}
	delete(s.foreign, env)
	if s.signs != nil {
		s.signs.stored[env]["JWT_SECRET"] = append(s.signs.stored[env]["JWT_SECRET"], version{value: value})
		if strings.HasPrefix(s.signs.holds[env]["JWT_SECRET"], "key-other") {
			s.signs.holds[env]["JWT_SECRET"] = value
		}
		return
	}
	s.vault[env] = append(s.vault[env], version{value: value})
	if strings.HasPrefix(s.running[env], "key-other") {
		s.running[env] = value
	}
}

// merge lets in what was offered to the vault last.
func (s *scene) merge(env string) {
	for _, a := range s.offered[env] {
		if s.signs != nil {
			s.signs.stored[env][a.Name] = append(s.signs.stored[env][a.Name], version{a.Value.Reveal(), a.Note, time.Now()})
		} else {
			s.vault[env] = append(s.vault[env], version{a.Value.Reveal(), a.Note, time.Now()})
		}
	}
}

// revive undoes the end of the leaked credential: the service said that it did
// what it did not.
func (s *scene) revive() {
	if s.signs != nil {
		s.signs.projects[s.cell.Front()][0].status = former
	} else if n := len(s.ended); n == 0 || s.ended[n-1] == "key-old" {
		s.keys["key-old"] = key{"by hand", oldValue}
		delete(s.off, "key-old")
	}
}

// oldLives reports whether the service accepts the leaked credential.
func (s *scene) oldLives() bool {
	if s.signs != nil {
		k := s.signs.projects[s.cell.Front()][0]
		return k.status == inUse || k.status == former
	}
	s.expire()
	return s.accepted("key-old")
}

// sound holds after every effect what must be true whatever happens.
func (s *scene) sound(call string) {
	if !s.agreed && !s.oldLives() {
		s.t.Errorf("after %s at %s: the old key is dead and nobody's approval stands", call, s.step())
	}
	if n := len(s.ended); strings.HasPrefix(call, "end") && !s.approved && !s.ours(s.ended[n-1]) {
		s.t.Errorf("%s is ended at %s under no approval", s.ended[n-1], s.step())
	}
	if len(s.foreign) > 0 {
		return // what runs on a value of somebody else is theirs
	}
	for _, env := range environments() {
		if what := s.deadIn(env); what != "" && !s.outage(env) {
			s.t.Errorf("after %s at %s: %s", call, s.step(), what)
		}
	}
	for _, id := range s.ended {
		if s.inUse(id) {
			s.t.Errorf("after %s at %s: %s is in use and was ended", call, s.step(), id)
		}
	}
}

// ours reports whether a key was made by the rotation.
func (s *scene) ours(id providers.ID) bool {
	if s.signs != nil {
		return strings.HasPrefix(string(id), "kid-rk_")
	}
	return slices.Contains(s.issued, id)
}

// deadIn says that an environment has a credential that does not work.
func (s *scene) deadIn(env string) string {
	if s.signs != nil {
		for _, k := range s.signs.projects[env] {
			if k.status == inUse && !s.signs.admits(env, k.value) {
				return "the application in " + env + " refuses what " + k.id + " signs"
			}
		}
		return ""
	}
	id, _, _ := strings.Cut(s.running[env], ":")
	if s.accepted(providers.ID(id)) {
		return ""
	}
	return env + " runs on " + id + ", which is dead"
}

// outage reports that the card said that an environment stands still here: it
// is not yet proved to run on the new credential, and people agreed to that.
func (s *scene) outage(env string) bool {
	last := -1
	for i, st := range s.plan {
		if st == (Step{Prove, env}) {
			last = i
		}
	}
	return s.cell.Shape != providers.Grace && s.agreed && s.at <= last
}

// inUse reports whether an environment holds a key or runs on it.
func (s *scene) inUse(id providers.ID) bool {
	prefix := string(id) + ":"
	return slices.ContainsFunc(environments(), func(env string) bool {
		return strings.HasPrefix(s.running[env], prefix) && s.running[env] != oldValue
	})
}

// step is where the plan stands.
func (s *scene) step() string {
	if s.at < 0 || s.at >= len(s.plan) {
		return fmt.Sprint("step ", s.at)
	}
	return s.plan[s.at].String()
}
