package deploy

import (
	"context"

	"rekey/internal/trail"
)

// Auditor tells who read values in the vault.
type Auditor interface {
	// Sources says where Readings looks, and where one would have to look and
	// cannot. It asks nobody.
	Sources() []trail.Source
	// Readings reads only. It returns a trail for every source, in their order: who
	// read or changed one of the names in an environment, also in bulk. A vault's
	// log that does not show what Rekey itself has read there is no log: its trail
	// is not available. On an error the trails hold what was told until then, or
	// there are none.
	Readings(ctx context.Context, environment string, names []string, over trail.Window) ([]trail.Trail, error)
}
