package signed_test

import (
	"testing"

	"rekey/bot/signed"
)

// TestRefusedIsNotDone: whoever scripts the command line learns from its exit code
// that nothing was started.
func TestRefusedIsNotDone(t *testing.T) {
	g := newRig(t)
	for _, undone := range []bool{false, true} {
		g.asked.undone = undone
		c := g.as("alice")
		g.says(g.send(c, c.Fresh(signed.Statement{Act: signed.Emergency, Line: "FAL_KEY it leaked"})), undone, "Noted")
	}
}
