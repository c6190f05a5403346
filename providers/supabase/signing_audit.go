package supabase

import (
	"context"

	"rekey/internal/trail"
	"rekey/providers"
)

var _ providers.Auditor = (*signingKey)(nil)

// forged are the places where tokens that a thief made would show
// (https://supabase.com/docs/guides/observability/log-field-reference).
var forged = []trail.Source{
	{Name: "forged tokens in the logs of Supabase", Blind: "they look like users; in the edge logs look for users (request.sb.auth_user) that the auth logs show no sign-in of"},
	{Name: "organisation audit log of Supabase", Blind: "no API reads it; look in the dashboard for who made and switched signing keys"},
}

// Sources are places that people have to read.
func (k *signingKey) Sources() []trail.Source { return forged }

// Uses tells that nothing is known.
func (k *signingKey) Uses(_ context.Context, id providers.ID, _ trail.Window) ([]trail.Trail, error) {
	return providers.Unread("auditing a signing key of Supabase", id, forged)
}
