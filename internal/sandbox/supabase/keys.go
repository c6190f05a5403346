package supabase

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"regexp"
	"time"

	"rekey/internal/sandbox/wire"
)

var nameForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{3,63}$`)

// shown is a key as the API shows it.
func shown(k Key, reveal bool) map[string]any {
	sum := sha256.Sum256([]byte(k.Value))
	m := map[string]any{
		"id": k.ID, "name": k.Name, "type": k.Type, "prefix": k.Prefix(), "hash": hex.EncodeToString(sum[:]), "description": nil,
		"api_key": k.Prefix() + "··········", "inserted_at": k.Created.UTC().Format(time.RFC3339Nano), "updated_at": k.Created.UTC().Format(time.RFC3339Nano),
	}
	if k.Type == Secret {
		m["secret_jwt_template"] = map[string]string{"role": "service_role"}
	}
	if reveal {
		m["api_key"] = k.Value
	}
	return m
}

func revealing(r *http.Request) bool { return r.URL.Query().Get("reveal") == "true" }

// list shows the legacy pair and all living keys; it has no pages.
func (s *Server) list(w http.ResponseWriter, r *http.Request, ref string) {
	all := []map[string]any{}
	for _, name := range []string{"anon", "service_role"} {
		row := map[string]any{"id": name, "name": name, "type": "legacy", "prefix": nil, "hash": nil, "description": "Legacy " + name + " API key", "api_key": nil}
		if revealing(r) {
			row["api_key"] = s.LegacyKey(ref, name)
		}
		all = append(all, row)
	}
	for _, k := range s.Keys() {
		if k.Live() && k.Project == ref {
			all = append(all, shown(k, revealing(r)))
		}
	}
	wire.JSON(w, http.StatusOK, all)
}

// create makes another key; the name need not be free.
func (s *Server) create(w http.ResponseWriter, r *http.Request, ref string) {
	var q struct {
		Type        string `json:"type"`
		Name        string `json:"name"`
		Description string `json:"description"`
	}
	if err := wire.ReadJSON(r, &q); err != nil || (q.Type != Secret && q.Type != Publishable) || !nameForm.MatchString(q.Name) {
		refuse(w, http.StatusBadRequest, "name: must match ^[a-z_][a-z0-9_]+$ and have 4 to 64 characters")
		return
	}
	k := s.Seed(ref, q.Type, q.Name, time.Now())
	s.wrote(Write{Act: Created, KeyID: k.ID, Name: k.Name})
	wire.JSON(w, http.StatusCreated, shown(k, revealing(r)))
}

func (s *Server) find(ref, id string) (Key, bool) {
	for _, k := range s.Keys() {
		if k.ID == id && k.Project == ref && k.Live() {
			return k, true
		}
	}
	return Key{}, false
}

func (s *Server) get(w http.ResponseWriter, r *http.Request, ref string) {
	k, ok := s.find(ref, r.PathValue("id"))
	if !ok {
		refuse(w, http.StatusNotFound, "API key not found")
		return
	}
	wire.JSON(w, http.StatusOK, shown(k, revealing(r)))
}

// delete ends a key for good.
func (s *Server) delete(w http.ResponseWriter, r *http.Request, ref string) {
	k, ok := s.find(ref, r.PathValue("id"))
	if !ok || !s.End(k.ID) {
		refuse(w, http.StatusNotFound, "API key not found")
		return
	}
	s.wrote(Write{Act: Deleted, KeyID: k.ID, Name: k.Name})
	wire.JSON(w, http.StatusOK, shown(k, revealing(r)))
}

func (s *Server) legacy(w http.ResponseWriter, _ *http.Request, ref string) {
	wire.JSON(w, http.StatusOK, map[string]bool{"enabled": s.LegacyOn(ref)})
}

// switchLegacy turns both legacy keys off or on.
func (s *Server) switchLegacy(w http.ResponseWriter, r *http.Request, ref string) {
	on := r.URL.Query().Get("enabled") == "true"
	s.mu.Lock()
	s.projects[ref].legacy = on
	s.mu.Unlock()
	s.wrote(Write{Act: Legacy, KeyID: ref})
	wire.JSON(w, http.StatusOK, map[string]bool{"enabled": on})
}
