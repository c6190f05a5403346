package rotation

import (
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
)

// TestABatchThatIsOverIsStillTrue: what people settle after its table shows in its
// message, up to that all of it is contained.
func TestABatchThatIsOverIsStillTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFleet(t, 2)
		broken := true
		f.rigs[1].before = func(call string, _ int) error {
			if call == "deploy "+Production && broken {
				return fault.New("deploying", fault.Failing, "it does not build")
			}
			return nil
		}
		e := f.engine("one")
		defer f.rigs[0].run(t.Context(), e)()
		b := f.cry(e)
		p := f.lively(e, b, "over", over)
		stuck := p.Parts[1].Rotation
		if p.Count(Buried) != 1 || stuck.State != Stuck || !p.Contained.IsZero() {
			t.Fatalf("%v", p.facts())
		}
		was, before := p.Shown, f.hints(b)
		f.rigs[1].in(func() { broken = false })
		if _, err := e.Retry(t.Context(), stuck.Secret, approver); err != nil {
			t.Fatal(err)
		}
		f.lively(e, b, "all are dead", all(Buried))
		pass(time.Minute)
		if p, _ = e.Batch(t.Context(), b.Key()); p.Contained.IsZero() || p.Shown == was || f.hints(b) <= before {
			t.Errorf("contained %s, shown %t, hint %d after %d", p.Contained, p.Shown != was, f.hints(b), before)
		}
	})
}

// hints is the mark of the newest hint that a batch is to be looked at by whoever
// shows it.
func (f *fleet) hints(b *Batch) (mark int64) {
	f.t.Helper()
	all, err := f.store.Hints(f.t.Context(), 0, 1000)
	if err != nil {
		f.t.Fatal(err)
	}
	for _, h := range all {
		if h.Name == BatchHint(b.Key()) {
			mark = h.Mark
		}
	}
	return mark
}
