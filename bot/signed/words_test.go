package signed

import (
	"strings"
	"testing"

	"rekey/rotation"
	"rekey/rotation/event"
)

// TestHarmIsSaid: who else is cut off by an end stands in what people sign, for one
// secret and for several.
func TestHarmIsSaid(t *testing.T) {
	const harm = "Every browser loses its public key."
	r := &rotation.Rotation{Secret: "KEY", Card: &rotation.Card{Number: 1, State: rotation.CardOpen, Harm: harm}}
	if said := strings.Join(cardWords(r, event.Event{}), "\n"); !strings.Contains(said, "Breaks with it: "+harm) {
		t.Error(said)
	}
	if said := sheetWords(r); !strings.Contains(said, harm) {
		t.Error(said)
	}
}
