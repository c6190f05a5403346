package rotation

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
	"rekey/rotation/event"
)

// TestCardTellsUses: where the service says when keys were used, the card says
// it, and that a service could not be asked is not called silence.
func TestCardTellsUses(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		used func(g *rig)
		want string
	}{
		"a forgotten consumer": {func(g *rig) { g.usedAt["key-old"] = time.Now().Add(10 * time.Minute) }, "old key used at"},
		"silence":              {func(*rig) {}, "old key no use told so far; new key no use told so far"},
		"not answered": {func(g *rig) {
			g.before = func(call string, _ int) error {
				if call == "last used" {
					return fault.New("asking", fault.Forbidden, "")
				}
				return nil
			}
		}, "old key not told: forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				g.usedAt = make(map[providers.ID]time.Time)
				c.used(g)
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				r := g.until(e, g.start(e).Key(), Asking)
				if uses := g.cardOf(r).Facts["uses"]; !strings.Contains(uses, c.want) {
					t.Errorf("the card says %q", uses)
				}
				g.approve(e, r)
				g.invariants(g.until(e, r.Key(), Succeeded))
			})
		})
	}
}

// cardOf is the event of the last card.
func (g *rig) cardOf(r *Rotation) event.Event {
	g.t.Helper()
	var card event.Event
	for _, ev := range g.journal(r.Key()) {
		if ev.Kind == event.Card {
			card = ev
		}
	}
	if card.Kind == "" {
		g.t.Fatal(errors.New("no card was asked"))
	}
	return card
}
