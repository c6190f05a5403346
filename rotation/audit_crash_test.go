package rotation

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"rekey/rotation/audit"
	"rekey/rotation/event"
)

// A replica is killed around every question of an audit and around the end of
// the key. The next one tells what the thief did, once.
func TestAuditSurvivesAKill(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"uses key-old", "uses key-new1", "end", "survey"} {
		for n := 1; n <= 3; n++ {
			for _, after := range []bool{false, true} {
				t.Run(fmt.Sprint(call, " ", n, " after ", after), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { killed(t, crash{call, n, after}) })
				})
			}
		}
	}
}

func killed(t *testing.T, c crash) {
	g := newRig(t)
	l := g.newLedger()
	l.fades = true
	l.use("key-old", "203.0.113.66", "curl/8")
	pause(t.Context(), 2*time.Second)
	ctx, die := context.WithCancel(t.Context())
	defer die()
	died := false
	strike := func(call string, n int) error {
		if died || call != c.call || n != c.n {
			return nil
		}
		died = true
		die()
		return errReplicaDied
	}
	first, second := g.engine("first"), g.engine("second")
	r := g.startAudited(first)
	g.in(func() {
		if c.after {
			g.after = strike
		} else {
			g.before = strike
		}
	})
	defer g.run(ctx, first)()
	unwatch := context.AfterFunc(ctx, func() { g.run(t.Context(), second) })
	defer unwatch() // where nobody was killed
	r = g.through(second, r)
	s, known := r.Audit.Find(audit.Old, "requests", "key-old")
	if !known || len(s.Lines) != 1 || s.Lines[0].IP != "203.0.113.66" {
		t.Errorf("what the thief did is gone: %+v", s)
	}
	told := 0
	for _, e := range g.journal(r.Key()) {
		if e.Kind == event.Audited {
			told++
		}
	}
	if told != 1 || r.Audit.Closed.IsZero() {
		t.Errorf("the audit was told %d times, closed at %s", told, r.Audit.Closed)
	}
}
