package rotation

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// nobodyKnows holds that a rotation does not call its old key valid, and says why.
func nobodyKnows(t *testing.T, text, why string) {
	t.Helper()
	if strings.Contains(text, "still valid") || !strings.Contains(text, why) {
		t.Errorf("%q is not in, or a key is called valid: %s", why, text)
	}
}

const untellable = "Rekey has not ended the old key; whether it still lives could not be told"

// TestValidWhereItWasSeen: a stop at a service that cannot be asked, and a request
// made when it told nothing, do not call the old key valid; once it answers they do.
func TestValidWhereItWasSeen(t *testing.T) {
	t.Parallel()
	for _, unreachable := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			g := newRig(t)
			e := g.engine("one")
			defer g.run(t.Context(), e)()
			r := g.stepping(e, g.start(e).Key(), Watch)
			if !strings.HasPrefix(r.Safe(), "Old key still valid. Nothing was revoked.") {
				t.Error(r.Safe())
			}
			g.in(func() { g.mute = !unreachable })
			g.before = func(call string, _ int) error {
				if unreachable && call == "probe" {
					return &fault.Error{Op: "asking", Class: fault.Again, Reason: fault.Unreachable}
				}
				return nil
			}
			r = g.until(e, r.Key(), Asking, Stuck)
			nobodyKnows(t, r.Safe(), untellable)
			if unreachable != (r.State == Stuck) {
				t.Fatalf("it is %s: %+v", r.State, r.Problem)
			}
			if !unreachable {
				nobodyKnows(t, g.eventOf(r.Key(), event.Card).Facts["old_unclear"], untellable)
				return
			}
			nobodyKnows(t, r.Problem.Safe, untellable)
			g.in(func() { g.before = nil })
			if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
				t.Fatal(err)
			}
			if r = g.until(e, r.Key(), Asking); !strings.HasPrefix(r.Safe(), "Old key still valid. Nothing was revoked.") {
				t.Error(r.Safe())
			}
		})
	}
}

// TestNotAskedSinceTheAlarm: an emergency that stops before it has asked for the old
// key says so.
func TestNotAskedSinceTheAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.mode = Emergency
		g.before = func(call string, _ int) error {
			if call == "issue" {
				return fault.New("creating a key", fault.Forbidden, "")
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Stuck)
		nobodyKnows(t, r.Problem.Text(), "Rekey has not ended the old key, and nobody has asked the service since the alarm")
	})
}

// TestRefusedWhereItIsGoneBackTo: a rollback that finds its old key refused does not
// call it valid.
func TestRefusedWhereItIsGoneBackTo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, r := turnedBack(t, func(*rig) {})
		e := g.engine("one")
		g.in(func() { delete(g.keys, "key-old") })
		defer g.run(t.Context(), e)()
		r = g.until(e, r.Key(), Stuck)
		nobodyKnows(t, r.Problem.Safe, "The service refused the old key when it was last asked; Rekey has not ended it.")
	})
}

// TestReplacedByHandUnseen: while a person is asked to replace a key nobody reads
// that it is valid when the service does not say so.
func TestReplacedByHandUnseen(t *testing.T) {
	r := &Rotation{Cell: Cell{Shape: providers.Cutover, Shared: true}, Places: map[string]Place{Staging: {}, Production: {}}, Sights: map[string]Sight{"": SeenUnclear}}
	nobodyKnows(t, r.Safe(), untellable)
	r.Traits.Guided, r.Turns = true, map[string]Turn{"": {Sent: time.Now()}}
	nobodyKnows(t, r.Safe(), "A person was asked to replace the old key; whether it still lives could not be told")
	r.Sights[""] = SeenAlive
	if text := r.Safe(); !strings.Contains(text, "until then it is valid") {
		t.Error(text)
	}
}
