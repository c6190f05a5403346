package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/rotation/event"
)

var lostWrite = &fault.Error{Op: "writing", Class: fault.Lost, Reason: fault.TimedOut}

// TestCancelWithAWriteOnItsWay: a person cancels between a first write whose
// answer was lost and the next look. The key lives until that person has said
// that nothing waits in the vault, and what lands meanwhile is not a dead one.
func TestCancelWithAWriteOnItsWay(t *testing.T) {
	for name, arrives := range map[string]bool{"it arrives": true, "it never does": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { onItsWay(t, arrives) })
		})
	}
}

func onItsWay(t *testing.T, arrives bool) {
	g := newRig(t)
	on("write staging", 1, lostWrite)(g)
	e := g.engine("one")
	defer g.run(t.Context(), e)()
	g.start(e)
	for g.count("write staging") == 0 {
		pause(t.Context(), time.Second)
	}
	r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
	if err != nil || r.State != Stuck || len(g.ended) > 0 {
		t.Fatalf("the first cancel: %v, %s, ended %v", err, r.State, g.ended)
	}
	if !strings.Contains(r.Problem.Safe, "A write of the new key to staging was not confirmed") || !strings.Contains(r.Problem.Next, "Look into the vault first") {
		t.Errorf("people are told: %s", r.Problem.Text())
	}
	g.in(func() {
		if g.before = nil; arrives {
			g.vault[Staging] = append(g.vault[Staging], version{value: g.keys[g.issued[0]].value})
		}
	})
	r, err = e.Cancel(t.Context(), "FAL_KEY", requester)
	switch {
	case arrives && (!refusedAs(err, NotNow) || len(g.ended) > 0):
		t.Errorf("cancelled under a vault that holds the new key: %v, ended %v", err, g.ended)
	case !arrives && (err != nil || r.State != Abandoned || !slices.Equal(g.ended, g.issued)):
		t.Errorf("the second cancel: %v, %s, ended %v", err, r.State, g.ended)
	}
	if arrives {
		if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
			t.Fatal(err)
		}
		g.until(e, r.Key(), Asking)
	}
}

// TestOnlyAnUnwrittenKeyIsSwept: whatever the vault says about a first write,
// unless it is certain that nothing was written the key is not deleted, and no
// other one made, before a person has looked; a retry that meets the written
// value takes it.
func TestOnlyAnUnwrittenKeyIsSwept(t *testing.T) {
	t.Parallel()
	for name, said := range map[string]error{
		"an answer of somebody else":         &fault.Error{Op: "writing", Class: fault.Lost, Reason: fault.NotWritten},
		"not seen in the read-back":          fault.New("writing", fault.NotWritten, ""),
		"changed by somebody else meanwhile": fault.New("writing", fault.ChangedByOther, "the value is written, but OTHER appeared"),
		"nothing that anybody knows":         fault.New("writing", fault.Unexplained, ""),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.setup = func(c *Config) { c.Subjects[0].Vault = quiet{vault{g}, Staging, said} }
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Stuck)
				if r.Problem.Reason != string(fault.Unsettled) { // said once, then looked for
					if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
						t.Fatal(err)
					}
					pause(t.Context(), time.Minute)
					r = g.until(e, r.Key(), Stuck)
				}
				if r.Problem.Reason != string(fault.Unsettled) || len(g.issued) != 1 || len(g.ended) > 0 {
					t.Fatalf("issued %v, ended %v, %s", g.issued, g.ended, r.Problem.Text())
				}
				g.in(func() { g.vault[Staging] = append(g.vault[Staging], version{value: g.keys[g.issued[0]].value}) })
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				if g.until(e, r.Key(), Asking); len(g.issued) != 1 || len(g.ended) > 0 {
					t.Errorf("issued %v, ended %v", g.issued, g.ended)
				}
			})
		})
	}
}

// TestWrittenAndDenied: the value is in the vault and the adapter says that
// somebody else was there too. Nobody is told that the environment was not
// changed.
func TestWrittenAndDenied(t *testing.T) {
	for _, env := range environments() {
		t.Run(env, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.after = func(call string, _ int) error {
					if call == "write "+env {
						return fault.New("writing", fault.ChangedByOther, "the value is written, but OTHER appeared")
					}
					return nil
				}
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Stuck)
				if p := r.Problem; !strings.Contains(p.Safe, "A write of the new key to "+env+" was not confirmed: the vault may hold it there.") ||
					strings.Contains(p.Safe, "not touched") || strings.Contains(p.Safe, "No environment was changed") {
					t.Errorf("people are told: %s", p.Text())
				}
				if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
					t.Fatal(err)
				}
				if g.until(e, r.Key(), Asking); g.counts["write "+env] != 1 {
					t.Errorf("%s was written %d times", env, g.counts["write "+env])
				}
			})
		})
	}
}

// TestCancelAfterALostCreate: the service lists late what it made, or makes it
// late. The rotation does not close before it has had the time it may take,
// and then names what it never saw.
func TestCancelAfterALostCreate(t *testing.T) {
	for name, shows := range map[string]bool{"it shows late": true, "it never shows": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { lostCreate(t, shows) })
		})
	}
}

func lostCreate(t *testing.T, shows bool) {
	g := newRig(t)
	var made key
	g.after = func(call string, n int) error {
		if call == "issue" {
			made = g.keys[g.issued[0]]
			delete(g.keys, g.issued[0])
			return &fault.Error{Op: "creating", Class: fault.Lost, Reason: fault.TimedOut}
		}
		return nil
	}
	e := g.engine("one")
	stop := g.run(t.Context(), e)
	r := g.start(e)
	for g.count("issue") == 0 {
		pause(t.Context(), time.Second)
	}
	pause(t.Context(), time.Second)
	stop()
	label := "rk_test_all_" + r.ID + "_1"
	if _, err := e.Cancel(t.Context(), "FAL_KEY", requester); !refusedAs(err, NotNow) || !strings.Contains(err.Error(), label) {
		t.Fatalf("cancelled at once: %v", err)
	}
	pause(t.Context(), 30*time.Second)
	if shows {
		g.keys[g.issued[0]] = made
	}
	r, err := e.Cancel(t.Context(), "FAL_KEY", requester)
	if err != nil || r.State != Abandoned || len(g.keys) != 1 {
		t.Fatalf("%v, %v live", err, g.keys)
	}
	events := g.journal(r.Key())
	for where, said := range map[string]string{"the thread": events[len(events)-1].Text, "the status": r.Safe()} {
		if strings.Contains(said, label) == shows || strings.Contains(said, "may exist") || shows == strings.Contains(said, "delete it") {
			t.Errorf("%s says: %s", where, said)
		}
	}
}

// TestReportNamesWhatWasNeverSeen: a creation that was never answered is named
// in the end, because its key may still appear.
func TestReportNamesWhatWasNeverSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.before = func(call string, n int) error {
			if call == "issue" && n == 1 {
				return &fault.Error{Op: "creating", Class: fault.Lost, Reason: fault.TimedOut}
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		r = g.until(e, r.Key(), Succeeded)
		for _, ev := range g.journal(r.Key()) {
			if ev.Kind == event.Reported && (!strings.Contains(ev.Text, "rk_test_all_"+r.ID+"_1") || strings.Contains(ev.Text, r.ID+"_2")) {
				t.Errorf("the report says: %s", ev.Text)
			}
		}
	})
}

// quiet is a vault that takes the writes to an environment, says something
// else, and shows nothing of them.
type quiet struct {
	vault
	env  string
	says error
}

func (v quiet) Write(ctx context.Context, env string, changes []deploy.Assignment) (map[string]deploy.Entry, error) {
	if env == v.env {
		return nil, v.g.effect("write "+env, func() error { return v.says })
	}
	return v.vault.Write(ctx, env, changes)
}
