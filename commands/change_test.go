package commands

import (
	"context"
	"strings"
	"testing"

	"rekey/providers"
	"rekey/rotation"
)

// replacing starts rotations of one shape.
type replacing struct {
	desk
	shape providers.Shape
}

func (d *replacing) Start(ctx context.Context, o rotation.Order) (*rotation.Rotation, error) {
	r, err := d.desk.Start(ctx, o)
	r.Cell.Shape = d.shape
	return r, err
}

// TestStartSaysWhatIsApproved: where the old key dies by its successor, people
// approve that, and are asked for no end.
func TestStartSaysWhatIsApproved(t *testing.T) {
	for shape, want := range map[providers.Shape]string{
		providers.Overlap: "approves its end.", providers.Grace: "approves its replacement.", providers.Cutover: "approves its replacement.",
	} {
		reply := ask1(New(&replacing{shape: shape}, []string{"FAL_KEY"}, diagnosis{}), "fal_key")
		if !strings.HasSuffix(reply.Text, want) {
			t.Errorf("%s: %s", shape, reply.Text)
		}
	}
}
