package mem0

import (
	"net/http"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

const invalid = "Invalid API key. You can find your API key on https://app.mem0.ai/dashboard/api-keys."

// maxEvents bounds what is kept of a project; the oldest half goes when it is
// full.
const maxEvents = 1000

// event is a search of a project. It does not tell by which key.
type event struct {
	ID      string         `json:"id"`
	Type    string         `json:"event_type"`
	Status  string         `json:"status"`
	Payload map[string]any `json:"payload"`
	Created time.Time      `json:"created_at"`
}

func (s *Server) platformRoutes() {
	s.mux.Handle("GET /v1/ping/{$}", s.asToken(s.ping))
	s.mux.Handle("GET /v1/stats/{$}", s.asToken(s.stats))
	s.mux.Handle("GET /v1/events/{$}", s.asToken(s.eventsOf))
	s.mux.Handle("POST /v3/memories/search/{$}", s.asToken(s.searchProject))
	for _, open := range []string{"/v1/ping", "/v1/stats", "/v1/events", "/v3/memories/search"} { // without the slash there is no such page
		s.mux.HandleFunc(open, func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not found.") })
	}
}

// asToken lets a live key through, under the platform's own word for it.
func (s *Server) asToken(h func(http.ResponseWriter, *http.Request, Key)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		value, named := strings.CutPrefix(r.Header.Get("Authorization"), "Token ")
		if !named {
			refuse(w, http.StatusUnauthorized, "Authentication credentials were not provided.")
			return
		}
		k, known := s.lookUp(value)
		if !known {
			s.turnedAway(r)
			refuse(w, http.StatusUnauthorized, invalid)
			return
		}
		h(w, r, k)
	})
}

// turnedAway counts a search that was refused.
func (s *Server) turnedAway(r *http.Request) {
	if r.Method != http.MethodPost {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused++
}

func (s *Server) ping(w http.ResponseWriter, _ *http.Request, k Key) {
	body := map[string]any{"status": "ok", "org_id": Org, "project_id": k.Project}
	if !s.o.Unclaimed {
		body["user_email"] = "ann@shop.example"
	}
	wire.JSON(w, http.StatusOK, body)
}

// memories are what a project remembers: only one that an application uses
// does.
func (s *Server) memories(project string) []any {
	if strings.HasSuffix(project, "_default") {
		return []any{}
	}
	return []any{map[string]any{"id": "3f1c0b7e-0000-4000-8000-000000000001", "memory": "Likes the sea.", "user_id": "visitor", "score": 0.9}}
}

func (s *Server) stats(w http.ResponseWriter, _ *http.Request, k Key) {
	s.mu.Lock()
	searches := len(s.events[k.Project])
	s.mu.Unlock()
	wire.JSON(w, http.StatusOK, map[string]int{
		"total_memories": len(s.memories(k.Project)), "total_retrieval_events": searches, "total_add_events": len(s.memories(k.Project)),
	})
}

// eventsOf lists the project's searches, newest first.
func (s *Server) eventsOf(w http.ResponseWriter, _ *http.Request, k Key) {
	const page = 50
	s.mu.Lock()
	all := s.events[k.Project]
	shown := []event{}
	for i := len(all) - 1; i >= 0 && len(shown) < page; i-- {
		shown = append(shown, all[i])
	}
	s.mu.Unlock()
	wire.JSON(w, http.StatusOK, map[string]any{"count": len(all), "next": nil, "previous": nil, "results": shown})
}

// searchProject is what an application asks.
func (s *Server) searchProject(w http.ResponseWriter, r *http.Request, k Key) {
	var q struct {
		Query   string
		Filters map[string]any
	}
	if err := wire.ReadJSON(r, &q); err != nil || q.Query == "" || len(q.Filters) == 0 {
		refuse(w, http.StatusBadRequest, "query and filters are required.")
		return
	}
	s.mu.Lock()
	if len(s.events[k.Project]) >= maxEvents {
		s.events[k.Project] = append([]event(nil), s.events[k.Project][maxEvents/2:]...)
	}
	s.events[k.Project] = append(s.events[k.Project], event{ID: uuid(), Type: "SEARCH", Status: "SUCCEEDED", Payload: map[string]any{"filters": q.Filters}, Created: time.Now().UTC()})
	s.mu.Unlock()
	wire.JSON(w, http.StatusOK, map[string]any{"results": s.memories(k.Project)})
}
