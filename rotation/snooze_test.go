package rotation

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation/event"
)

func (g *rig) snooze(e *Engine, length time.Duration) {
	g.t.Helper()
	if _, err := e.Snooze(g.t.Context(), Put{Secret: "fal_key", For: length, By: requester}); err != nil {
		g.t.Fatal(err)
	}
}

// TestSnooze: it is journalled, survives the replica, keeps the digest silent,
// is named in one that is told, and ends by itself.
func TestSnooze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		g.snooze(g.engine("one"), 7*day)
		e := g.engine("two")
		if ev := g.journal("calendar/1"); len(ev) != 1 || ev[0].Kind != event.Snoozed || ev[0].By != requester.ID || ev[0].Facts["secret"] != "FAL_KEY" {
			t.Errorf("journal: %+v", ev)
		}
		if hints, err := g.store.Hints(t.Context(), 0, 5); err != nil || len(hints) != 1 || hints[0].Name != "digest calendar/1" {
			t.Errorf("hints: %v, %v", hints, err)
		}
		if o := g.overview(e); o.Snooze == nil || o.Snooze.By != requester || !o.Snooze.Until.Equal(time.Now().Add(7*day)) {
			t.Errorf("overview: %+v", o.Snooze)
		}
		g.announce(e, time.Now())
		if n := g.digests(); n != 0 {
			t.Errorf("told %d times of what is snoozed", n)
		}
		if err := e.Announce(t.Context(), Bulletin{Tick: time.Now().Add(time.Hour), AllClear: true}); err != nil {
			t.Fatal(err)
		}
		if i := g.last(e)[0]; i.Matter != Quiet || i.Was != Overdue || i.By != requester {
			t.Errorf("quiet line: %+v", i)
		}
		pause(t.Context(), 7*day)
		g.announce(e, time.Now())
		if i := g.last(e)[0]; i.Matter != Overdue || g.overview(e).Snooze != nil {
			t.Errorf("after its time: %+v", i)
		}
	})
}

// TestSnoozeEndsWithTheRotation: the next value is another one to be reminded
// of.
func TestSnoozeEndsWithTheRotation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.aged(101)
		e := g.engine("one")
		g.snooze(e, 30*day)
		seen := time.Now()
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		if _, err := e.Snooze(t.Context(), Put{Secret: "FAL_KEY", For: day, By: requester}); !refusedAs(err, AlreadyRunning) {
			t.Errorf("snoozing while a rotation is open: %v", err)
		}
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
		if o := g.overview(e); o.Snooze != nil {
			t.Errorf("still snoozed: %+v", o)
		}
		if _, err := e.Start(t.Context(), Order{Secret: "FAL_KEY", Requester: requester, Seen: seen}); !refusedAs(err, Outdated) {
			t.Errorf("rotating what was seen before the rotation: %v", err)
		}
		if _, err := e.Snooze(t.Context(), Put{Secret: "FAL_KEY", For: day, By: requester, Seen: seen}); !refusedAs(err, Outdated) {
			t.Errorf("snoozing what was seen before the rotation: %v", err)
		}
		if n := len(g.issued); n != 1 {
			t.Errorf("%d keys were made", n)
		}
		g.snooze(e, day) // known to be fresh, and put off all the same
	})
}

func TestUnsnooze(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		if err := e.Unsnooze(t.Context(), "FAL_KEY", requester); !refusedAs(err, NotNow) {
			t.Errorf("nothing is snoozed: %v", err)
		}
		g.snooze(e, day)
		if err := e.Unsnooze(t.Context(), "FAL_KEY", approver); err != nil {
			t.Error(err)
		}
		if o := g.overview(e); o.Snooze != nil {
			t.Errorf("%+v", o)
		}
	})
}

func TestSnoozeRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		for _, length := range []time.Duration{0, -day, 31 * day} {
			if _, err := e.Snooze(t.Context(), Put{Secret: "FAL_KEY", For: length}); !refusedAs(err, NotNow) {
				t.Errorf("%s: %v", length, err)
			}
		}
		if _, err := e.Snooze(t.Context(), Put{Secret: "NOBODYS_KEY", For: day}); !refusedAs(err, UnknownSecret) {
			t.Errorf("unknown: %v", err)
		}
		g.configure = func(s *Subject) { s.Period = 0 }
		if _, err := g.engine("two").Snooze(t.Context(), Put{Secret: "FAL_KEY", For: day}); !refusedAs(err, NotNow) {
			t.Errorf("as needed: %v", err)
		}
	})
}
