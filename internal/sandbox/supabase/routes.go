package supabase

import (
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

func (s *Server) routes() {
	m := http.NewServeMux()
	const keys = "/v1/projects/{ref}/api-keys"
	m.Handle("GET "+keys, s.may(ReadKeys, s.list))
	m.Handle("POST "+keys, s.may(WriteKeys, s.create))
	m.Handle("GET "+keys+"/legacy", s.may(ReadKeys, s.legacy))
	m.Handle("PUT "+keys+"/legacy", s.may(WriteKeys, s.switchLegacy))
	m.Handle("GET "+keys+"/{id}", s.may(ReadKeys, s.get))
	m.Handle("DELETE "+keys+"/{id}", s.may(WriteKeys, s.delete))
	m.Handle("GET /v1/projects/{ref}/analytics/endpoints/logs", s.may(ReadLogs, s.logs))
	const signers = "/v1/projects/{ref}/config/auth/signing-keys"
	m.Handle("GET "+signers, s.may(ReadSigners, s.listSigners))
	m.Handle("POST "+signers, s.may(WriteSigners, s.importSigner))
	m.Handle("POST "+signers+"/legacy", s.may(WriteSigners, s.migrate))
	m.Handle("GET "+signers+"/{id}", s.may(ReadSigners, s.getSigner))
	m.Handle("PATCH "+signers+"/{id}", s.may(WriteSigners, s.setSigner))
	m.Handle("DELETE "+signers+"/{id}", s.may(WriteSigners, s.removeSigner))
	m.Handle("GET /v1/projects/{ref}/config/auth", s.may(ReadAuth, s.authConfig))
	m.HandleFunc("POST /{ref}/auth/v1/token", s.signIn)
	m.HandleFunc("GET /{ref}/auth/v1/.well-known/jwks.json", publicKeys)
	m.HandleFunc("GET /{ref}/rest/v1/{table}", s.table)
	m.HandleFunc("GET /{ref}/rest/v1/{$}", s.gate(root))
	m.HandleFunc("GET /{ref}/rest/v1/products", s.gate(products))
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not found") })
	s.mux = m
}

// may lets a request through that bears a token with the permission, for a
// project that is there, within its rate.
func (s *Server) may(right string, h func(http.ResponseWriter, *http.Request, string)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		token, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		ref := r.PathValue("ref")
		s.mu.Lock()
		rights, known := s.tokens[token]
		p := s.projects[ref]
		var wait time.Duration
		if known && p != nil {
			wait = p.budget.take(time.Now())
		}
		s.mu.Unlock()
		switch {
		case !known:
			refuse(w, http.StatusUnauthorized, "Unauthorized")
		case p == nil:
			refuse(w, http.StatusNotFound, "Project not found")
		case wait > 0:
			w.Header().Set("X-RateLimit-Limit", strconv.Itoa(int(s.o.Rate)))
			w.Header().Set("X-RateLimit-Remaining", "0")
			w.Header().Set("X-RateLimit-Reset", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
			refuse(w, http.StatusTooManyRequests, "ThrottlerException: Too Many Requests")
		case !slices.Contains(rights, right):
			wire.JSON(w, http.StatusForbidden, map[string]any{"message": "Your access token does not have the required permissions", "missing_permissions": []string{right}})
		default:
			h(w, r, ref)
		}
	})
}

func refuse(w http.ResponseWriter, status int, message string) {
	wire.JSON(w, status, map[string]string{"message": message})
}

// budget counts the requests of a minute.
type budget struct {
	rate  float64
	since time.Time
	used  float64
}

// take uses one request up, or says how long the minute still lasts.
func (b *budget) take(now time.Time) time.Duration {
	if now.Sub(b.since) >= time.Minute {
		b.since, b.used = now, 0
	}
	if b.used >= b.rate {
		return b.since.Add(time.Minute).Sub(now)
	}
	b.used++
	return 0
}
