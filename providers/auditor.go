package providers

import (
	"context"
	"strings"

	"rekey/internal/fault"
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

// Unread are the trails of sources none of which can be asked: what Uses comes to
// where nobody keeps what it looks for.
func Unread(op string, id ID, sources []trail.Source) ([]trail.Trail, error) {
	if id == "" {
		return nil, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is not an id"}
	}
	all := make([]trail.Trail, 0, len(sources))
	for _, s := range sources {
		all = append(all, trail.None(s, "Cannot audit: "+s.Blind+"."))
	}
	return all, nil
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
