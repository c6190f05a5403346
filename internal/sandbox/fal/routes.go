package fal

import (
	"net/http"

	"rekey/internal/sandbox/wire"
)

func (s *Server) routes() {
	m := http.NewServeMux()
	m.Handle("POST /v1/keys", s.admin(s.create))
	m.Handle("GET /v1/keys", s.admin(s.list))
	m.Handle("DELETE /v1/keys/{id}", s.admin(s.delete))
	m.Handle("GET /v1/models/usage", s.admin(s.usage))
	m.Handle("GET /v1/models/billing-events", s.admin(s.billing))
	m.HandleFunc("GET /v1/models/pricing", s.pricing)
	m.HandleFunc("GET /v1/models", models)
	m.HandleFunc("POST /fal-ai/flux/dev", s.infer)
	m.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusNotFound, "not_found", "The requested resource was not found")
	})
	s.mux = m
}

// admin lets a request through that bears a live ADMIN key: 401 without a live
// key, 403 for an API key.
func (s *Server) admin(h func(http.ResponseWriter, *http.Request, Key)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		k, ok := s.caller(r)
		switch {
		case !ok:
			refuse(w, http.StatusUnauthorized, "authorization_error", "Authentication is required to access this endpoint")
		case k.Scope != Admin:
			refuse(w, http.StatusForbidden, "authorization_error", "This endpoint requires an API key with ADMIN scope")
		default:
			h(w, r, k)
		}
	})
}

func refuse(w http.ResponseWriter, status int, kind, message string) {
	wire.JSON(w, status, map[string]any{"error": map[string]string{
		"type": kind, "message": message, "docs_url": "https://docs.fal.ai/platform-apis/errors",
		"request_id": random(8),
	}})
}
