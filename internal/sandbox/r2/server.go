package r2

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Account is the id of the only account.
const Account = "5a6e8d1c2b3f49708192a3b4c5d6e7f8"

// The permission groups, by the ids under which policies name them.
const (
	ItemRead     = "6a018a9f2fc74eb6b293b0c548f38b39"
	ItemWrite    = "2efd5506f9c8494dacb1fa10a3e7d5b6"
	TokensWrite  = "5bc3f8b21c554832afc660159ab75fa4"
	StorageRead  = "b4992e1108244f5d8bfbd5744320c2e1"
	SettingsRead = "c1fde68c7bcc44588cbb6ddbc16d6480"
)

// groups are their names.
var groups = map[string]string{
	ItemRead: "Workers R2 Storage Bucket Item Read", ItemWrite: "Workers R2 Storage Bucket Item Write",
	TokensWrite: "Account API Tokens Write", StorageRead: "Workers R2 Storage Read", SettingsRead: "Account Settings Read",
}

// Limits of the real service.
const (
	mostTokens = 500
	mostCalls  = 1200 // in a window
)

// Options sets a server up. Zero fields take defaults.
type Options struct {
	MaxPage int           // caps per_page in lists of tokens; 50
	Spread  time.Duration // how late the endpoint learns of a change; 0 is at once
	Window  time.Duration // of the API's rate limit; 5 minutes
}

// Token is a token as the account knows it.
type Token struct {
	ID, Name, Value string
	Status          Status // as set; see State
	Issued          time.Time
	Expires         time.Time // zero for never
	Policies        []Policy
	Condition       any
	Personal        bool // a person's, not the account's
	Gone            bool // deleted
	changed         time.Time
	before          Status // for the endpoint, until the change has spread
}

// Status is the state of a token.
type Status string

// The states. Expired comes by itself.
const (
	Active   Status = "active"
	Disabled Status = "disabled"
	Expired  Status = "expired"
)

// Policy is one line of what a token may do.
type Policy struct {
	ID        string            `json:"id,omitempty"`
	Effect    string            `json:"effect"`
	Groups    []Group           `json:"permission_groups"`
	Resources map[string]string `json:"resources"`
}

// Group names a permission group.
type Group struct {
	ID   string `json:"id"`
	Name string `json:"name,omitempty"`
}

// State is the token's status at a moment.
func (t Token) State(now time.Time) Status {
	switch {
	case t.Gone:
		return Disabled
	case !t.Expires.IsZero() && !now.Before(t.Expires):
		return Expired
	}
	return t.Status
}

// Live reports whether the token is accepted, or will be.
func (t Token) Live() bool { return t.State(time.Now()) == Active }

// Secret is the secret half of the access key.
func (t Token) Secret() string { return secretOf(t.Value) }

func secretOf(value string) string {
	sum := sha256.Sum256([]byte(value))
	return hex.EncodeToString(sum[:])
}

// Server is a local Cloudflare. Use New.
type Server struct {
	// Requests is every request received, tokens included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o   Options
	mux *http.ServeMux

	mu      sync.Mutex
	tokens  []*Token // in order of creation, deleted ones included
	buckets []string
	items   map[string][]byte
	log     []logged
	refused map[string]int // requests to the endpoint by token, because it is not active
	rolls   int
	calls   int
	began   time.Time // of the window
	onWrite func(Write)
}

// Act is what a write did.
type Act string

// The acts.
const (
	Created  Act = "created"
	Switched Act = "switched" // off or on: see Status
	Deleted  Act = "deleted"
)

// Write is a change over the API.
type Write struct {
	Act     Act
	TokenID string
	Name    string
	Status  Status
}

// New returns an account with some buckets and no token.
func New(o Options, buckets ...string) *Server {
	if o.MaxPage <= 0 {
		o.MaxPage = 50
	}
	if o.Window <= 0 {
		o.Window = 5 * time.Minute
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, buckets: buckets,
		items: map[string][]byte{}, refused: map[string]int{}, began: time.Now(),
	}
	s.routes()
	return s
}

// Handler serves the API below /client/v4 and the endpoint everywhere else.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// OnWrite sets a function called for every change over the API, after its
// effect and before its answer, on the goroutine that serves it.
func (s *Server) OnWrite(fn func(Write)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = fn
}

// Seed makes a token as a person did in the dashboard.
func (s *Server) Seed(t Token, made time.Time) Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.Issued = made
	return *s.addLocked(t)
}

func (s *Server) addLocked(t Token) *Token {
	prefix := "cfat_"
	if t.Personal {
		prefix = "cfut_"
	}
	t.ID, t.Value, t.Status, t.before, t.changed = random(16), prefix+random(20)+random(4), Active, Disabled, t.Issued
	s.tokens = append(s.tokens, &t)
	return &t
}

// Set switches a token off or on, End deletes it, as people do in the dashboard.
func (s *Server) Set(id string, status Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.byIDLocked(id); t != nil {
		t.become(status, false)
	}
}

// End deletes a token.
func (s *Server) End(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.byIDLocked(id); t != nil {
		t.become(t.Status, true)
	}
}

// Revive brings a deleted token back to life, as somebody at the service might.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, t := range s.tokens { // the deleted ones, too
		if t.ID == id {
			t.become(Active, false)
		}
	}
}

// become changes a token now, and for the endpoint a little later.
func (t *Token) become(status Status, gone bool) {
	t.before, t.changed = t.State(time.Now()), time.Now()
	t.Status, t.Gone = status, gone
}

// Tokens lists every token ever made, deleted ones included, oldest first.
func (s *Server) Tokens() []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Token, len(s.tokens))
	for i, t := range s.tokens {
		all[i] = *t
	}
	return all
}

// Refused counts requests to the endpoint refused because the token was not
// active. Rolls counts how often a token was rolled.
func (s *Server) Refused(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused[id]
}

// Rolls counts the tokens that were rolled.
func (s *Server) Rolls() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rolls
}

// byIDLocked finds a token that was not deleted.
func (s *Server) byIDLocked(id string) *Token {
	at := slices.IndexFunc(s.tokens, func(t *Token) bool { return t.ID == id && !t.Gone })
	if at < 0 {
		return nil
	}
	return s.tokens[at]
}

// Grant is a policy that lets a token read and write objects of buckets.
func Grant(buckets ...string) []Policy {
	p := Policy{Effect: "allow", Groups: []Group{{ID: ItemRead}, {ID: ItemWrite}}, Resources: map[string]string{}}
	for _, name := range buckets {
		p.Resources[Resource(name)] = "*"
	}
	return []Policy{p}
}

// Administers are the policies of a token that manages the account's others.
func Administers() []Policy {
	return []Policy{{
		Effect: "allow", Groups: []Group{{ID: TokensWrite}, {ID: StorageRead}, {ID: SettingsRead}},
		Resources: map[string]string{"com.cloudflare.api.account." + Account: "*"},
	}}
}

// Resource names a bucket in a policy.
func Resource(bucket string) string {
	return "com.cloudflare.edge.r2.bucket." + Account + "_default_" + bucket
}

// may reports whether a policy allows a group on a resource.
func (t Token) may(group string, resources ...string) bool {
	return slices.ContainsFunc(t.Policies, func(p Policy) bool {
		named := slices.ContainsFunc(resources, func(r string) bool { return p.Resources[r] != "" })
		return p.Effect == "allow" && named && slices.ContainsFunc(p.Groups, func(g Group) bool { return g.ID == group })
	})
}

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}
