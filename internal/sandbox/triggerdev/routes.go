package triggerdev

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

func (s *Server) routes() {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/v1/projects/{project}/environments", s.asPerson(s.environments))
	m.HandleFunc("GET /api/v1/projects/{project}/runs", s.asPerson(s.projectRuns))
	m.HandleFunc("GET /api/v1/projects/{project}/{environment}", s.environment)
	m.HandleFunc("POST /api/v1/projects/{project}/{environment}/regenerate-api-key", s.asPerson(s.regenerate))
	m.HandleFunc("GET /api/v1/whoami", s.asKey(s.whoami))
	m.HandleFunc("GET /api/v2/whoami", s.asPerson(func(w http.ResponseWriter, _ *http.Request, _ bool) {
		wire.JSON(w, http.StatusOK, map[string]any{"userId": "user_sandbox", "email": "rotation-bot@example.com"})
	}))
	m.HandleFunc("GET /api/v1/runs", s.asKey(s.runsOf))
	m.HandleFunc("POST /api/v1/tasks/{task}/trigger", s.asKey(s.start))
	m.HandleFunc("GET /api/v3/runs/{run}", s.asKey(s.run))
	m.HandleFunc("POST /admin/api/v1/revoked-api-keys/{id}", s.asPerson(func(w http.ResponseWriter, _ *http.Request, _ bool) {
		refuse(w, http.StatusForbidden, "You must be an admin to perform this action")
	}))
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not found") })
	s.mux = m
}

func bearer(r *http.Request) string {
	return strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
}

// asPerson lets a personal access token through.
func (s *Server) asPerson(h func(w http.ResponseWriter, r *http.Request, writes bool)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.take(w) {
			return
		}
		s.mu.Lock()
		writes, known := s.tokens[bearer(r)]
		s.mu.Unlock()
		if !known {
			refuse(w, http.StatusUnauthorized, "Invalid or Missing Access Token")
			return
		}
		h(w, r, writes)
	}
}

// asKey lets a living key of an environment through, and notes its use.
func (s *Server) asKey(h func(http.ResponseWriter, *http.Request, Key)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !s.take(w) {
			return
		}
		k, known := s.use(bearer(r))
		switch {
		case !known:
			if r.Method == http.MethodPost {
				s.lost()
			}
			refuse(w, http.StatusUnauthorized, "Invalid API key")
		case k.StartsOnly && r.Method != http.MethodPost:
			refuse(w, http.StatusForbidden, "The API key lacks the permission to read")
		default:
			h(w, r, k)
		}
	}
}

func (s *Server) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
}

func (s *Server) use(value string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Value == value && k.Live() {
			k.Used = time.Now()
			return *k, true
		}
	}
	return Key{}, false
}

// take takes one request out of what the rate allows.
func (s *Server) take(w http.ResponseWriter) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.budget = min(s.budget+now.Sub(s.filled).Minutes()*s.o.Rate, s.o.Rate)
	s.filled = now
	if s.budget < 1 {
		wait := time.Duration((1 - s.budget) / s.o.Rate * float64(time.Minute))
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		refuse(w, http.StatusTooManyRequests, "Rate limit exceeded")
		return false
	}
	s.budget--
	return true
}

func refuse(w http.ResponseWriter, status int, message string) {
	wire.JSON(w, status, map[string]string{"error": message})
}
