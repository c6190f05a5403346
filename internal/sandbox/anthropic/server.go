package anthropic

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// DefaultPage is the greatest page of keys, whatever limit asks.
const DefaultPage = 1000

// Status is the state of a key.
type Status string

// The states. Expired comes by itself.
const (
	Active   Status = "active"
	Inactive Status = "inactive"
	Archived Status = "archived"
	Expired  Status = "expired"
)

// Options sets a server up. Zero fields take defaults.
type Options struct {
	MaxPage int // caps limit in lists of keys; DefaultPage
	// AdminRate is how many requests per second the Admin API takes, with as
	// many at once as three seconds allow; 0 means any number.
	AdminRate float64
}

// Order is what a person chooses in the Console.
type Order struct {
	Name      string
	Workspace string // id; empty makes a key without one
	Account   string // id of the service account it acts as
	User      string // or of the person; neither makes a key of nobody
	Expires   time.Time
}

// Key is a key as the organisation sees it. Value is shown to whoever made it,
// once.
type Key struct {
	Order
	ID      string
	Value   string
	Status  Status // as set; see State
	Created time.Time
	Ended   time.Time // since when it is archived
}

// State is the key's status at a moment.
func (k Key) State(now time.Time) Status {
	if k.Status != Archived && !k.Expires.IsZero() && !now.Before(k.Expires) {
		return Expired
	}
	return k.Status
}

// Live reports whether the key is accepted.
func (k Key) Live() bool { return k.State(time.Now()) == Active }

// hint is the part of the value that the Admin API shows.
func (k Key) hint() string { return k.Value[:len(keyPrefix)+3] + "..." + k.Value[len(k.Value)-4:] }

const keyPrefix = "sk-ant-api03-"

// Server is a local Anthropic. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o     Options
	mux   *http.ServeMux
	admin string

	mu      sync.Mutex
	keys    []*Key // in order of creation
	uses    []use
	served  map[string]int // messages by key id
	refused map[string]int // requests of any kind by key id, because it is not active
	tokens  float64        // of the Admin API's rate
	filled  time.Time
	onWrite func(Write)
}

// Write is a change of a key's state over the API.
type Write struct {
	KeyID  string
	Name   string
	Status Status
}

// New returns an organisation without keys, but with an Admin API key.
func New(o Options) *Server {
	if o.MaxPage <= 0 {
		o.MaxPage = DefaultPage
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, admin: "sk-ant-admin01-" + body() + "-AA",
		served: map[string]int{}, refused: map[string]int{}, tokens: burst * o.AdminRate, filled: time.Now(),
	}
	s.routes()
	return s
}

// Handler serves the API below /v1.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// AdminKey is the organisation's Admin API key, made by a person.
func (s *Server) AdminKey() string { return s.admin }

// OnWrite sets a function called for every change over the API, after its
// effect and before its answer, on the goroutine that serves it.
func (s *Server) OnWrite(fn func(Write)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = fn
}

// Create makes a key as a person does in the Console, which shows its value
// this once.
func (s *Server) Create(o Order) Key { return s.Seed(o, time.Now()) }

// Seed makes a key that is older than now.
func (s *Server) Seed(o Order, made time.Time) Key {
	k := &Key{Order: o, ID: "apikey_01" + random(11), Value: keyPrefix + body() + "AA", Status: Active, Created: made}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return *k
}

// Set changes a key's state as a person does in the Console. It reports
// whether there was one that could be changed.
func (s *Server) Set(id string, status Status) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byIDLocked(id)
	if k == nil || k.State(time.Now()) == Archived || k.State(time.Now()) == Expired {
		return false
	}
	s.setLocked(k, status)
	return true
}

// Revive brings an archived key back to life, as somebody at the service might;
// in the Console there is no way back.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if k := s.byIDLocked(id); k != nil {
		k.Status, k.Ended = Active, time.Time{}
	}
}

func (s *Server) setLocked(k *Key, status Status) {
	k.Status = status
	if status == Archived {
		k.Ended = time.Now()
	}
}

// Keys lists every key ever made, archived ones included, oldest first.
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

// Calls counts the messages answered for a key, and every request refused
// because it was not active.
func (s *Server) Calls(id string) (served, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.served[id], s.refused[id]
}

func (s *Server) byIDLocked(id string) *Key {
	for _, k := range s.keys {
		if k.ID == id {
			return k
		}
	}
	return nil
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

// body is the secret part of a key: 88 characters of the URL's base64.
func body() string {
	b := make([]byte, 66)
	_, _ = rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}
