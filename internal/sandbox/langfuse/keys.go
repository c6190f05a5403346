package langfuse

import (
	"net/http"
	"time"

	"rekey/internal/sandbox/wire"
)

// own names the project of the pair that asks.
func (s *Server) own(w http.ResponseWriter, _ *http.Request, k Key) {
	wire.JSON(w, http.StatusOK, map[string]any{"data": []any{map[string]any{
		"id": k.Project, "name": k.Project, "metadata": map[string]any{},
		"organization": map[string]string{"id": "org-sandbox", "name": "Sandbox"},
	}}})
}

// ingest takes events in. Each has its own outcome inside a 207.
func (s *Server) ingest(w http.ResponseWriter, r *http.Request, k Key) {
	var q struct {
		Batch []struct{ ID, Type string } `json:"batch"`
	}
	if err := wire.ReadJSON(r, &q); err != nil || len(q.Batch) == 0 {
		refuse(w, http.StatusBadRequest, "Invalid request data")
		return
	}
	taken, wrong := []any{}, []any{}
	for _, e := range q.Batch {
		if e.ID == "" || e.Type == "" {
			wrong = append(wrong, map[string]any{"id": e.ID, "status": http.StatusBadRequest, "message": "Invalid request data"})
			continue
		}
		taken = append(taken, map[string]any{"id": e.ID, "status": http.StatusCreated})
	}
	s.mu.Lock()
	s.events[k.Public] += len(taken)
	s.mu.Unlock()
	wire.JSON(w, http.StatusMultiStatus, map[string]any{"successes": taken, "errors": wrong})
}

func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	all := []any{}
	for _, p := range s.projects {
		all = append(all, map[string]any{"id": p, "name": p, "metadata": map[string]any{}, "createdAt": iso(time.Now()), "updatedAt": iso(time.Now())})
	}
	wire.JSON(w, http.StatusOK, map[string]any{"projects": all})
}

// keysOf lists a project's pairs, oldest first, all at once.
func (s *Server) keysOf(w http.ResponseWriter, r *http.Request) {
	all := []any{}
	for _, k := range s.Keys() {
		if k.Project == r.PathValue("project") && k.Deleted.IsZero() {
			all = append(all, row(k))
		}
	}
	wire.JSON(w, http.StatusOK, map[string]any{"apiKeys": all})
}

// row is a pair as the list shows it: nothing sets its last use.
func row(k Key) map[string]any {
	m := map[string]any{
		"id": k.ID, "createdAt": iso(k.Created), "expiresAt": nil, "lastUsedAt": nil, "note": k.Note,
		"publicKey": k.Public, "displaySecretKey": k.display(),
	}
	if !k.Expires.IsZero() {
		m["expiresAt"] = iso(k.Expires)
	}
	return m
}

// create makes another pair; the secret is shown here and never again.
func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var q struct{ Note, PublicKey, SecretKey string }
	switch err := wire.ReadJSON(r, &q); {
	case err != nil:
		refuse(w, http.StatusBadRequest, "Invalid request data")
		return
	case q.PublicKey != "" || q.SecretKey != "":
		refuse(w, http.StatusBadRequest, "chosen keys are not for the sandbox")
		return
	}
	k := s.Create(r.PathValue("project"), q.Note)
	s.wrote(Write{Act: Created, Public: k.Public, Note: k.Note})
	wire.JSON(w, http.StatusCreated, map[string]any{
		"id": k.ID, "createdAt": iso(k.Created), "publicKey": k.Public, "secretKey": k.Secret, "displaySecretKey": k.display(), "note": k.Note,
	})
}

// remove deletes a pair by its id.
func (s *Server) remove(w http.ResponseWriter, r *http.Request) {
	for _, k := range s.Keys() {
		if k.ID == r.PathValue("id") && k.Project == r.PathValue("project") && k.Deleted.IsZero() {
			s.delete(k)
			s.wrote(Write{Act: Deleted, Public: k.Public, Note: k.Note})
			wire.JSON(w, http.StatusOK, map[string]bool{"success": true})
			return
		}
	}
	refuse(w, http.StatusNotFound, "API key not found")
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
