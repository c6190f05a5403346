package rotation

import (
	"strings"
	"testing"
	"testing/synctest"

	"rekey/internal/fault"
)

// TestAdapterPanics: a panic in whatever an act calls stops that rotation with
// a sentence, kills nobody, and can be retried.
func TestAdapterPanics(t *testing.T) {
	t.Parallel()
	for _, call := range []string{"survey", "list", "issue", "write production", "deploy production", "attest production", "logs", "marks", "end", "probe"} {
		t.Run(call, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { panicking(t, call) })
		})
	}
}

func panicking(t *testing.T, call string) {
	g := newRig(t)
	e := g.engine("one")
	r := g.start(e)
	first := g.counts[call] + 1
	g.before = func(c string, n int) error {
		if c == call && n == first {
			panic("with " + oldValue)
		}
		return nil
	}
	defer g.run(t.Context(), e)()
	stopped := 0
	for r.State != Succeeded {
		switch r = g.until(e, r.Key(), Stuck, Asking, Succeeded); r.State {
		case Stuck:
			if stopped++; stopped > 1 {
				t.Fatalf("it stopped again: %+v", r.Problem)
			}
			if r.Problem.Reason != string(fault.Unexplained) || strings.Contains(r.Problem.Text(), oldValue) {
				t.Errorf("people were told: %+v", r.Problem)
			}
			if _, err := e.Retry(t.Context(), "FAL_KEY", requester); err != nil {
				t.Fatal(err)
			}
		case Asking:
			g.unmark()
			g.approve(e, r)
			g.until(e, r.Key(), Running, Stuck, Succeeded)
		default:
		}
	}
	if stopped != 1 {
		t.Errorf("it stopped %d times", stopped)
	}
	g.invariants(r)
}
