package infisical

import (
	"net/http"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Options sets what a server's administrator would set. Zero fields take the
// product's defaults.
type Options struct {
	TokenTTL time.Duration // life of an access token; 30 days
	LockFor  time.Duration // after three wrong client secrets; 300 s
	Licensed bool          // an audit log is kept, for those with the right to it
}

// Write is an external write that took effect or was held.
type Write struct {
	Place
	Names   []string
	Version int    // of the first name, after the write; 0 when held
	By      string // name of the identity
	Held    bool   // a change policy kept it back: nothing was written
	Gone    bool   // it was a deletion
}

// Server is a local Infisical. Use New.
type Server struct {
	// Requests is every request received. Login secrets and tokens are left in:
	// this is the server that must see them.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o   Options
	mux *http.ServeMux

	mu         sync.Mutex
	projects   map[string]*project // by id
	folders    map[Place]*folder
	identities map[string]*identity // by client id
	tokens     map[string]*token
	issued     []string // every secret value and token ever handed out or stored
	pending    map[string]*Approval
	events     []event
	syncs      []Sync
	onWrite    func(Write)
}

// New returns a server without projects and identities.
func New(o Options) *Server {
	if o.TokenTTL == 0 {
		o.TokenTTL = 30 * 24 * time.Hour
	}
	if o.LockFor == 0 {
		o.LockFor = 300 * time.Second
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o,
		projects: map[string]*project{}, folders: map[Place]*folder{},
		identities: map[string]*identity{}, tokens: map[string]*token{},
		pending: map[string]*Approval{},
	}
	s.routes()
	return s
}

// Handler serves the API.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// OnWrite sets a function called for every write made over the API, after its
// effect and before its answer, on the goroutine that serves the request. A
// client killed meanwhile has written without knowing it.
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

// Issued returns every secret the server ever handed out or stored: client
// secrets, access tokens, and the values of all versions of all entries.
func (s *Server) Issued() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.issued...)
}
