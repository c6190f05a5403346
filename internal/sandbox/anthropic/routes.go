package anthropic

import (
	"net/http"
	"strconv"
	"time"

	"rekey/internal/sandbox/wire"
)

// Version is the only one there is.
const Version = "2023-06-01"

// burst is how many seconds' worth of requests the Admin API takes at once.
const burst = 3

func (s *Server) routes() {
	m := http.NewServeMux()
	m.Handle("GET /v1/organizations/me", s.asAdmin(me))
	m.Handle("GET /v1/organizations/api_keys", s.asAdmin(s.list))
	m.Handle("GET /v1/organizations/api_keys/{id}", s.asAdmin(s.look))
	m.Handle("POST /v1/organizations/api_keys/{id}", s.asAdmin(s.change))
	m.Handle("GET /v1/organizations/usage_report/messages", s.asAdmin(s.usage))
	m.Handle("GET /v1/models", s.asKey(s.models))
	m.Handle("POST /v1/messages", s.asKey(s.message))
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found_error", "Not found")
	})
	s.mux = http.NewServeMux()
	s.mux.Handle("/", versioned(m))
}

// versioned wants the header that every request has to bear.
func versioned(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Request-Id", "req_01"+random(11))
		switch r.Header.Get("anthropic-version") {
		case Version:
			next.ServeHTTP(w, r)
		case "":
			refuse(w, http.StatusBadRequest, "invalid_request_error", "anthropic-version: header is required")
		default:
			refuse(w, http.StatusBadRequest, "invalid_request_error", "anthropic-version: this version does not exist")
		}
	})
}

// asAdmin lets the Admin API key through, as often as the rate allows.
func (s *Server) asAdmin(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("x-api-key") != s.admin {
			if _, known := s.caller(r); known {
				refuse(w, http.StatusForbidden, "permission_error", "This endpoint requires an Admin API key")
				return
			}
			unknown(w)
			return
		}
		if wait, ok := s.take(); !ok {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
			refuse(w, http.StatusTooManyRequests, "rate_limit_error", "Number of requests has exceeded your rate limit")
			return
		}
		h(w, r)
	})
}

// take takes one request off the Admin API's rate, or says when there is one.
func (s *Server) take() (wait time.Duration, ok bool) {
	if s.o.AdminRate <= 0 {
		return 0, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.tokens = min(s.tokens+now.Sub(s.filled).Seconds()*s.o.AdminRate, burst*s.o.AdminRate)
	s.filled = now
	if s.tokens < 1 {
		return time.Duration((1 - s.tokens) / s.o.AdminRate * float64(time.Second)), false
	}
	s.tokens--
	return 0, true
}

// asKey lets an active key through, with the workspace it works in.
func (s *Server) asKey(h func(http.ResponseWriter, *http.Request, Key)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, ok := s.caller(r)
		if !ok {
			unknown(w)
			return
		}
		if k.Workspace == "" {
			if k.Workspace = r.Header.Get("anthropic-workspace-id"); k.Workspace == "" {
				refuse(w, http.StatusBadRequest, "invalid_request_error", "anthropic-workspace-id: header is required for this key")
				return
			}
		}
		w.Header().Set("anthropic-workspace-id", k.Workspace)
		h(w, r, k)
	})
}

// caller finds the active key behind a request.
func (s *Server) caller(r *http.Request) (Key, bool) {
	value := r.Header.Get("x-api-key")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Value != value {
			continue
		}
		if k.State(time.Now()) != Active {
			s.refused[k.ID]++
			return Key{}, false
		}
		return *k, true
	}
	return Key{}, false
}

func unknown(w http.ResponseWriter) {
	refuse(w, http.StatusUnauthorized, "authentication_error", "invalid x-api-key")
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	wire.JSON(w, status, map[string]any{
		"type": "error", "error": map[string]any{"type": kind, "message": message}, "request_id": "req_01" + random(11),
	})
}

func me(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]string{"id": "4c1d0d0e-0000-4000-8000-000000000001", "type": "organization", "name": "Sandbox"})
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }
