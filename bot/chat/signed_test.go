package chat

import (
	"context"
	"testing"

	"rekey/bot/chat/render"
	"rekey/rotation"
)

// TestASignatureCountsBesideAClick: what has a source of its own is counted with
// what the card shows.
func TestASignatureCountsBesideAClick(t *testing.T) {
	l := newLive(t, func(c *Config) {
		c.Signed = func(context.Context, *rotation.Rotation, int) ([]rotation.Mark, error) {
			return []rotation.Mark{{
				Person: rotation.Person{ID: "T1/U0CARA", Key: "SHA256:x"}, Yes: true, Path: "command line",
				Standing: rotation.Standing{Member: true, Approver: true},
			}}, nil
		}
	})
	l.engine.policy.Quorum = 2
	l.run(t)
	l.press(t, "e1", "U0BEN", render.Approve, l.liveCard(t))
	card := l.becomes(t, rotation.CardApproved)
	if len(card.Approved) != 2 || card.Approved[0].Path != "button" || card.Approved[1].Path != "command line" {
		t.Errorf("approved by %+v", card.Approved)
	}
}
