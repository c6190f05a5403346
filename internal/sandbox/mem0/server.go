package mem0

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Org is the organisation of all projects.
const Org = "org_sandbox"

// Options sets a server up. Zero fields take defaults.
type Options struct {
	// Own makes it a server of one's own; else it is the platform.
	Own bool
	// Spread is how long the platform accepts a key after its deletion.
	Spread time.Duration
	// Unclaimed says that no person owns the platform's account.
	Unclaimed bool
	// Open switches authentication off at a server of one's own.
	Open bool
	// Logins is how many a minute a server of one's own allows; 10 if zero.
	Logins int
	// Access is how long a token is taken; half an hour if zero.
	Access time.Duration
}

// Key is a key as its owner sees it. Value is shown to whoever made it, once.
type Key struct {
	ID      string
	Name    string
	Value   string
	Project string // of the platform
	Created time.Time
	Deleted time.Time // zero while it lives
	Used    time.Time // at a server of one's own
}

// Server is the platform or a server of one's own. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o        Options
	mux      *http.ServeMux
	user     string // who signs in
	password string

	mu      sync.Mutex
	keys    []*Key               // in order of creation, deleted ones included
	events  map[string][]event   // by project
	tokens  map[string]time.Time // of those signed in, and until when
	issued  []string             // all tokens ever
	logins  []time.Time          // of the last minute
	refused int                  // searches that were refused
	onWrite func(Write)
}

// Act is a kind of external write.
type Act string

// The acts.
const (
	Created Act = "create"
	Revoked Act = "revoke"
)

// Write is a create or revoke over the API that took effect.
type Write struct {
	Act   Act
	KeyID string
	Label string
}

// New returns a server without keys.
func New(o Options) *Server {
	if o.Logins <= 0 {
		o.Logins = 10
	}
	if o.Access <= 0 {
		o.Access = 30 * time.Minute
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, user: "rotation-bot@shop.example", password: random(12),
		events: map[string][]event{}, tokens: map[string]time.Time{}, mux: http.NewServeMux(),
	}
	if o.Own {
		s.ownRoutes()
	} else {
		s.platformRoutes()
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { refuse(w, http.StatusNotFound, "Not Found") })
	return s
}

// Handler serves the API.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// Login is e-mail address and password of the user of a server of one's own,
// joined by a colon.
func (s *Server) Login() string { return s.user + ":" + s.password }

// Secrets lists what else of the server is secret: the password and the tokens
// that it was traded for.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{s.password}, s.issued...)
}

// OnWrite sets a function called for every create and revoke over the API,
// after its effect and before its answer, on the goroutine that serves it.
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

// Create makes a key as a person does in the dashboard, which shows its value
// this once.
func (s *Server) Create(project, name string) Key { return s.Seed(project, name, time.Now()) }

// Seed makes a key that is older than now.
func (s *Server) Seed(project, name string, made time.Time) Key {
	k := &Key{ID: uuid(), Name: name, Value: "m0-" + secret(), Project: project, Created: made}
	if s.o.Own {
		k.Value = "m0sk_" + secret()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return *k
}

// End deletes a key as a person does in the dashboard. It reports whether a
// live one had that id.
func (s *Server) End(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byIDLocked(id)
	if k == nil || !k.Deleted.IsZero() {
		return false
	}
	k.Deleted = time.Now()
	return true
}

// Revive brings a deleted key back to life, as somebody at the service might.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byIDLocked(id); k != nil {
		k.Deleted = time.Time{}
	}
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

// Key returns the key with an id.
func (s *Server) Key(id string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byIDLocked(id); k != nil {
		return *k, true
	}
	return Key{}, false
}

// Accepts reports whether a key is accepted at this moment.
func (s *Server) Accepts(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byIDLocked(id)
	return k != nil && s.acceptedLocked(k)
}

// Refused counts the searches that were refused.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *Server) acceptedLocked(k *Key) bool {
	return k.Deleted.IsZero() || !s.o.Own && time.Since(k.Deleted) < s.o.Spread
}

func (s *Server) byIDLocked(id string) *Key {
	at := slices.IndexFunc(s.keys, func(k *Key) bool { return k.ID == id })
	if at < 0 {
		return nil
	}
	return s.keys[at]
}

// lookUp resolves a value, and notes its use.
func (s *Server) lookUp(value string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.Value == value && s.acceptedLocked(k) {
			k.Used = time.Now()
			return *k, true
		}
	}
	return Key{}, false
}

func refuse(w http.ResponseWriter, status int, detail string) {
	wire.JSON(w, status, map[string]string{"detail": detail})
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

// secret is what makes a key one: 43 characters of the URL's base64.
func secret() string {
	b := make([]byte, 32)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

func uuid() string {
	t := random(16)
	return t[:8] + "-" + t[8:12] + "-4" + t[13:16] + "-8" + t[17:20] + "-" + t[20:]
}
