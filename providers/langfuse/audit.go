package langfuse

import (
	"context"

	"rekey/internal/trail"
	"rekey/providers"
)

var (
	_ providers.Auditor = (*issued)(nil)
	_ providers.Auditor = (*restricted)(nil)
	_ providers.Auditor = (*manual)(nil)
)

// places where Langfuse notes uses (web/src/features/audit-logs of
// https://github.com/langfuse/langfuse).
var places = []trail.Source{
	{Name: "audit log of Langfuse", Blind: "no API reads it, and it is on some plans only; look there for who made and deleted keys"},
	{Name: "traces of Langfuse", Blind: "they do not say which key wrote them, and reading leaves none; look for unknown environments, releases and users"},
}

// Sources are places that nobody can ask.
func (k *pairs) Sources() []trail.Source { return places }

// Uses tells that nothing is known.
func (k *pairs) Uses(_ context.Context, id providers.ID, _ trail.Window) ([]trail.Trail, error) {
	return providers.Unread("auditing a key pair of Langfuse", id, places)
}
