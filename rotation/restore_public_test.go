package rotation

import (
	"testing"
	"testing/synctest"

	"rekey/providers"
)

// TestAPairIsRestored: one half of a pair is the public id that the vault's note
// names; it is restored like any other value, in a rotation and in an emergency.
func TestAPairIsRestored(t *testing.T) {
	for _, mode := range []Mode{Routine, Emergency} {
		t.Run(string(mode), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := newRig(t)
				const public = "key-old" // the id is the value
				g.mode, g.keys["key-old"] = mode, key{"by hand", public}
				for _, env := range environments() {
					g.vault[env], g.running[env] = []version{{value: public}}, public
				}
				g.traits = func(t *providers.Traits) { t.PublicID = true }
				before := g.begun()
				e := g.engine("one")
				defer g.run(t.Context(), e)()
				g.until(e, g.start(e).Key(), Asking)
				r, err := g.rollBack(e)
				if err != nil {
					t.Fatal(err)
				}
				if r = g.until(e, r.Key(), Succeeded, Stuck); r.State != Succeeded || r.Cell.Mode != Rollback {
					t.Fatalf("%s, %+v", r.State, r.Problem)
				}
				g.asBefore(r, before)
			})
		})
	}
}
