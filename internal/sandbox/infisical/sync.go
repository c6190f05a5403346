package infisical

import (
	"net/http"
	"time"
)

// Sync is a secret sync: values of a folder pushed to a platform.
type Sync struct {
	ID          string
	Name        string
	Destination string // "vercel", "github", …
	At          Place
	Auto        bool
	Status      string // "", pending, running, succeeded, failed
	Message     string
	LastSynced  time.Time
}

// AddSync adds a secret sync and returns its id. There are none at first.
func (s *Server) AddSync(y Sync) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	y.ID, y.At = newID(), y.At.clean()
	s.syncs = append(s.syncs, y)
	return y.ID
}

// SetSync changes how a sync stands. It reports whether it was there.
func (s *Server) SetSync(id, status, message string, at time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.syncs {
		if s.syncs[i].ID == id {
			s.syncs[i].Status, s.syncs[i].Message, s.syncs[i].LastSynced = status, message, at
			return true
		}
	}
	return false
}

// listSyncs serves the list of all destinations and that of one.
func (s *Server) listSyncs(who *identity, r *http.Request) (any, *refusal) {
	project := r.URL.Query().Get("projectId")
	if project == "" {
		return nil, invalid(missing("projectId"))
	}
	if no := s.admit(who, project); no != nil {
		return nil, no
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []any{}
	for _, y := range s.syncs {
		d := r.PathValue("destination")
		if y.At.Project == project && (d == "" || d == y.Destination) {
			list = append(list, s.syncLocked(y))
		}
	}
	return map[string]any{"secretSyncs": list}, nil
}

func (s *Server) oneSync(who *identity, r *http.Request) (any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, no := s.findSyncLocked(who, r)
	if no != nil {
		return nil, no
	}
	return map[string]any{"secretSync": s.syncLocked(s.syncs[i])}, nil
}

// runSync queues a push. It stays pending until SetSync says how it ended.
func (s *Server) runSync(who *identity, r *http.Request) (any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i, no := s.findSyncLocked(who, r)
	if no != nil {
		return nil, no
	}
	s.syncs[i].Status = "pending"
	return map[string]any{"secretSync": s.syncLocked(s.syncs[i])}, nil
}

func (s *Server) findSyncLocked(who *identity, r *http.Request) (int, *refusal) {
	for i, y := range s.syncs {
		if y.ID != r.PathValue("id") || y.Destination != r.PathValue("destination") {
			continue
		}
		if !who.member(y.At.Project) {
			return 0, notMember(y.At.Project)
		}
		return i, nil
	}
	return 0, notFound("NotFound", "Could not find secret sync with ID '%s'", r.PathValue("id"))
}

func (s *Server) syncLocked(y Sync) map[string]any {
	m := map[string]any{
		"id": y.ID, "name": y.Name, "destination": y.Destination, "destinationConfig": map[string]any{},
		"isAutoSyncEnabled": y.Auto, "connectionId": y.ID, "projectId": y.At.Project,
		"syncStatus": nil, "lastSyncJobId": nil, "lastSyncMessage": nil, "lastSyncedAt": nil,
		"environment": map[string]string{"id": y.At.Project + "-" + y.At.Environment, "slug": y.At.Environment, "name": y.At.Environment},
		"folder":      nil,
	}
	if f := s.folders[y.At]; f != nil {
		m["folder"] = map[string]string{"id": f.id, "path": y.At.Path}
	}
	if y.Status != "" {
		m["syncStatus"] = y.Status
	}
	if y.Message != "" {
		m["lastSyncMessage"] = y.Message
	}
	if !y.LastSynced.IsZero() {
		m["lastSyncedAt"] = stamp(y.LastSynced)
	}
	return m
}
