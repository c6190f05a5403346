package triggerdev

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// kept bounds the runs that are remembered.
const kept = 500

// types are what the list calls the environments.
var types = map[string]string{"dev": "DEVELOPMENT", "staging": "STAGING", "prod": "PRODUCTION", "preview": "PREVIEW"}

func (s *Server) environments(w http.ResponseWriter, r *http.Request, _ bool) {
	all := []any{}
	for _, at := range s.of(r.PathValue("project")) {
		all = append(all, map[string]any{"id": "env_" + at.environment, "slug": Prefixes[at.environment], "type": types[at.environment], "paused": false})
	}
	if len(all) == 0 {
		refuse(w, http.StatusNotFound, "Project not found")
		return
	}
	wire.JSON(w, http.StatusOK, all)
}

func (s *Server) of(project string) []place {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(s.places), func(at place) bool { return at.project != project })
}

// environment tells a person the present root key, and a key itself: any
// living one, restricted or not, of this very environment.
func (s *Server) environment(w http.ResponseWriter, r *http.Request) {
	at := place{r.PathValue("project"), r.PathValue("environment")}
	if strings.HasPrefix(bearer(r), "tr_pat_") {
		s.asPerson(func(w http.ResponseWriter, _ *http.Request, _ bool) {
			k, known := s.Root(at.project, at.environment)
			if !known {
				refuse(w, http.StatusNotFound, "Project or environment not found")
				return
			}
			described(w, at, k.Value)
		})(w, r)
		return
	}
	if !s.take(w) {
		return
	}
	switch k, known := s.use(bearer(r)); {
	case !known:
		refuse(w, http.StatusUnauthorized, "Invalid API key")
	case k.Project != at.project || k.Environment != at.environment:
		refuse(w, http.StatusBadRequest, "Invalid project ref or environment for the API key")
	default:
		described(w, at, k.Value)
	}
}

func described(w http.ResponseWriter, at place, value string) {
	wire.JSON(w, http.StatusOK, map[string]string{"apiKey": value, "name": "shop", "apiUrl": "https://api.trigger.dev", "projectId": "internal_" + at.project})
}

func (s *Server) regenerate(w http.ResponseWriter, r *http.Request, writes bool) {
	at := place{r.PathValue("project"), r.PathValue("environment")}
	switch _, known := s.Root(at.project, at.environment); {
	case s.o.Old || !known:
		refuse(w, http.StatusNotFound, "Not found")
		return
	case !writes:
		refuse(w, http.StatusForbidden, "You do not have permission to write API keys")
		return
	}
	made, _ := s.Regenerate(at.project, at.environment)
	s.wrote(made)
	wire.JSON(w, http.StatusOK, map[string]string{"apiKey": made.New.Value})
}

// whoami tells the environment of a root key, and with it the present root
// key: an old one in its grace is told its successor.
func (s *Server) whoami(w http.ResponseWriter, _ *http.Request, k Key) {
	root, known := s.Root(k.Project, k.Environment)
	if !known || !k.Root {
		refuse(w, http.StatusUnauthorized, "Invalid API key")
		return
	}
	wire.JSON(w, http.StatusOK, map[string]any{"id": "env_" + k.Environment, "slug": Prefixes[k.Environment], "apiKey": root.Value})
}

// start starts a task.
func (s *Server) start(w http.ResponseWriter, r *http.Request, k Key) {
	run := Run{ID: "run_" + random(12), Task: r.PathValue("task"), Created: time.Now(), place: place{k.Project, k.Environment}}
	s.mu.Lock()
	s.runs = append(s.runs, run)
	s.runs = slices.Clone(s.runs[max(0, len(s.runs)-kept):])
	s.mu.Unlock()
	wire.JSON(w, http.StatusOK, map[string]string{"id": run.ID})
}

// listed are the runs of an environment, newest first.
func (s *Server) listed(at place) []Run {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := slices.DeleteFunc(slices.Clone(s.runs), func(r Run) bool { return r.place != at })
	slices.Reverse(own)
	return own
}

// run tells one run of the key's environment.
func (s *Server) run(w http.ResponseWriter, r *http.Request, k Key) {
	all := s.listed(place{k.Project, k.Environment})
	at := slices.IndexFunc(all, func(one Run) bool { return one.ID == r.PathValue("run") })
	if at < 0 {
		refuse(w, http.StatusNotFound, "Run not found")
		return
	}
	wire.JSON(w, http.StatusOK, all[at].row())
}

func (r Run) row() map[string]any {
	at := r.Created.UTC().Format(time.RFC3339Nano)
	return map[string]any{
		"id": r.ID, "status": "COMPLETED", "taskIdentifier": r.Task, "createdAt": at, "updatedAt": at, "isTest": false,
		"env": map[string]string{"id": "env_" + r.place.environment, "name": Prefixes[r.place.environment]},
	}
}

func (s *Server) runsOf(w http.ResponseWriter, r *http.Request, k Key) {
	page(w, r, s.listed(place{k.Project, k.Environment}))
}

// projectRuns wants one environment, by the name it is stored under: staging is
// stg here.
func (s *Server) projectRuns(w http.ResponseWriter, r *http.Request, _ bool) {
	var found []Run
	for _, at := range s.of(r.PathValue("project")) {
		if Prefixes[at.environment] == r.URL.Query().Get("filter[env]") {
			found = s.listed(at)
		}
	}
	page(w, r, found)
}

// page answers with the first runs.
func page(w http.ResponseWriter, r *http.Request, all []Run) {
	size := 25
	if text := r.URL.Query().Get("page[size]"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 10 || n > 100 {
			wire.JSON(w, http.StatusBadRequest, map[string]any{"error": "Query Error", "details": []any{map[string]any{"code": "custom", "message": "page[size] must be 10 to 100"}}})
			return
		}
		size = n
	}
	rows := []any{}
	for _, one := range all[:min(len(all), size)] {
		rows = append(rows, one.row())
	}
	wire.JSON(w, http.StatusOK, map[string]any{"data": rows, "pagination": map[string]any{}})
}
