package rotation

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"rekey/internal/fault"
	"rekey/providers"
)

// others is who is cut off by the end of a key, beside the application.
const others = "Every browser loses its public key."

// busy is the kind whose end waits, on a quiet day, until nobody else is cut off
// by it.
type busy struct{ found }

func (k busy) Blocked(context.Context, providers.ID) (string, error) {
	return "Not yet: browsers use it.", nil
}

func (k busy) End(context.Context, providers.ID) error {
	return fault.New("ending", fault.ChangedByOther, "browsers use it. It was left on")
}

func (k busy) Harm(context.Context, providers.ID) string { return k.g.others }

func (k busy) EndNow(ctx context.Context, id providers.ID) error { return k.found.End(ctx, id) }

// TestNobodyElseMakesAnEmergencyWait: in an emergency people hear who else is cut
// off, and decide; on a quiet day they are not asked before that is over.
func TestNobodyElseMakesAnEmergencyWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.others = others
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.cry(e).Key(), Asking, Pending)
		if r.State != Asking || r.Card.Harm != others || len(g.ended) > 0 {
			t.Fatalf("%s, %+v, ended %v", r.State, r.Card, g.ended)
		}
		g.approve(e, r)
		if r = g.until(e, r.Key(), Succeeded, Stuck); r.State != Succeeded || !slices.Equal(g.ended, []providers.ID{"key-old"}) {
			t.Errorf("%s, %+v, ended %v", r.State, r.Problem, g.ended)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.others, g.mode = others, Routine
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		if r := g.until(e, g.start(e).Key(), Asking, Pending); r.State != Pending || r.Card != nil || len(g.ended) > 0 || g.told(r.Key(), "Not yet: browsers use it.") != 1 {
			t.Errorf("%s, %+v, ended %v", r.State, r.Card, g.ended)
		}
	})
}

// TestRevokeFirstTellsWhatToNote: what only a console shows of a key is named before
// people say yes to its end, with who else is cut off.
func TestRevokeFirstTellsWhatToNote(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newRig(t)
		g.others = others
		g.traits = func(tr *providers.Traits) { tr.Remember = "its permissions" }
		e := g.engine("one")
		defer g.run(t.Context(), e)()
		r := g.until(e, g.revoke(e).Key(), Asking)
		if !strings.Contains(r.Card.Outage, "note its permissions in the console") || r.Card.Harm != others {
			t.Errorf("%+v", r.Card)
		}
	})
}
