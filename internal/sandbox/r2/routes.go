package r2

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

const accountPath = "/client/v4/accounts/" + Account

func (s *Server) routes() {
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("GET "+accountPath+"/tokens/verify", s.verify)
	s.mux.Handle("GET "+accountPath+"/tokens", s.as(TokensWrite, s.list))
	s.mux.Handle("POST "+accountPath+"/tokens", s.as(TokensWrite, s.create))
	s.mux.Handle("GET "+accountPath+"/tokens/permission_groups", s.as(TokensWrite, s.permissionGroups))
	s.mux.Handle("GET "+accountPath+"/tokens/{id}", s.as(TokensWrite, s.look))
	s.mux.Handle("PUT "+accountPath+"/tokens/{id}", s.as(TokensWrite, s.change))
	s.mux.Handle("DELETE "+accountPath+"/tokens/{id}", s.as(TokensWrite, s.remove))
	s.mux.Handle("PUT "+accountPath+"/tokens/{id}/value", s.as(TokensWrite, s.roll))
	s.mux.Handle("GET "+accountPath+"/r2/buckets/{name}", s.as(StorageRead, s.bucket))
	s.mux.Handle("GET "+accountPath+"/logs/audit", s.as(SettingsRead, s.audit))
	s.mux.HandleFunc("/client/v4/", func(w http.ResponseWriter, r *http.Request) {
		if t := s.bearer(r); t == nil || strings.HasPrefix(r.URL.Path, "/client/v4/user/") && !t.Personal {
			refuse(w, http.StatusUnauthorized, 1000, "Invalid API Token")
			return
		}
		refuse(w, http.StatusNotFound, 7003, "Could not route to that path")
	})
	s.mux.HandleFunc("/", s.object)
}

// as lets a token through that is active and has the permission group for the
// account, as often as the rate allows.
func (s *Server) as(group string, h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		t := s.bearer(r)
		wait, crowded := s.crowded()
		switch {
		case t == nil || t.State(time.Now()) != Active:
			refuse(w, http.StatusUnauthorized, 10000, "Authentication error")
		case crowded:
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			refuse(w, http.StatusTooManyRequests, 10429, "Rate limited")
		case !t.may(group, "com.cloudflare.api.account."+Account):
			s.note(t, r, http.StatusForbidden)
			refuse(w, http.StatusForbidden, 9109, "Unauthorized to access requested resource")
		default:
			if r.Method != http.MethodGet {
				s.note(t, r, http.StatusOK)
			}
			h(w, r)
		}
	})
}

// crowded counts a call, and tells whether it was one too many in its window.
func (s *Server) crowded() (wait time.Duration, yes bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Sub(s.began) >= s.o.Window {
		s.began, s.calls = now, 0
	}
	s.calls++
	return s.began.Add(s.o.Window).Sub(now), s.calls > mostCalls
}

// bearer is the token behind a request, whatever its state; nil when unknown.
func (s *Server) bearer(r *http.Request) *Token {
	value, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.tokens, func(t *Token) bool { return !t.Gone && t.Value == value })
	if at < 0 {
		return nil
	}
	copied := *s.tokens[at]
	return &copied
}

// verify tells a token of the account about itself.
func (s *Server) verify(w http.ResponseWriter, r *http.Request) {
	t := s.bearer(r)
	if t == nil || t.Personal {
		refuse(w, http.StatusUnauthorized, 1000, "Invalid API Token")
		return
	}
	answer(w, map[string]any{"id": t.ID, "status": t.State(time.Now())}, nil)
}

func (s *Server) permissionGroups(w http.ResponseWriter, r *http.Request) {
	all := []any{}
	for id, name := range groups {
		scope := "com.cloudflare.api.account"
		if id == ItemRead || id == ItemWrite {
			scope = "com.cloudflare.edge.r2.bucket"
		}
		q := r.URL.Query()
		if (q.Get("name") == "" || q.Get("name") == name) && (q.Get("scope") == "" || q.Get("scope") == scope) {
			all = append(all, map[string]any{"id": id, "name": name, "scopes": []string{scope}})
		}
	}
	answer(w, all, nil)
}

func (s *Server) bucket(w http.ResponseWriter, r *http.Request) {
	jurisdiction := r.Header.Get("cf-r2-jurisdiction")
	if !slices.Contains(s.buckets, r.PathValue("name")) || jurisdiction != "" && jurisdiction != "default" {
		refuse(w, http.StatusNotFound, 10006, "The specified bucket does not exist.")
		return
	}
	answer(w, map[string]any{"name": r.PathValue("name"), "jurisdiction": "default", "location": "weur", "creation_date": "2026-01-02T03:04:05.000Z"}, nil)
}

// answer puts a result into the envelope.
func answer(w http.ResponseWriter, result, info any) {
	body := map[string]any{"success": true, "errors": []any{}, "messages": []any{}, "result": result}
	if info != nil {
		body["result_info"] = info
	}
	wire.JSON(w, http.StatusOK, body)
}

func refuse(w http.ResponseWriter, status, code int, message string) {
	wire.JSON(w, status, map[string]any{
		"success": false, "errors": []any{map[string]any{"code": code, "message": message}}, "messages": []any{}, "result": nil,
	})
}
