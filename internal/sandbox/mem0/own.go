package mem0

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// stamp is how the server writes times: UTC, without saying so.
const stamp = "2006-01-02T15:04:05.999999"

func (s *Server) ownRoutes() {
	s.mux.HandleFunc("POST /auth/login", s.signIn)
	s.mux.Handle("GET /api-keys", s.asUser(s.list))
	s.mux.Handle("POST /api-keys", s.asUser(s.create))
	s.mux.Handle("DELETE /api-keys/{id}", s.asUser(s.revoke))
	s.mux.Handle("GET /memories", s.asKey(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("user_id") == "" {
			refuse(w, http.StatusBadRequest, "At least one identifier is required.")
			return
		}
		wire.JSON(w, http.StatusOK, map[string]any{"results": []any{}})
	}))
	s.mux.Handle("POST /search", s.asKey(s.search))
}

// signIn trades e-mail address and password for a token, a few times a minute.
func (s *Server) signIn(w http.ResponseWriter, r *http.Request) {
	var q struct{ Email, Password *string }
	if err := wire.ReadJSON(r, &q); err != nil || q.Email == nil || q.Password == nil {
		unprocessable(w)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.logins = slices.DeleteFunc(s.logins, func(at time.Time) bool { return now.Sub(at) > time.Minute })
	if len(s.logins) >= s.o.Logins {
		wire.JSON(w, http.StatusTooManyRequests, map[string]string{"error": "Rate limit exceeded"})
		return
	}
	s.logins = append(s.logins, now)
	if *q.Email != s.user || *q.Password != s.password {
		refuse(w, http.StatusUnauthorized, "Invalid email or password.")
		return
	}
	refresh := token()
	s.issued = append(s.issued, refresh)
	wire.JSON(w, http.StatusOK, map[string]string{"access_token": s.accessLocked(), "refresh_token": refresh, "token_type": "bearer"})
}

// SignIn is what the user gets for e-mail address and password, without the
// asking.
func (s *Server) SignIn() (access string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accessLocked()
}

func (s *Server) accessLocked() string {
	access := token()
	s.tokens[access] = time.Now().Add(s.o.Access)
	s.issued = append(s.issued, access)
	return access
}

// token has the form of a signed one.
func token() string { return "eyJhbGciOiJIUzI1NiJ9." + secret() + "." + secret() }

// asUser lets through whoever has signed in.
func (s *Server) asUser(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, bears := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		s.mu.Lock()
		valid := bears && time.Now().Before(s.tokens[token])
		s.mu.Unlock()
		switch {
		case !bears:
			refuse(w, http.StatusUnauthorized, "Authentication required. Provide a Bearer token or X-API-Key header.")
		case !valid:
			refuse(w, http.StatusUnauthorized, "Invalid or expired token.")
		default:
			h(w, r)
		}
	})
}

// asKey lets a live key through; every one where authentication is off.
func (s *Server) asKey(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value := r.Header.Get("X-API-Key")
		switch _, known := s.lookUp(value); {
		case known || s.o.Open:
			h(w, r)
		case value == "":
			refuse(w, http.StatusUnauthorized, "Authentication required. Provide a Bearer token or X-API-Key header.")
		default:
			s.turnedAway(r)
			refuse(w, http.StatusUnauthorized, "Invalid API key.")
		}
	})
}

// row is a key as the list shows it.
func (k Key) row() map[string]any {
	const shown = 12
	return map[string]any{"id": k.ID, "label": k.Name, "key_prefix": k.Value[:shown], "created_at": k.Created.UTC().Format(stamp)}
}

// list shows the keys that are not revoked, newest first.
func (s *Server) list(w http.ResponseWriter, _ *http.Request) {
	rows := []map[string]any{}
	for _, k := range slices.Backward(s.Keys()) {
		if !k.Deleted.IsZero() {
			continue
		}
		row := k.row()
		row["last_used_at"] = nil
		if !k.Used.IsZero() {
			row["last_used_at"] = k.Used.UTC().Format(stamp)
		}
		rows = append(rows, row)
	}
	wire.JSON(w, http.StatusOK, rows)
}

func (s *Server) create(w http.ResponseWriter, r *http.Request) {
	var q struct{ Label *string }
	if err := wire.ReadJSON(r, &q); err != nil || q.Label == nil {
		unprocessable(w)
		return
	}
	k := s.Create("", *q.Label)
	s.wrote(Write{Created, k.ID, k.Name})
	row := k.row()
	row["key"] = k.Value
	wire.JSON(w, http.StatusCreated, row)
}

func (s *Server) revoke(w http.ResponseWriter, r *http.Request) {
	k, known := s.Key(r.PathValue("id"))
	switch {
	case !known:
		refuse(w, http.StatusNotFound, "API key not found.")
	case !s.End(k.ID):
		refuse(w, http.StatusBadRequest, "API key is already revoked.")
	default:
		s.wrote(Write{Revoked, k.ID, k.Name})
		wire.JSON(w, http.StatusOK, map[string]string{"message": "API key revoked."})
	}
}

// search is what an application asks.
func (s *Server) search(w http.ResponseWriter, r *http.Request) {
	var q struct {
		Query *string
	}
	if err := wire.ReadJSON(r, &q); err != nil || q.Query == nil {
		unprocessable(w)
		return
	}
	wire.JSON(w, http.StatusOK, map[string]any{"results": s.memories("")})
}

// unprocessable is how the server answers what it cannot read.
func unprocessable(w http.ResponseWriter) {
	wire.JSON(w, http.StatusUnprocessableEntity, map[string]any{"detail": []any{map[string]any{"loc": []string{"body"}, "msg": "Field required", "type": "missing"}}})
}
