package langfuse

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// minute is how many seconds of its rate the API takes at once.
const minute = 60

func (s *Server) routes() {
	m := http.NewServeMux()
	m.HandleFunc("GET /api/public/health", func(w http.ResponseWriter, _ *http.Request) {
		wire.JSON(w, http.StatusOK, map[string]string{"status": "OK", "version": "4.16.0"})
	})
	m.Handle("GET /api/public/projects", s.asProject(s.own))
	m.Handle("POST /api/public/ingestion", s.asProject(s.ingest))
	m.Handle("GET /api/public/organizations/projects", s.asOrganisation(s.list))
	m.Handle("GET /api/public/projects/{project}/apiKeys", s.inProject(s.keysOf))
	m.Handle("POST /api/public/projects/{project}/apiKeys", s.inProject(s.create))
	m.Handle("DELETE /api/public/projects/{project}/apiKeys/{id}", s.inProject(s.remove))
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not Found") })
	s.mux = m
}

// asProject lets a living pair of a project through; the organisation's is the
// wrong kind.
func (s *Server) asProject(h func(http.ResponseWriter, *http.Request, Key)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if public, alone := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); alone {
			s.publicAlone(w, public)
			return
		}
		_, secret, _ := r.BasicAuth()
		if secret == s.priv {
			refuse(w, http.StatusForbidden, "Invalid API key. Are you using an organization key?")
			return
		}
		k, known := s.lookUp(secret)
		if !known {
			if r.Method == http.MethodPost {
				s.lost()
			}
			unknown(w)
			return
		}
		h(w, r, k)
	})
}

// publicAlone answers a request that bears nothing but a public key, as
// browsers send scores.
func (s *Server) publicAlone(w http.ResponseWriter, public string) {
	if k, known := s.Key(public); known && k.Live() {
		refuse(w, http.StatusForbidden, "Access denied: the public key alone may not do this.")
		return
	}
	refuse(w, http.StatusUnauthorized, "Invalid public key. Confirm that you've configured the correct host.")
}

func (s *Server) lost() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
}

// asOrganisation lets the organisation's pair through, if its plan allows.
func (s *Server) asOrganisation(h http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, secret, _ := r.BasicAuth()
		if secret != s.priv {
			if _, known := s.lookUp(secret); known {
				refuse(w, http.StatusForbidden, "Invalid API key. Organization-scoped API key required for this operation.")
				return
			}
			unknown(w)
			return
		}
		if wait, ok := s.take(); !ok {
			tooMany(w, wait)
			return
		}
		if s.o.NoAPI {
			refuse(w, http.StatusForbidden, "This feature is not available on your current plan.")
			return
		}
		h(w, r)
	})
}

// inProject is asOrganisation for one of its projects.
func (s *Server) inProject(h http.HandlerFunc) http.Handler {
	return s.asOrganisation(func(w http.ResponseWriter, r *http.Request) {
		if !slices.Contains(s.projects, r.PathValue("project")) {
			refuse(w, http.StatusNotFound, "Project not found or you don't have access to it")
			return
		}
		h(w, r)
	})
}

// take takes one request out of what the rate allows.
func (s *Server) take() (wait time.Duration, ok bool) {
	if s.o.Rate <= 0 {
		return 0, true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	s.tokens = min(s.tokens+now.Sub(s.filled).Seconds()*s.o.Rate, minute*s.o.Rate)
	s.filled = now
	if s.tokens < 1 {
		return time.Duration((1 - s.tokens) / s.o.Rate * float64(time.Second)), false
	}
	s.tokens--
	return 0, true
}

func tooMany(w http.ResponseWriter, wait time.Duration) {
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	w.Header().Set("X-RateLimit-Remaining", "0")
	w.Header().Set("X-RateLimit-Reset", time.Now().Add(wait).UTC().Format(time.RFC1123)) // a date, not a number
	refuse(w, http.StatusTooManyRequests, fmt.Sprintf("Rate limit exceeded. Retry in %d s.", seconds))
}

func unknown(w http.ResponseWriter) {
	refuse(w, http.StatusUnauthorized, "Invalid credentials. Confirm that you've configured the correct host.")
}

func refuse(w http.ResponseWriter, status int, message string) {
	wire.JSON(w, status, map[string]string{"message": message})
}
