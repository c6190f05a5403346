package triggerdev

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Options sets a server up. Zero fields take defaults.
type Options struct {
	// Grace is how long an old root key lives; 24 hours.
	Grace time.Duration
	// Rate is how many requests a minute are taken; 1500.
	Rate float64
	// Old is a server without the route that regenerates.
	Old bool
}

// Prefixes of keys, by what the API calls their environment.
var Prefixes = map[string]string{"dev": "dev", "staging": "stg", "prod": "prod", "preview": "preview"}

// Key is a key of an environment, of either kind.
type Key struct {
	ID          string // the server's own: no route tells it
	Project     string
	Environment string
	Value       string
	Name        string // of an additional key
	Root        bool
	StartsOnly  bool // may start tasks and nothing else
	Created     time.Time
	Used        time.Time // last, as the dashboard shows it
	Ends        time.Time // zero while it lives on
}

// Live reports whether the key is accepted.
func (k Key) Live() bool { return k.Ends.IsZero() || time.Now().Before(k.Ends) }

// Run is one start of a task.
type Run struct {
	ID      string
	Task    string
	Created time.Time
	place   place
}

// place is an environment of a project.
type place struct{ project, environment string }

// Server is a local Trigger.dev. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o   Options
	mux *http.ServeMux

	mu      sync.Mutex
	tokens  map[string]bool // personal access tokens, and whether they may write keys
	places  []place
	public  map[place]string
	keys    []*Key // in order of creation, ended ones included
	runs    []Run  // the last ones
	refused int    // starts of tasks that were refused
	budget  float64
	filled  time.Time
	onWrite func(Write)
}

// Write is a regeneration that took effect.
type Write struct {
	Old, New Key
}

// New returns a server without projects.
func New(o Options) *Server {
	if o.Grace <= 0 {
		o.Grace = 24 * time.Hour
	}
	if o.Rate <= 0 {
		o.Rate = 1500
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, tokens: map[string]bool{}, public: map[place]string{},
		budget: o.Rate, filled: time.Now(),
	}
	s.routes()
	return s
}

// Handler serves the API below /api.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// OnWrite sets a function called for every regeneration over the API, after its
// effect and before its answer, on the goroutine that serves it.
func (s *Server) OnWrite(fn func(Write)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = fn
}

func (s *Server) wrote(w Write) {
	s.mu.Lock()
	fn := s.onWrite
	s.mu.Unlock()
	if fn != nil {
		fn(w)
	}
}

// AddProject makes a project with these environments, each with a root key.
func (s *Server) AddProject(ref string, made time.Time, environments ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, environment := range environments {
		at := place{ref, environment}
		s.places = append(s.places, at)
		s.seatLocked(at, made)
	}
}

// seatLocked gives an environment a root key, and a public one.
func (s *Server) seatLocked(at place, made time.Time) *Key {
	s.public[at] = "pk_" + Prefixes[at.environment] + "_" + random(12)
	return s.addLocked(&Key{Project: at.project, Environment: at.environment, Root: true, Value: "tr_" + Prefixes[at.environment] + "_" + random(12), Created: made})
}

func (s *Server) addLocked(k *Key) *Key {
	k.ID = "key_" + random(8)
	s.keys = append(s.keys, k)
	return k
}

// AddToken makes a personal access token, as only people can.
func (s *Server) AddToken(writes bool) string {
	token := "tr_pat_" + random(20)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = writes
	return token
}

// Order is what a person chooses in the dashboard.
type Order struct {
	Project, Environment, Name string
	StartsOnly                 bool
	Expires                    time.Time // zero for never
}

// Create makes an additional key as a person does in the dashboard, which
// shows its value this once.
func (s *Server) Create(o Order) Key { return s.Seed(o, time.Now()) }

// Seed makes an additional key that is older than now.
func (s *Server) Seed(o Order, made time.Time) Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.addLocked(&Key{
		Project: o.Project, Environment: o.Environment, Name: o.Name, StartsOnly: o.StartsOnly, Created: made, Ends: o.Expires,
		Value: "tr_" + Prefixes[o.Environment] + "_sk_" + random(12),
	})
}

// Revoke ends an additional key at once, as a person does in the dashboard. It
// reports whether a live one had that id. Root keys cannot be revoked there.
func (s *Server) Revoke(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.keys, func(k *Key) bool { return k.ID == id && k.Live() && !k.Root })
	if at < 0 {
		return false
	}
	s.keys[at].Ends = time.Now()
	return true
}

// Revive brings a revoked key back to life, as somebody at the service might.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id && !k.Root {
			k.Ends = time.Time{}
		}
	}
}

// Regenerate makes another root key, as a person does in the dashboard. The
// old one lives on for the grace.
func (s *Server) Regenerate(project, environment string) (Write, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := place{project, environment}
	old := s.rootLocked(at)
	if old == nil {
		return Write{}, false
	}
	old.Ends = time.Now().Add(s.o.Grace)
	return Write{Old: *old, New: *s.seatLocked(at, time.Now())}, true
}

// rootLocked is the present root key of an environment.
func (s *Server) rootLocked(at place) *Key {
	for _, k := range s.keys {
		if k.Root && k.Project == at.project && k.Environment == at.environment && k.Ends.IsZero() {
			return k
		}
	}
	return nil
}

// Root is the present root key of an environment.
func (s *Server) Root(project, environment string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.rootLocked(place{project, environment}); k != nil {
		return *k, true
	}
	return Key{}, false
}

// Public is the present public key of an environment.
func (s *Server) Public(project, environment string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.public[place{project, environment}]
}

// Keys lists every key ever made, ended ones included, oldest first.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Key, len(s.keys))
	for i, k := range s.keys {
		all[i] = *k
	}
	return all
}

// Key returns the key with an id, ended or not.
func (s *Server) Key(id string) (Key, bool) {
	for _, k := range s.Keys() {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// Refused counts the tasks that were not started because the key was not
// accepted.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
