package loki

import (
	"net/http"

	"rekey/internal/sandbox/wire"
)

// Server serves a store's query API. Use NewServer.
type Server struct {
	*Store
	// Requests is every request received.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	mux *http.ServeMux
}

// NewServer returns a server over a store, an empty one if it is nil.
func NewServer(s *Store) *Server {
	if s == nil {
		s = &Store{}
	}
	v := &Server{Store: s, Requests: &wire.Recorder{}, Faults: &wire.Faults{}, mux: http.NewServeMux()}
	for _, method := range []string{"GET ", "POST "} {
		v.mux.HandleFunc(method+"/loki/api/v1/query_range", v.queryRange)
		v.mux.HandleFunc(method+"/loki/api/v1/query", v.queryNow)
	}
	v.mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ready\n")) })
	return v
}

// Handler serves the API.
func (v *Server) Handler() http.Handler {
	return wire.Tap{Recorder: v.Requests, Faults: v.Faults}.Wrap(v.mux)
}
