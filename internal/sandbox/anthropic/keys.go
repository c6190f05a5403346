package anthropic

import (
	"net/http"
	"slices"
	"strconv"
	"time"

	"rekey/internal/sandbox/wire"
)

// json is a key as the Admin API shows it: never its value, nor a last use.
func (k Key) json(now time.Time) map[string]any {
	m := map[string]any{
		"id": k.ID, "type": "api_key", "name": k.Name, "status": k.State(now), "created_at": stamp(k.Created),
		"created_by": nil, "expires_at": nil, "partial_key_hint": k.hint(), "principal": nil, "workspace_id": nil,
		"scope": map[string]string{"type": "organization"},
	}
	if !k.Expires.IsZero() {
		m["expires_at"] = stamp(k.Expires)
	}
	switch {
	case k.Account != "":
		m["principal"] = map[string]string{"type": "service_account_actor", "service_account_id": k.Account}
	case k.User != "":
		m["principal"] = map[string]string{"type": "user_actor", "user_id": k.User}
		m["created_by"] = map[string]string{"type": "user", "id": k.User}
	}
	if k.Workspace != "" {
		m["scope"] = map[string]string{"type": "workspace", "workspace_id": k.Workspace}
		m["workspace_id"] = k.Workspace
	}
	return m
}

// list pages through the organisation's keys, newest first, archived ones
// included.
func (s *Server) list(w http.ResponseWriter, r *http.Request) {
	q, now := r.URL.Query(), time.Now()
	limit := 20
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			refuse(w, http.StatusBadRequest, "invalid_request_error", "limit: must be between 1 and 1000")
			return
		}
		limit = n
	}
	all := s.Keys()
	slices.Reverse(all)
	all = slices.DeleteFunc(all, func(k Key) bool {
		return q.Get("status") != "" && string(k.State(now)) != q.Get("status") || q.Get("workspace_id") != "" && k.Workspace != q.Get("workspace_id")
	})
	start := 0
	if after := q.Get("after_id"); after != "" {
		at := slices.IndexFunc(all, func(k Key) bool { return k.ID == after })
		if at < 0 {
			refuse(w, http.StatusBadRequest, "invalid_request_error", "after_id: no such object")
			return
		}
		start = at + 1
	}
	page := all[start:min(start+min(limit, s.o.MaxPage), len(all))]
	data := []map[string]any{}
	for _, k := range page {
		data = append(data, k.json(now))
	}
	body := map[string]any{"data": data, "has_more": start+len(page) < len(all), "first_id": nil, "last_id": nil}
	if len(page) > 0 {
		body["first_id"], body["last_id"] = page[0].ID, page[len(page)-1].ID
	}
	wire.JSON(w, http.StatusOK, body)
}

func (s *Server) look(w http.ResponseWriter, r *http.Request) {
	k, ok := s.Key(r.PathValue("id"))
	if !ok {
		refuse(w, http.StatusNotFound, "not_found_error", "API key not found")
		return
	}
	wire.JSON(w, http.StatusOK, k.json(time.Now()))
}

// change sets name and status. What is archived or expired stays so.
func (s *Server) change(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Name   *string
		Status *Status
	}
	if err := wire.ReadJSON(r, &q); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "The request body is not valid JSON")
		return
	}
	if q.Status != nil && !slices.Contains([]Status{Active, Inactive, Archived}, *q.Status) {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "status: must be active, inactive or archived")
		return
	}
	s.mu.Lock()
	k := s.byIDLocked(r.PathValue("id"))
	if k == nil {
		s.mu.Unlock()
		refuse(w, http.StatusNotFound, "not_found_error", "API key not found")
		return
	}
	if state := k.State(time.Now()); state == Archived || state == Expired {
		s.mu.Unlock()
		refuse(w, http.StatusBadRequest, "invalid_request_error", "This API key can no longer be changed")
		return
	}
	if q.Name != nil {
		k.Name = *q.Name
	}
	if q.Status != nil {
		s.setLocked(k, *q.Status)
	}
	shown, hook := *k, s.onWrite
	s.mu.Unlock()
	if hook != nil && q.Status != nil {
		hook(Write{KeyID: shown.ID, Name: shown.Name, Status: shown.Status})
	}
	wire.JSON(w, http.StatusOK, shown.json(time.Now()))
}
