package ayrshare

import (
	"context"

	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*key)(nil)

// places where Ayrshare notes uses
// (https://www.ayrshare.com/docs/apis/history/overview).
var places = []trail.Source{
	{Name: "calls at Ayrshare", Blind: "no list of calls by key or address is documented; messages may have been read"},
	{Name: "posts and profiles of Ayrshare", Blind: "they are the account's and not a key's; look through posts sent and scheduled, profiles and webhooks, because what a thief has scheduled outlives the key"},
}

// Sources are places that nobody can ask.
func (k *key) Sources() []trail.Source { return places }

// Uses tells that nothing is known.
func (k *key) Uses(_ context.Context, id providers.ID, _ trail.Window) ([]trail.Trail, error) {
	return providers.Unread("auditing a key of Ayrshare", id, places)
}
