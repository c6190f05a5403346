package infisical

import (
	"fmt"
	"time"
)

// Approval is a write kept back by a change policy.
type Approval struct {
	ID    string
	Slug  string
	At    Place
	Names []string
	By    string

	write func(*folder) (any, int, *refusal)
}

// HoldWrites sets or lifts a change policy for an environment. While it is set
// every write there, machine identities' included, answers 200 with an
// approval and changes nothing until a person merges it.
func (s *Server) HoldWrites(project, environment string, hold bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.projects[project]; p != nil {
		p.held[environment] = hold
	}
}

// Pending lists the writes that wait for a person.
func (s *Server) Pending() []Approval {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Approval
	for _, a := range s.pending {
		all = append(all, Approval{ID: a.ID, Slug: a.Slug, At: a.At, Names: a.Names, By: a.By})
	}
	return all
}

// Merge carries a kept-back write out, as a person's approval does.
func (s *Server) Merge(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.pending[id]
	if a == nil {
		return fmt.Errorf("merging %s: no such approval", id)
	}
	delete(s.pending, id)
	if _, _, no := a.write(s.folders[a.At]); no != nil {
		return fmt.Errorf("merging %s: %v", a.Slug, no.message)
	}
	return nil
}

// CloseApproval drops a kept-back write.
func (s *Server) CloseApproval(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.pending, id)
}

func (s *Server) holdLocked(a ask, f *folder, names []string, write func(*folder) (any, int, *refusal)) any {
	p := &Approval{ID: newID(), Slug: random(4), At: a.at, Names: names, By: a.who.Name, write: write}
	s.pending[p.ID] = p
	now := stamp(time.Now())
	return map[string]any{"approval": map[string]any{
		"id": p.ID, "policyId": newID(), "hasMerged": false, "status": "open", "conflicts": nil, "slug": p.Slug,
		"folderId": f.id, "createdAt": now, "updatedAt": now, "committerUserId": nil, "statusChangedByUserId": nil,
		"bypassReason": nil,
	}}
}
