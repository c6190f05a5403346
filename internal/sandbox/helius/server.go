package helius

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Options sets a server up.
type Options struct {
	Spread time.Duration // how long edges take a deleted key
	Limit  int           // keys that a project may have; 0 for any number
}

// Key is a key as its project sees it.
type Key struct {
	ID      string // of this world only, to be shown: the service's own id is the value
	Value   string
	Name    string
	Project string
	Sites   []string // Origins that its access rules admit; nil for any
	Created time.Time
	Deleted time.Time // zero while it lives
}

// Server is a local Helius. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o     Options
	mux   *http.ServeMux
	token string

	mu       sync.Mutex
	projects []string
	keys     []*Key // in order of creation, deleted ones included
	slot     int
	onWrite  func(Key)
}

// New returns an account with projects and without keys.
func New(o Options, projects ...string) *Server {
	s := &Server{Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, token: "portal-" + random(24), projects: projects, slot: 300_000_000}
	s.mux = http.NewServeMux()
	s.mux.HandleFunc("POST /{$}", s.rpc)
	s.mux.HandleFunc("GET /v0/projects", s.signedIn(s.listProjects))
	s.mux.HandleFunc("GET /v0/projects/{project}", s.signedIn(s.inProject(s.listKeys)))
	s.mux.HandleFunc("POST /v0/projects/{project}/add-key", s.signedIn(s.inProject(s.addKey)))
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not Found") })
	return s
}

// Handler serves the RPC address at the root and the portal's API below /v0.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// Token is that of a portal session.
func (s *Server) Token() string { return s.token }

// OnWrite sets a function called for every key made over the API, after its
// effect and before its answer, on the goroutine that serves it.
func (s *Server) OnWrite(fn func(Key)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = fn
}

// Create makes a key in the dashboard, as a person does. It fails where the
// plan has no room.
func (s *Server) Create(project, name string) (Key, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fullLocked(project) {
		return Key{}, fmt.Errorf("making a key in %s: the plan has no room for another one", project)
	}
	return *s.addLocked(project, name, time.Now()), nil
}

// Seed makes a key that is older than now.
func (s *Server) Seed(project, name string, made time.Time) Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.addLocked(project, name, made)
}

func (s *Server) fullLocked(project string) bool {
	n := 0
	for _, k := range s.keys {
		if k.Project == project && k.Deleted.IsZero() {
			n++
		}
	}
	return s.o.Limit > 0 && n >= s.o.Limit
}

func (s *Server) addLocked(project, name string, made time.Time) *Key {
	k := &Key{ID: fmt.Sprintf("helius-key-%d", len(s.keys)+1), Value: uuid(), Name: name, Project: project, Created: made}
	if name == "" {
		k.Name = fmt.Sprintf("Key %d", len(s.keys)+1)
	}
	s.keys = append(s.keys, k)
	return k
}

// Admit gives a key access rules.
func (s *Server) Admit(id string, sites ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id {
			k.Sites = sites
		}
	}
}

// End deletes a key in the dashboard. It reports whether a living one had that
// id.
func (s *Server) End(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id && k.Deleted.IsZero() {
			k.Deleted = time.Now()
			return true
		}
	}
	return false
}

// Revive brings a deleted key back to life, as somebody at the service might.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id {
			k.Deleted = time.Time{}
		}
	}
}

// Keys lists every key ever made, oldest first.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Key, len(s.keys))
	for i, k := range s.keys {
		all[i] = *k
	}
	return all
}

// Key returns the key with an id.
func (s *Server) Key(id string) (Key, bool) {
	all := s.Keys()
	at := slices.IndexFunc(all, func(k Key) bool { return k.ID == id })
	if at < 0 {
		return Key{}, false
	}
	return all[at], true
}

// Accepts reports whether an edge takes a key, from any site.
func (s *Server) Accepts(id string) bool {
	k, known := s.Key(id)
	return known && s.takes(k)
}

func (s *Server) takes(k Key) bool { return k.Deleted.IsZero() || time.Since(k.Deleted) < s.o.Spread }

// owner is the user in whose name a project's keys are made.
func owner(project string) string { return "user-of-" + project }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

func uuid() string {
	t := random(16)
	return t[:8] + "-" + t[8:12] + "-4" + t[13:16] + "-8" + t[17:20] + "-" + t[20:]
}
