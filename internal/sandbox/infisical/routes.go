package infisical

import (
	"fmt"
	"net/http"
	"time"

	"rekey/internal/sandbox/wire"
)

func (s *Server) routes() {
	m := http.NewServeMux()
	m.HandleFunc("POST /api/v1/auth/universal-auth/login", s.login)
	m.HandleFunc("POST /api/v1/auth/token/renew", s.renew)
	m.HandleFunc("POST /api/v1/auth/token/revoke", s.revoke)
	m.HandleFunc("GET /api/status", status)

	for _, d := range []dialect{{base: "/api/v3/secrets/raw"}, {base: "/api/v4/secrets", four: true}} {
		m.Handle("GET "+d.base, s.secured(d, s.list))
		m.Handle("GET "+d.base+"/{name}", s.secured(d, s.retrieve))
		m.Handle("POST "+d.base+"/{name}", s.secured(d, s.create))
		m.Handle("PATCH "+d.base+"/{name}", s.secured(d, s.update))
		m.Handle("DELETE "+d.base+"/{name}", s.secured(d, s.remove))
	}
	four := dialect{base: "/api/v4/secrets", four: true}
	m.Handle("PATCH /api/v4/secrets/batch", s.secured(four, s.updateMany))

	m.Handle("GET /api/v1/projects/slug/{slug}", s.known(s.projectBySlug))
	m.Handle("GET /api/v1/organization/audit-logs", s.known(s.auditLogs))
	m.Handle("GET /api/v1/secret-syncs", s.known(s.listSyncs))
	m.Handle("GET /api/v1/secret-syncs/{destination}", s.known(s.listSyncs))
	m.Handle("GET /api/v1/secret-syncs/{destination}/{id}", s.known(s.oneSync))
	m.Handle("POST /api/v1/secret-syncs/{destination}/{id}/sync-secrets", s.known(s.runSync))

	for _, closed := range []string{
		"GET /api/v1/secret/{id}/secret-versions",
		"DELETE /api/v2/secret-versions/{id}/redact-value",
		"GET /api/v2/secret-approvals",
		"GET /api/v1/secret-approval-requests",
		"GET /api/v1/secret-approval-requests/{id}",
	} {
		m.Handle(closed, s.known(func(_ *identity, r *http.Request) (any, *refusal) {
			return nil, peopleOnly(r.URL.RequestURI())
		}))
	}
	m.HandleFunc("/", noRoute)
	s.mux = m
}

// known lets a request through that bears a live token.
func (s *Server) known(h func(*identity, *http.Request) (any, *refusal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, no := s.bearer(r.Header.Get("Authorization"))
		var answer any
		if no == nil {
			answer, no = h(who, r)
		}
		if no != nil {
			no.send(w)
			return
		}
		wire.JSON(w, http.StatusOK, answer)
	})
}

// status says Ok whatever happens: it is no health check.
func status(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]any{
		"date": stamp(time.Now()), "message": "Ok", "emailConfigured": false, "inviteOnlySignup": true,
		"redisConfigured": true, "secretScanningConfigured": false,
	})
}

func noRoute(w http.ResponseWriter, r *http.Request) {
	wire.JSON(w, http.StatusNotFound, map[string]any{
		"message": fmt.Sprintf("Route %s:%s not found", r.Method, r.URL.Path), "error": "Not Found", "statusCode": 404,
	})
}

// projectBySlug answers with the bare project object.
func (s *Server) projectBySlug(who *identity, r *http.Request) (any, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		if p.slug != r.PathValue("slug") {
			continue
		}
		if !who.member(p.id) {
			return nil, notMember(p.id)
		}
		return p.json(), nil
	}
	return nil, notFound("NotFound", "Project with slug '%s' not found", r.PathValue("slug"))
}

func (p *project) json() map[string]any {
	environments := []map[string]string{}
	for _, e := range p.environments {
		environments = append(environments, map[string]string{"id": p.id + "-" + e, "slug": e, "name": e})
	}
	return map[string]any{"id": p.id, "_id": p.id, "name": p.name, "slug": p.slug, "environments": environments}
}

// stamp is a time as the server writes it: UTC, milliseconds.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
