package supabase

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
	// Spread is how much later the gateways learn of a key than the Management
	// API does.
	Spread time.Duration
	// Rate is how many requests a minute the Management API takes for each
	// project; 120.
	Rate float64
	// Throttle is how long after a change of a project's signing keys the next
	// one is refused.
	Throttle time.Duration
	// TokenLife is how long access tokens live, in whole seconds; an hour.
	TokenLife time.Duration
	// Column is what the logs call the source of a line; "source".
	Column string
}

// The permissions of access tokens that matter here.
const (
	ReadKeys  = "api_gateway_keys_read"
	WriteKeys = "api_gateway_keys_write"
	ReadLogs  = "analytics_logs_read"

	ReadSigners  = "auth_signing_keys_read"
	WriteSigners = "auth_signing_keys_write"
	ReadAuth     = "auth_config_read"
)

// The types of keys.
const (
	Secret      = "secret"
	Publishable = "publishable"
)

// Key is a key of a project that can be made and deleted.
type Key struct {
	ID      string
	Value   string
	Name    string
	Type    string
	Project string
	Created time.Time
	Deleted time.Time // zero while it lives
}

// Live reports whether the Management API has it.
func (k Key) Live() bool { return k.Deleted.IsZero() }

// Prefix is what the list and the logs show of a key.
func (k Key) Prefix() string { return k.Value[:len("sb_"+k.Type+"_")+5] }

// project is what an account has under one reference.
type project struct {
	signing string // of its legacy keys
	legacy  bool   // they are switched on
	lines   []line // of the edge logs
	budget  budget

	signers []*Signer // none until it was moved to signing keys
	changed time.Time // last change of them over the API
}

// Server is a local Supabase. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o   Options
	mux *http.ServeMux

	mu       sync.Mutex
	tokens   map[string][]string // permissions by token
	projects map[string]*project
	keys     []*Key // in order of creation, deleted ones included
	onWrite  func(Write)
}

// Act is a kind of external write.
type Act string

// The acts.
const (
	Created Act = "create"
	Deleted Act = "delete"
	Legacy  Act = "switch legacy keys"

	Migrated    Act = "move to signing keys"
	ImportedKey Act = "import a signing key"
	Activated   Act = "activate a signing key"
	RevokedKey  Act = "revoke a signing key"
	StandBy     Act = "set a signing key to standby"
	Retired     Act = "set a signing key to previously used"
	Destroyed   Act = "destroy a signing key"
)

// Write is a write that took effect.
type Write struct {
	Act   Act
	KeyID string // or the project's reference
	Name  string
}

// New returns a server without projects.
func New(o Options) *Server {
	if o.Rate <= 0 {
		o.Rate = 120
	}
	if o.TokenLife <= 0 {
		o.TokenLife = time.Hour
	}
	if o.Column == "" {
		o.Column = "source"
	}
	s := &Server{Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, tokens: map[string][]string{}, projects: map[string]*project{}}
	s.routes()
	return s
}

// Handler serves the Management API below /v1 and each project below its
// reference.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// OnWrite sets a function called for every write over the API, after its
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

// AddProject makes a project with its legacy keys switched on.
func (s *Server) AddProject(ref string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.projects[ref] = &project{signing: random(32), legacy: true, budget: budget{rate: s.o.Rate}}
}

// AddToken makes an access token with permissions, as only people can.
func (s *Server) AddToken(rights ...string) string {
	token := "sbp_" + random(20)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[token] = rights
	return token
}

// Seed makes a key as a person would in the dashboard, at a time of one's
// choice.
func (s *Server) Seed(ref, kind, name string, made time.Time) Key {
	k := &Key{
		ID:    uuid(),
		Value: "sb_" + kind + "_" + random(16), Name: name, Type: kind, Project: ref, Created: made,
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return *k
}

// End deletes a key as a person would in the dashboard. It reports whether a
// live key had that id.
func (s *Server) End(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.liveLocked(id)
	if at < 0 {
		return false
	}
	s.keys[at].Deleted = time.Now()
	return true
}

// Revive brings a deleted key back to life, as somebody at the service might.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.keys {
		if s.keys[i].ID == id {
			s.keys[i].Deleted = time.Time{}
		}
	}
}

// Rename gives a key another name, as a person would in the dashboard.
func (s *Server) Rename(id, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := s.liveLocked(id)
	if at < 0 {
		return false
	}
	s.keys[at].Name = name
	return true
}

func (s *Server) liveLocked(id string) int {
	return slices.IndexFunc(s.keys, func(k *Key) bool { return k.ID == id && k.Live() })
}

// Keys lists every key ever made, deleted ones included, oldest first.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Key, len(s.keys))
	for i, k := range s.keys {
		all[i] = *k
	}
	return all
}

// Key returns the key with an id, deleted or not.
func (s *Server) Key(id string) (Key, bool) {
	for _, k := range s.Keys() {
		if k.ID == id {
			return k, true
		}
	}
	return Key{}, false
}

// LegacyOn reports whether a project's legacy keys are switched on.
func (s *Server) LegacyOn(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[ref]
	return p != nil && p.legacy
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
