package rotation

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey/providers"
)

// TestFirstProbeWaits: a service may ask to be left alone for a while after an
// end; until then the old key is not probed.
func TestFirstProbeWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		const silence = 7 * time.Minute
		g.traits = func(t *providers.Traits) { t.Waits.ProbeFirst = silence }
		var ended, probed time.Time
		g.after = func(call string, _ int) error {
			switch {
			case call == "end":
				ended = time.Now()
			case call == "probe" && !ended.IsZero() && probed.IsZero():
				probed = time.Now()
			}
			return nil
		}
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.start(e).Key(), Asking)
		g.approve(e, r)
		g.until(e, r.Key(), Succeeded)
		if waited := probed.Sub(ended); waited < silence {
			t.Errorf("the old key was probed %s after its end", waited)
		}
	})
}
