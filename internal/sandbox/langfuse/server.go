package langfuse

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// DefaultMemory is how long the real server remembers a look-up of a key.
const DefaultMemory = 300 * time.Second

// Options sets a server up. Zero fields take defaults.
type Options struct {
	// Memory is how long a look-up is remembered after its last use; zero is
	// [DefaultMemory].
	Memory time.Duration
	// NoAPI says that the organisation's plan does not include the API for keys.
	NoAPI bool
	// Rate is how many requests per second that API takes, with as many at
	// once as a minute allows; 0 means any number, as on a server of one's own.
	Rate float64
}

// Key is a pair as its project sees it. Secret is shown to whoever made it,
// once.
type Key struct {
	ID      string
	Public  string
	Secret  string
	Note    string
	Project string
	Created time.Time
	Expires time.Time // zero if never
	Deleted time.Time // zero while it lives
}

// Live reports whether the pair is there and has not expired.
func (k Key) Live() bool {
	return k.Deleted.IsZero() && (k.Expires.IsZero() || time.Now().Before(k.Expires))
}

// display is what the list shows of the secret.
func (k Key) display() string { return k.Secret[:6] + "..." + k.Secret[len(k.Secret)-4:] }

// memory is what the server remembers of a secret.
type memory struct {
	key   *Key // nil: there was none
	until time.Time
}

// Server is a local Langfuse. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o            Options
	mux          *http.ServeMux
	public, priv string // the organisation's pair

	mu       sync.Mutex
	projects []string
	keys     []*Key // in order of creation, deleted ones included
	memory   map[string]memory
	events   map[string]int // taken in, by public key
	refused  int            // requests with events that were refused
	tokens   float64        // of the rate
	filled   time.Time
	onWrite  func(Write)
	halfway  func(Key)
}

// Act is a kind of external write.
type Act string

// The acts.
const (
	Created Act = "create"
	Deleted Act = "delete"
)

// Write is a create or delete over the API that took effect.
type Write struct {
	Act    Act
	Public string
	Note   string
}

// New returns an organisation with projects and without keys.
func New(o Options, projects ...string) *Server {
	if o.Memory <= 0 {
		o.Memory = DefaultMemory
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, projects: projects,
		public: "pk-lf-" + uuid(), priv: "sk-lf-" + uuid(), memory: map[string]memory{}, events: map[string]int{},
		tokens: minute * o.Rate, filled: time.Now(),
	}
	s.routes()
	return s
}

// Handler serves the API below /api/public.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// AdminKey is the organisation's pair, joined by a colon.
func (s *Server) AdminKey() string { return s.public + ":" + s.priv }

// OnWrite sets a function called for every create and delete over the API,
// after its effect and before its answer, on the goroutine that serves it.
func (s *Server) OnWrite(fn func(Write)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = fn
}

// Halfway sets a function called while a deletion has forgotten a pair's
// look-up and its row is still there: what comes in then puts it back.
func (s *Server) Halfway(fn func(Key)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.halfway = fn
}

func (s *Server) wrote(w Write) {
	s.mu.Lock()
	fn := s.onWrite
	s.mu.Unlock()
	if fn != nil {
		fn(w)
	}
}

// Create makes a pair as a person does in the dashboard, which shows its
// secret this once.
func (s *Server) Create(project, note string) Key { return s.Seed(project, note, time.Now()) }

// Seed makes a pair that is older than now.
func (s *Server) Seed(project, note string, made time.Time) Key {
	k := &Key{ID: "cm" + random(11), Public: "pk-lf-" + uuid(), Secret: "sk-lf-" + uuid(), Note: note, Project: project, Created: made}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return *k
}

// End deletes a pair as a person does in the dashboard. It reports whether a
// live one had that public key.
func (s *Server) End(public string) bool {
	k, known := s.Key(public)
	if !known || !k.Deleted.IsZero() {
		return false
	}
	s.delete(k)
	return true
}

// Revive brings a deleted pair back to life, as somebody at the service might.
func (s *Server) Revive(public string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byPublicLocked(public); k != nil {
		k.Deleted = time.Time{}
		delete(s.memory, k.Secret)
	}
}

// delete forgets the look-up, and removes the row after.
func (s *Server) delete(k Key) {
	s.mu.Lock()
	delete(s.memory, k.Secret)
	halfway := s.halfway
	s.mu.Unlock()
	if halfway != nil {
		halfway(k)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.byPublicLocked(k.Public).Deleted = time.Now()
}

// Keys lists every pair ever made, deleted ones included, oldest first.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Key, len(s.keys))
	for i, k := range s.keys {
		all[i] = *k
	}
	return all
}

// Key returns the pair with a public key.
func (s *Server) Key(public string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byPublicLocked(public); k != nil {
		return *k, true
	}
	return Key{}, false
}

// Accepts reports whether the server accepts a pair at this moment: it may
// remember one that is deleted. Asking so does not renew its memory.
func (s *Server) Accepts(public string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byPublicLocked(public)
	if k == nil {
		return false
	}
	if m, known := s.memory[k.Secret]; known && time.Now().Before(m.until) {
		return m.key != nil
	}
	return k.Live()
}

// Touch looks a pair up as a request does, and renews what is remembered of it.
func (s *Server) Touch(public string) {
	if k, known := s.Key(public); known {
		s.lookUp(k.Secret)
	}
}

// Events counts what was taken in for a pair.
func (s *Server) Events(public string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.events[public]
}

// Refused counts the requests whose events were lost because the pair was not
// accepted.
func (s *Server) Refused() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

func (s *Server) byPublicLocked(public string) *Key {
	for _, k := range s.keys {
		if k.Public == public {
			return k
		}
	}
	return nil
}

// lookUp resolves a secret as the server does, and remembers the outcome.
func (s *Server) lookUp(secret string) (Key, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	m, known := s.memory[secret]
	if !known || !now.Before(m.until) {
		m.key = nil
		for _, k := range s.keys {
			if k.Secret == secret && k.Live() {
				m.key = k
			}
		}
	}
	m.until = now.Add(s.o.Memory)
	s.memory[secret] = m
	if m.key == nil {
		return Key{}, false
	}
	return *m.key, true
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

func uuid() string {
	t := random(16)
	return t[:8] + "-" + t[8:12] + "-4" + t[13:16] + "-8" + t[17:20] + "-" + t[20:]
}
