package rotation

import (
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestEmergencyOvertakesSigningKeysOnTheirWayBack: the old key turns out to have
// leaked while tokens of the new one are waited for. The service is told once more,
// and the old one is revoked.
func TestEmergencyOvertakesSigningKeysOnTheirWayBack(t *testing.T) {
	for name, j := range journeys {
		if name == "an emergency" {
			continue
		}
		for _, later := range []time.Duration{0, 20 * time.Minute} {
			t.Run(name+", after "+later.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := newSigners(t)
					j.arrange(s)
					f := &flight{rig: s.rig, secret: "JWT_SECRET", over: s.contained}
					e := s.engine("one")
					defer s.run(t.Context(), e)()
					r := s.resting(e, s.start(e).Key(), j.at)
					s.mend()
					if _, err := s.back(e); err != nil {
						t.Fatal(err)
					}
					pass(later)
					if r = f.loaded(e, r.Key()); r.State.Final() {
						return // production waited for nothing
					}
					if f.nearlyBack(e) {
						return
					}
					if r = f.goes(t.Context(), e, r.Key()); r.State != Succeeded || r.Cell.Mode != Emergency || !r.OldDead() {
						t.Fatalf("%s: %+v, old dead %t, plan %v", r.State, r.Problem, r.OldDead(), names(r.Plan))
					}
					f.over(r)
				})
			})
		}
	}
}

// nearlyBack cries, and reports that it is too late to turn once more: people are
// told when it is not.
func (f *flight) nearlyBack(e *Engine) bool {
	f.t.Helper()
	f.in(func() { f.mode = Emergency })
	for range 20 {
		_, err := e.Start(f.t.Context(), f.order(Emergency))
		switch {
		case err == nil:
			return false
		case strings.Contains(err.Error(), "Cry again as soon as the rollback is over"):
			return true
		case !refusedAs(err, Busy):
			f.t.Fatal(err)
		}
	}
	f.t.Fatal("it is busy for too long")
	return false
}

// TestEmergencyOvertakesABorrowedKey: an application is back on a key that dies by
// itself, which turns out to have leaked.
func TestEmergencyOvertakesABorrowedKey(t *testing.T) {
	worlds := flights()
	for _, name := range []string{"grace, shared", "grace, apart", "root keys"} {
		for _, later := range []time.Duration{0, 3 * time.Second, 4 * time.Minute} {
			t.Run(name+", after "+later.String(), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					f := worlds[name](t)
					e := f.engine("one")
					defer f.run(t.Context(), e)()
					r, err := e.Start(t.Context(), f.order(Routine))
					if err != nil {
						t.Fatal(err)
					}
					r = f.until(e, r.Key(), Asking)
					f.approve(e, r)
					for !r.proved(Production) {
						pass(5 * time.Second)
						r = f.loaded(e, r.Key())
					}
					for range 20 {
						if _, err = e.Rollback(t.Context(), f.secret, requester); !refusedAs(err, Busy) {
							break
						}
					}
					if err != nil {
						t.Fatal(err)
					}
					pass(later)
					made := slices.Clone(f.issued)
					f.cries(e)
					if r = f.goes(t.Context(), e, r.Key()); r.State != Succeeded || r.Cell.Mode != Emergency || !r.OldDead() {
						t.Fatalf("%s: %+v, old dead %t, plan %v, made %v", r.State, r.Problem, r.OldDead(), names(r.Plan), made)
					}
					f.over(r)
				})
			})
		}
	}
}
