package infisical

import (
	"crypto/subtle"
	"path"
	"slices"
	"time"
)

// Right is something an identity may do to secrets.
type Right string

// The rights, by the names the server's messages use.
const (
	Describe  Right = "describeSecret"
	ReadValue Right = "readValue"
	Create    Right = "create"
	Edit      Right = "edit"
	Delete    Right = "delete"
)

// All is every right on secrets.
func All() []Right { return []Right{Describe, ReadValue, Create, Edit, Delete} }

// Grant gives rights in a project, or in one environment and path of it. Empty
// Environment means all; Path is a glob as in "/shared/*", empty means all.
type Grant struct {
	Project     string
	Environment string
	Path        string
	Rights      []Right
}

// Identity is a machine identity's credentials.
type Identity struct {
	ID           string
	Name         string
	ClientID     string
	ClientSecret string
}

type identity struct {
	Identity
	grants   []Grant
	audits   bool // may read the audit log
	revoked  bool
	failures []time.Time
	locked   time.Time // until then
}

type token struct {
	who     *identity
	expires time.Time
	revoked bool
}

// AddIdentity makes a machine identity that is a member of every project its
// grants name. A grant without rights makes it a member and nothing more.
func (s *Server) AddIdentity(name string, grants ...Grant) Identity {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := &identity{
		Identity: Identity{ID: newID(), Name: name, ClientID: newID(), ClientSecret: random(32)},
		grants:   grants,
	}
	s.identities[i.ClientID] = i
	s.issueLocked(i.ClientSecret)
	return i.Identity
}

// SetGrants replaces an identity's rights, at once, for live tokens too.
func (s *Server) SetGrants(clientID string, grants ...Grant) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.identities[clientID]; i != nil {
		i.grants = grants
	}
}

// RevokeClientSecret ends an identity's client secret and with it every token
// that was issued for it.
func (s *Server) RevokeClientSecret(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.identities[clientID]; i != nil {
		i.revoked = true
	}
}

// ExpireTokens ends the life of all live tokens of an identity, as time would.
func (s *Server) ExpireTokens(clientID string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens {
		if t.who.ClientID == clientID {
			t.expires = time.Now().Add(-time.Second)
		}
	}
}

func (i *identity) member(project string) bool {
	return slices.ContainsFunc(i.grants, func(g Grant) bool { return g.Project == project })
}

func (i *identity) may(r Right, at Place) bool {
	return slices.ContainsFunc(i.grants, func(g Grant) bool {
		return g.Project == at.Project && slices.Contains(g.Rights, r) &&
			(g.Environment == "" || g.Environment == at.Environment) && g.covers(at.Path)
	})
}

func (g Grant) covers(p string) bool {
	if g.Path == "" || g.Path == p {
		return true
	}
	ok, err := path.Match(g.Path, p)
	return err == nil && ok
}

// rules lists the grants that give a right somewhere in the project under a
// condition, in the form a PermissionDenied carries.
func (i *identity) rules(r Right, project string) []any {
	rules := []any{}
	for _, g := range i.grants {
		if g.Project == project && g.Environment != "" && slices.Contains(g.Rights, r) {
			rules = append(rules, map[string]any{
				"action": []Right{r}, "inverted": false, "subject": []string{"secrets"},
				"conditions": map[string]string{"environment": g.Environment},
			})
		}
	}
	return rules
}

// Three wrong secrets within failureMemory of each other lock an identity.
const (
	maxFailures   = 3
	failureMemory = 30 * time.Second
)

// failedLocked counts a wrong secret.
func (i *identity) failedLocked(now time.Time, lockFor time.Duration) {
	if n := len(i.failures); n > 0 && now.Sub(i.failures[n-1]) > failureMemory {
		i.failures = nil
	}
	i.failures = append(i.failures, now)
	if len(i.failures) >= maxFailures {
		i.failures, i.locked = nil, now.Add(lockFor)
	}
}

func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
