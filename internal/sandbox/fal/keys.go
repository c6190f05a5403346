package fal

import (
	"encoding/base64"
	"net/http"
	"strconv"
	"time"
	"unicode/utf8"

	"rekey/internal/sandbox/wire"
)

// create makes another API key for the caller's account; the alias need not be
// free. The value is shown here and never again.
func (s *Server) create(w http.ResponseWriter, r *http.Request, who Key) {
	var q struct {
		Alias string `json:"alias"`
	}
	if err := wire.ReadJSON(r, &q); err != nil {
		refuse(w, http.StatusBadRequest, "validation_error", "Request body is not valid JSON")
		return
	}
	if n := utf8.RuneCountInString(q.Alias); n < 1 || n > 255 {
		refuse(w, http.StatusBadRequest, "validation_error", "alias: must be 1 to 255 characters")
		return
	}
	k := s.add(who.Account, q.Alias, API, time.Now())
	s.wrote(Write{Act: Created, KeyID: k.ID, Alias: k.Alias, Known: true})
	wire.JSON(w, http.StatusCreated, map[string]string{
		"key_id": k.ID, "key_secret": k.Value[len(k.ID)+1:], "key": k.Value,
	})
}

// list pages through the caller's live API keys. Fewer than limit may come: a
// page is capped, and only has_more says whether that was all.
func (s *Server) list(w http.ResponseWriter, r *http.Request, who Key) {
	start, n, ok := page(r, s.o.MaxPage)
	if !ok {
		refuse(w, http.StatusBadRequest, "validation_error", "limit and cursor: invalid")
		return
	}
	var live []Key
	for _, k := range s.Keys() {
		if k.Live() && k.Scope == API && k.Account == who.Account {
			live = append(live, k)
		}
	}
	keys := []map[string]string{}
	end := min(start+n, len(live))
	for _, k := range live[min(start, end):end] {
		m := map[string]string{"key_id": k.ID, "alias": k.Alias, "scope": string(k.Scope), "created_at": iso(k.Created)}
		if asked(r, "creator_info") {
			m["creator_nickname"], m["creator_email"] = "developer", "developer@example.com"
		}
		keys = append(keys, m)
	}
	sendPage(w, "keys", keys, end, len(live))
}

// delete ends a key of the caller's account at once. The answer is 204 also for
// an id that never was, and for an ADMIN key, which stays alive.
func (s *Server) delete(w http.ResponseWriter, r *http.Request, who Key) {
	k, ok := s.Key(r.PathValue("id"))
	ok = ok && k.Account == who.Account && k.Scope == API
	if ok {
		ok = s.End(k.ID)
	} else {
		k.Alias = ""
	}
	s.wrote(Write{Act: Deleted, KeyID: r.PathValue("id"), Alias: k.Alias, Known: ok})
	w.WriteHeader(http.StatusNoContent)
}

// page reads limit and cursor. A cursor is the position in base64.
func page(r *http.Request, most int) (start, n int, ok bool) {
	n = most
	if text := r.URL.Query().Get("limit"); text != "" {
		v, err := strconv.Atoi(text)
		if err != nil || v < 1 {
			return 0, 0, false
		}
		n = min(v, most)
	}
	if text := r.URL.Query().Get("cursor"); text != "" {
		b, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return 0, 0, false
		}
		if start, err = strconv.Atoi(string(b)); err != nil || start < 0 {
			return 0, 0, false
		}
	}
	return start, n, true
}

func sendPage(w http.ResponseWriter, name string, items any, end, total int) {
	var next any
	if end < total {
		next = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end)))
	}
	wire.JSON(w, http.StatusOK, map[string]any{"next_cursor": next, "has_more": end < total, name: items})
}

// asked reports whether expand names something.
func asked(r *http.Request, what string) bool {
	for _, e := range r.URL.Query()["expand"] {
		if e == what {
			return true
		}
	}
	return false
}

func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
