package ayrshare

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Options sets a server up. Zero fields take defaults.
type Options struct {
	// Window is the time in which Limit requests of one key are answered; 5
	// minutes and 300.
	Window time.Duration
	Limit  int
	// Day is the time in which Strikes answers of 429 suspend an account; 24
	// hours and 1000.
	Day     time.Duration
	Strikes int
}

// Key is an API key of an account, living or replaced.
type Key struct {
	ID      string // the server's own: no route tells it
	Account string
	Value   string
	Created time.Time
	Live    bool
}

// account is a customer's.
type account struct {
	ref       string
	created   time.Time
	profile   string // a key of one of its users' profiles
	suspended bool
	strikes   []time.Time
}

// Server is a local Ayrshare. Use New.
type Server struct {
	// Requests is every request received, keys included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route.
	Faults *wire.Faults

	o   Options
	mux *http.ServeMux

	mu        sync.Mutex
	accounts  map[string]*account
	keys      []*Key // in order of creation, replaced ones included
	asked     map[string][]time.Time
	scheduled int
	posted    int
	refused   int // posts that were refused
}

// New returns a server without accounts.
func New(o Options) *Server {
	if o.Window <= 0 {
		o.Window = 5 * time.Minute
	}
	if o.Limit <= 0 {
		o.Limit = 300
	}
	if o.Day <= 0 {
		o.Day = 24 * time.Hour
	}
	if o.Strikes <= 0 {
		o.Strikes = 1000
	}
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, mux: http.NewServeMux(),
		accounts: map[string]*account{}, asked: map[string][]time.Time{},
	}
	s.mux.HandleFunc("GET /api/user", s.known(s.user))
	s.mux.HandleFunc("GET /api/history", s.known(s.history))
	s.mux.HandleFunc("POST /api/post", s.known(s.post))
	return s
}

// Handler serves the API below /api.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// Open makes an account with its key and a profile's key.
func (s *Server) Open(ref string, created time.Time) Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.accounts[ref] = &account{ref: ref, created: created.UTC(), profile: value()}
	return s.make(ref, created)
}

func (s *Server) make(ref string, at time.Time) Key {
	k := &Key{ID: fmt.Sprintf("ayr-%d", len(s.keys)+1), Account: ref, Value: value(), Created: at, Live: true}
	s.keys = append(s.keys, k)
	return *k
}

// Regenerate is the click in the dashboard: the new key takes the place of the
// old one, which is dead from then on.
func (s *Server) Regenerate(ref string) (old, fresh Key, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	at := slices.IndexFunc(s.keys, func(k *Key) bool { return k.Account == ref && k.Live })
	if at < 0 {
		return Key{}, Key{}, false
	}
	s.keys[at].Live = false
	return *s.keys[at], s.make(ref, time.Now()), true
}

// Revive brings a replaced key back to life beside the one in its place, as
// somebody at the service might.
func (s *Server) Revive(id string) { s.set(id, true) }

// Bury ends exactly one key, as the vendor's support does when people ask for it:
// the dashboard has no such button.
func (s *Server) Bury(id string) { s.set(id, false) }

func (s *Server) set(id string, live bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, k := range s.keys {
		if k.ID == id {
			k.Live = live
		}
	}
}

// Profile is a key of one of the account's users' profiles, which people copy by
// mistake.
func (s *Server) Profile(ref string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[ref].profile
}

// Keys lists every key ever made, in order.
func (s *Server) Keys() []Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Key
	for _, k := range s.keys {
		all = append(all, *k)
	}
	return all
}

// Secrets are the profiles' keys.
func (s *Server) Secrets() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []string
	for _, a := range s.accounts {
		all = append(all, a.profile)
	}
	return all
}

// Posts are how many posts were accepted, and how many refused.
func (s *Server) Posts() (accepted, refused int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.posted, s.refused
}

// Schedule sets how many posts wait at the service for their time.
func (s *Server) Schedule(posts int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.scheduled = posts
}

// Suspended reports an account that was barred for asking too often.
func (s *Server) Suspended(ref string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accounts[ref].suspended
}

// answer is what a route answers to a key that is known.
type answer func(w http.ResponseWriter, k *Key, a *account)

// known lets in who brings a living key, as often as the limit allows.
func (s *Server) known(next answer) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		at := slices.IndexFunc(s.keys, func(k *Key) bool { return k.Value == bearer })
		if at < 0 {
			s.refuse(w, r, notValid)
			return
		}
		k := s.keys[at]
		a := s.accounts[k.Account]
		switch {
		case !s.within(w, k, a):
			s.refuse(w, r, tooMany)
		case a.suspended:
			s.refuse(w, r, barred)
		case !k.Live:
			s.refuse(w, r, notValid)
		default:
			next(w, k, a)
		}
	}
}

// within counts a request of a key, living or dead, against the limit, and an
// excess against the account.
func (s *Server) within(w http.ResponseWriter, k *Key, a *account) bool {
	now := time.Now()
	young := func(all []time.Time, than time.Duration) []time.Time {
		return slices.DeleteFunc(all, func(t time.Time) bool { return now.Sub(t) > than })
	}
	s.asked[k.ID] = append(young(s.asked[k.ID], s.o.Window), now)
	n := len(s.asked[k.ID])
	w.Header().Set("x-ratelimit-max", fmt.Sprint(s.o.Limit))
	w.Header().Set("x-ratelimit-count", fmt.Sprint(n))
	if n <= s.o.Limit {
		return true
	}
	s.asked[k.ID] = s.asked[k.ID][:s.o.Limit] // what is turned away takes no room
	a.strikes = append(young(a.strikes, s.o.Day), now)
	a.suspended = a.suspended || len(a.strikes) >= s.o.Strikes
	return false
}

// refusal is an answer without what was asked for.
type refusal struct {
	status  int
	Status  string `json:"status"`
	Action  string `json:"action"`
	Code    int    `json:"code"`
	Message string `json:"message"`
}

var (
	notValid = refusal{http.StatusUnauthorized, "error", "authorization", 102, "API Key not valid. Please verify your API Key."}
	tooMany  = refusal{http.StatusTooManyRequests, "error", "request", 101, "Too many requests."}
	barred   = refusal{http.StatusForbidden, "error", "request", 276, "Your account is suspended."}
)

func (s *Server) refuse(w http.ResponseWriter, r *http.Request, with refusal) {
	if r.Method == http.MethodPost {
		s.refused++
	}
	wire.JSON(w, with.status, with)
}

func (s *Server) user(w http.ResponseWriter, _ *Key, a *account) {
	wire.JSON(w, http.StatusOK, map[string]any{
		"activeSocialAccounts": []string{"facebook", "linkedin"}, "displayNames": []any{}, "refId": a.ref,
		"created": map[string]any{"_seconds": a.created.Unix(), "utc": a.created.Format(time.RFC3339)},
	})
}

func (s *Server) history(w http.ResponseWriter, _ *Key, a *account) {
	posts := []map[string]any{}
	for n := range s.scheduled {
		posts = append(posts, map[string]any{"id": fmt.Sprintf("%s-%d", a.ref, n), "status": "pending", "type": "scheduled"})
	}
	wire.JSON(w, http.StatusOK, map[string]any{"history": posts})
}

func (s *Server) post(w http.ResponseWriter, _ *Key, a *account) {
	s.posted++
	wire.JSON(w, http.StatusOK, map[string]any{"status": "success", "id": fmt.Sprintf("%s-post-%d", a.ref, s.posted)})
}

// value is a new key: four groups of seven.
func value() string {
	const letters = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	raw := make([]byte, 28)
	_, _ = rand.Read(raw) // never fails, see crypto/rand
	var groups []string
	for n := 0; n < len(raw); n += 7 {
		var b strings.Builder
		for _, c := range raw[n : n+7] {
			b.WriteByte(letters[int(c)%len(letters)])
		}
		groups = append(groups, b.String())
	}
	return strings.Join(groups, "-")
}
