package providers

import (
	"context"
	"strings"

	"rekey/internal/trail"
)

// Auditor tells how one credential was used.
type Auditor interface {
	// Sources says where Uses looks, and where one would have to look and cannot.
	// It asks nobody.
	Sources() []trail.Source
	// Uses reads only. It returns a trail for every source, in their order, also
	// for a credential that has ended. A source that shows nothing is complete
	// only if it would have shown a use. On an error the trails hold what was told
	// until then, or there are none.
	Uses(ctx context.Context, id ID, over trail.Window) ([]trail.Trail, error)
}

// audit puts into words where an audit finds the uses of a kind's credentials.
func audit(k Kind, instead string) string {
	a, can := k.(Auditor)
	if !can {
		return or(instead, "nothing tells one credential's uses")
	}
	var words []string
	for _, s := range a.Sources() {
		text := s.Name + ": " + or(s.Blind, s.Tells)
		if s.Fades {
			text += "; asked before it is ended"
		}
		words = append(words, text)
	}
	return strings.Join(words, ". ")
}
