package helius

import (
	"context"

	"rekey/internal/trail"
	"rekey/providers"
)

var (
	_ providers.Auditor = (*manual)(nil)
	_ providers.Auditor = (*listed)(nil)
	_ providers.Auditor = (*single)(nil)
)

// places where Helius notes uses
// (https://www.helius.dev/docs/api-reference/admin).
var places = []trail.Source{
	{Name: "usage of the Helius project", Blind: "it counts the whole project in the current cycle, of all keys together: a jump in the dashboard is a hint"},
	{Name: "requests by key at Helius", Blind: "no log of them, and none of who made and deleted keys, is documented"},
}

// Sources are places that nobody can ask.
func (k *keys) Sources() []trail.Source { return places }

// Uses tells that nothing is known.
func (k *keys) Uses(_ context.Context, id providers.ID, _ trail.Window) ([]trail.Trail, error) {
	return providers.Unread("auditing a key of Helius", id, places)
}
