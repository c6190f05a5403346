package rotation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
)

// TestCommentEdits: somebody edits a comment of the entry in the vault, which
// adds a version and changes no value. The rotation goes on; an approval given
// before it asks again.
func TestCommentEdits(t *testing.T) {
	t.Parallel()
	for _, moment := range []string{"attest staging", "write staging", "deploy staging", "write production", "status production", "logs"} {
		for _, env := range environments() {
			t.Run(moment+"/"+env, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { edited(t, moment, env) })
			})
		}
	}
}

func edited(t *testing.T, moment, env string) {
	g := newRig(t)
	edit := func() { g.vault[env] = append(g.vault[env], g.vault[env][len(g.vault[env])-1]) }
	edits := 0
	g.after = func(call string, n int) error {
		if call == moment && (n == 2 || n == 1 && call != "logs") && edits == 0 {
			edits++
			edit()
		}
		return nil
	}
	e := g.engine("one")
	stop := g.run(t.Context(), e)
	r := g.until(e, g.start(e).Key(), Asking)
	stop()
	if edits != 1 {
		t.Fatalf("%s never came", moment)
	}
	g.approve(e, r)
	edit()
	defer g.run(t.Context(), e)()
	pause(t.Context(), time.Minute)
	r = g.until(e, r.Key(), Asking)
	if r.Card.Number != 2 || len(g.ended) > 0 {
		t.Errorf("card %d, ended %v", r.Card.Number, g.ended)
	}
	g.unmark()
	g.approve(e, r)
	g.invariants(g.until(e, r.Key(), Succeeded))
}

// TestEditedWhileAPersonMakesTheKey: the entry is edited in the hours in which a
// person makes the key. What they bring is written over the edit; over another
// value it is not, until somebody has put back the one before.
func TestEditedWhileAPersonMakesTheKey(t *testing.T) {
	t.Parallel()
	for _, mode := range []Mode{Routine, Emergency} {
		for _, value := range []string{oldValue, "key-other:0123456789abcdef0123456789"} {
			t.Run(string(mode)+"/"+value[:7], func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					g := newRig(t)
					g.guide()
					g.mode = mode
					env := wish{mode: mode}.visited("")
					edit := func(v string) { g.vault[env] = append(g.vault[env], version{value: v}) }
					g.before = func(call string, n int) error {
						if call == "collect "+env && n == 1 {
							edit(value)
						}
						return nil
					}
					e := g.engine("one")
					defer g.run(t.Context(), e)()
					r := g.until(e, g.start(e).Key(), Asking, Stuck)
					if stopped := r.State == Stuck; stopped != (value != oldValue) || stopped && r.Problem.Reason != string(fault.ChangedByOther) {
						t.Fatalf("it is %s: %+v", r.State, r.Problem)
					}
					if r.State == Stuck {
						g.in(func() { edit(oldValue) })
						if _, err := e.Retry(t.Context(), r.Secret, requester); err != nil {
							t.Fatal(err)
						}
						r = g.until(e, r.Key(), Asking)
					}
					g.approve(e, r)
					g.until(e, r.Key(), Succeeded)
				})
			})
		}
	}
}

// TestSafeAfterALostWrite: the vault took a write and its answer was lost, and
// then the vault is down. Nobody may read that the environment is untouched.
func TestSafeAfterALostWrite(t *testing.T) {
	for _, env := range environments() {
		t.Run(env, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.after = func(call string, _ int) error {
					if call == "write "+env {
						return &fault.Error{Op: "writing", Class: fault.Lost, Reason: fault.TimedOut}
					}
					return nil
				}
				g.before = func(call string, _ int) error {
					if call == "read "+env && g.counts["write "+env] > 0 {
						return again(fault.Unreachable)
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Stuck)
				if told := r.Problem.Safe; !strings.Contains(told, "write of the new key to "+env+" was not confirmed") || strings.Contains(told, "not touched") {
					t.Errorf("people were told: %s", told)
				}
			})
		})
	}
}

// TestHeldWriteIsNotSwept: the vault keeps the write of a new key for a
// person. Whatever is retried meanwhile, the key is not deleted, because
// merging would bring a dead one back; and when the request was turned down
// there is a way out.
func TestHeldWriteIsNotSwept(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]State{Staging: Abandoned, Production: Stuck} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { turned(t, name, want) })
		})
	}
}

func turned(t *testing.T, env string, want State) {
	g := newRig(t)
	g.apart()
	blind := false
	g.before = func(call string, _ int) error {
		switch {
		case call == "write "+env:
			return fault.New("writing", fault.HeldForApproval, "request r-1")
		case call == "read "+env && blind:
			return fault.New("reading", fault.Forbidden, "")
		}
		return nil
	}
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	r := g.start(e)
	for g.count("write "+env) == 0 {
		pause(t.Context(), time.Second)
	}
	var made int
	g.in(func() { made, blind = len(g.issued), true })
	g.until(e, r.Key(), Stuck)
	g.in(func() { blind = false })
	if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
		t.Fatal(err)
	}
	pause(t.Context(), time.Hour)
	if len(g.ended) > 0 || len(g.issued) != made {
		t.Fatalf("issued %v, ended %v while a write of it waited", g.issued, g.ended)
	}
	r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
	if err != nil || r.State != Stuck || len(g.ended) > 0 {
		t.Fatalf("the first cancel: %v, %s, ended %v", err, r.State, g.ended)
	}
	r, err = e.Cancel(t.Context(), "FAL_KEY", requester) // it was turned down
	if err != nil || r.State != want || len(g.ended) != 1 || g.ended[0] != g.issued[made-1] {
		t.Errorf("the second cancel: %v, %s, ended %v", err, r.State, g.ended)
	}
	g.invariants(r)
	if want == Stuck {
		g.in(func() { g.before = nil })
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.until(e, r.Key(), Asking)
	}
}

// TestFirstWriteUnknown: a first write whose answer was lost, and of which the
// vault shows nothing, may wait there for approval. Its key is not deleted
// before a person has looked; merged in the meantime, it is the one in use.
func TestFirstWriteUnknown(t *testing.T) {
	for name, merged := range map[string]bool{"merged": true, "turned down": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { unknown(t, merged) })
		})
	}
}

func unknown(t *testing.T, merged bool) {
	g := newRig(t)
	on("write staging", 1, &fault.Error{Op: "writing", Class: fault.Lost, Reason: fault.TimedOut})(g)
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	r := g.until(e, g.start(e).Key(), Stuck)
	if r.Problem.Reason != string(fault.Unsettled) || !strings.Contains(r.Problem.What, string(g.issued[0])) || len(g.ended) > 0 {
		t.Errorf("ended %v, problem %+v", g.ended, r.Problem)
	}
	g.mu.Lock()
	if merged {
		g.vault[Staging] = append(g.vault[Staging], version{value: g.keys[g.issued[0]].value})
	}
	g.before = nil
	g.mu.Unlock()
	if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
		t.Fatal(err)
	}
	g.until(e, r.Key(), Asking)
	if merged && (len(g.issued) != 1 || len(g.ended) > 0) || !merged && (len(g.issued) != 2 || !slices.Equal(g.ended, g.issued[:1])) {
		t.Errorf("issued %v, ended %v", g.issued, g.ended)
	}
}
