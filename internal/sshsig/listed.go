package sshsig

import (
	"time"

	"golang.org/x/crypto/ssh"
)

// Listed is a line of the file as somebody reads it who looks after it.
type Listed struct {
	Line          int
	Names         []string
	Key           ssh.PublicKey
	After, Before time.Time // zero where the line does not say
	namespaces    []string
}

// Within reports that the line is for a namespace.
func (l Listed) Within(namespace string) bool {
	return len(l.namespaces) == 0 || listed(l.namespaces, namespace)
}

// Lines are those that name somebody, in their order.
func (s Signers) Lines() []Listed {
	all := make([]Listed, 0, len(s.lines))
	for _, l := range s.lines {
		key, err := ssh.ParsePublicKey(l.key)
		if err != nil {
			continue // unreachable: it was read as one
		}
		all = append(all, Listed{Line: l.number, Names: l.names, Key: key, After: l.after, Before: l.before, namespaces: l.namespaces})
	}
	return all
}
