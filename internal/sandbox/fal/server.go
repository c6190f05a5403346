package fal

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// DefaultPage is the greatest page the list of keys gives, whatever limit asks.
const DefaultPage = 25

// Scope is what a key may do.
type Scope string

// The scopes.
const (
	API   Scope = "API"
	Admin Scope = "ADMIN"
)

// Options sets a server up. Zero fields take defaults.
type Options struct {
	MaxPage int // caps limit on GET /v1/keys; DefaultPage
}

// Key is a key as the account sees it. Value is never shown again by the API.
type Key struct {
	ID      string
	Value   string // "id:secret"
	Alias   string
	Scope   Scope
	Account string
	Created time.Time
	Deleted time.Time // zero while it lives
}

// Live reports whether the key works.
func (k Key) Live() bool { return k.Deleted.IsZero() }

// Server is a local fal.ai. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o   Options
	mux *http.ServeMux

	mu      sync.Mutex
	keys    []*Key // in order of creation, deleted ones included
	events  []event
	served  map[string]int // model requests by key id
	refused map[string]int // requests of any kind by key id, live or not
	onWrite func(Write)
}

// Act is a kind of external write.
type Act string

// The acts.
const (
	Created Act = "create"
	Deleted Act = "delete"
)

// Write is a create or delete that took effect.
type Write struct {
	Act   Act
	KeyID string
	Alias string // of the key, empty when the id was unknown
	Known bool   // false for a delete of an id that was not there
}

// New returns a server without keys.
func New(o Options) *Server {
	if o.MaxPage <= 0 {
		o.MaxPage = DefaultPage
	}
	s := &Server{Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, served: map[string]int{}, refused: map[string]int{}}
	s.routes()
	return s
}

// Handler serves the platform API below /v1 and the model at its own path.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// OnWrite sets a function called for every create and delete over the API,
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

// AddKey makes an API key as a person would in the console.
func (s *Server) AddKey(account, alias string) Key { return s.add(account, alias, API, time.Now()) }

// AddAdmin makes an ADMIN key, which only people can.
func (s *Server) AddAdmin(account, alias string) Key { return s.add(account, alias, Admin, time.Now()) }

// Seed makes an API key that is older than now.
func (s *Server) Seed(account, alias string, made time.Time) Key {
	return s.add(account, alias, API, made)
}

func (s *Server) add(account, alias string, scope Scope, made time.Time) Key {
	id := random(4) + "-" + random(2) + "-" + random(2) + "-" + random(2) + "-" + random(6)
	k := &Key{ID: id, Value: id + ":" + random(16), Alias: alias, Scope: scope, Account: account, Created: made}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return *k
}

// End deletes a key as a person would in the console, ADMIN keys too. It
// reports whether a live key had that id.
func (s *Server) End(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.byIDLocked(id)
	if k == nil || !k.Live() {
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

// Issued returns every key value ever made, ADMIN keys included.
func (s *Server) Issued() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, k := range s.keys {
		all = append(all, k.Value)
	}
	return all
}

// Calls counts the model requests served for a key, and every request that was
// refused although it named the key: the key was deleted, or its secret wrong.
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

// caller finds the live key behind an Authorization header: the word Key, not
// Bearer, and the whole value, not one half of it.
func (s *Server) caller(r *http.Request) (Key, bool) {
	value, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Key ")
	if !ok {
		return Key{}, false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id, _, _ := strings.Cut(value, ":")
	k := s.byIDLocked(id)
	if k == nil || !k.Live() || k.Value != value {
		if k != nil {
			s.refused[id]++
		}
		return Key{}, false
	}
	return *k, true
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
