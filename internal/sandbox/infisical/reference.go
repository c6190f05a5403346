package infisical

import (
	"regexp"
	"strings"
)

var reference = regexp.MustCompile(`\$\{([^{}]+)\}`)

// maxDepth bounds references that lead to references, circles included.
const maxDepth = 10

// expandLocked replaces ${KEY} (same folder) and ${environment.folder.KEY} by
// values. A name that is not there expands to nothing, silently.
func (s *Server) expandLocked(at Place, value string, depth int) string {
	if depth == maxDepth {
		return value
	}
	return reference.ReplaceAllStringFunc(value, func(m string) string {
		parts := strings.Split(m[2:len(m)-1], ".")
		from, name := at, parts[len(parts)-1]
		if len(parts) > 1 {
			from = Place{at.Project, parts[0], strings.Join(parts[1:len(parts)-1], "/")}.clean()
		}
		e := s.entryLocked(from, name)
		if e == nil {
			return ""
		}
		return s.expandLocked(from, e.current().value, depth+1)
	})
}
