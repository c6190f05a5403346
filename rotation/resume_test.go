package rotation

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestWatchShortenedMeanwhile: a watch goes on by the rules it began with,
// whatever the configuration says after a restart.
func TestWatchShortenedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		e := g.engine("one")
		stop := g.run(t.Context(), e)
		r := g.start(e)
		for r.Vigils[Watch] == nil || r.Vigils[Watch].done() < 8 {
			pause(t.Context(), time.Second)
			r = g.until(e, r.Key(), Running)
		}
		stop()
		g.configure = func(s *Subject) { s.Watch.Window = 5 * time.Minute }
		e = g.engine("two")
		defer g.run(t.Context(), e)()
		r = g.until(e, r.Key(), Asking)
		if n := len(r.Vigils[Watch].Series[0].Ticks); n != 15 {
			t.Errorf("it passed after %d ticks", n)
		}
	})
}
