package upstash

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"rekey/internal/sandbox/wire"
)

// Mail is the address with which the account's key is used.
const Mail = "ops@shop.example"

// Options sets a server up.
type Options struct {
	// Old is a service that makes no tokens for users yet: passwords of one's own
	// are set, and exchanged for tokens.
	Old bool
}

// Credential is one that an application may hold: a user's, or a generation of
// a database's own.
type Credential struct {
	ID       string // database/user, or database#generation
	Database string
	User     string // "default" for a database's own
	Token    string
	ReadOnly string // of a database's own only
	Password string // of the Redis protocol
	Made     time.Time
	Live     bool
}

// person is a user of a database's list.
type person struct {
	name      string
	on        bool
	passwords []string
	rules     []string
	made      time.Time
	deleted   bool
}

// database is one, with everybody who ever was in its list.
type database struct {
	id, name  string
	own       []Credential // generations, the last one lives
	people    []*person
	made      map[string]string // tokens for a user, to be set as a password
	exchanged map[string]string // tokens given for a user's password
	data      map[string]string
	door      *door
}

func (d *database) current() *Credential { return &d.own[len(d.own)-1] }

// user is one who is in the list now; nil where there is none.
func (d *database) user(name string) *person {
	for _, p := range d.people {
		if p.name == name && !p.deleted {
			return p
		}
	}
	return nil
}

// Act is a kind of external write.
type Act string

// The acts.
const (
	Created Act = "create"
	Off     Act = "off"
	On      Act = "on"
	Deleted Act = "delete"
	Reset   Act = "reset" // ID is the generation that it ends
)

// Write is a change over an API that took effect.
type Write struct {
	Act  Act
	ID   string
	User string
}

// Server is a local Upstash. Use New.
type Server struct {
	// Requests is every request received over HTTP, tokens included.
	Requests *wire.Recorder
	// Faults can be injected in front of every route of HTTP.
	Faults *wire.Faults

	o         Options
	mux       *http.ServeMux
	authority *authority
	key       string // of the account

	mu        sync.Mutex
	databases []*database
	audit     []any
	lose      map[string]int // answers over the Redis protocol to be lost, by command
	onWrite   func(Write)
}

// New returns an account with databases, which speak the Redis protocol once
// they are opened.
func New(o Options, names ...string) *Server {
	s := &Server{
		Requests: &wire.Recorder{}, Faults: &wire.Faults{}, o: o, authority: newAuthority(), key: uuid(), lose: map[string]int{},
	}
	for _, name := range names {
		d := &database{id: uuid(), name: name, made: map[string]string{}, exchanged: map[string]string{}, data: map[string]string{}}
		d.renew()
		s.databases = append(s.databases, d)
	}
	s.routes()
	return s
}

// Handler serves the account's API below /v2 and each database's below its name.
func (s *Server) Handler() http.Handler {
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(s.mux)
}

// AccountKey is address and key of the account, joined by a colon.
func (s *Server) AccountKey() string { return Mail + ":" + s.key }

// Authority is the certificate, in PEM, of whoever signs those of the databases.
func (s *Server) Authority() string { return s.authority.pem }

// OnWrite sets a function called for every change over an API, after its effect
// and before its answer, on the goroutine that serves it.
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

// Lose cuts the connection instead of answering a command of the list over the
// Redis protocol, such as SETUSER, the next times that it took effect.
func (s *Server) Lose(command string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lose[command] = times
}

// lost reports whether this answer is one of those.
func (s *Server) lost(command string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lose[command] == 0 {
		return false
	}
	s.lose[command]--
	return true
}

// Seed makes a user with a token, as a person did at some time in the console.
func (s *Server) Seed(database, name string, made time.Time, rules ...string) Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.byNameLocked(database)
	p := &person{name: name, on: true, passwords: []string{bearer()}, rules: rules, made: made}
	d.people = append(d.people, p)
	return d.credential(p)
}

// Own is the present generation of a database's own credentials.
func (s *Server) Own(database string) Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	return *s.byNameLocked(database).current()
}

// End deletes a user, or resets a database, as a person does in the console. It
// reports whether there was one that lived.
func (s *Server) End(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.databases {
		for _, p := range d.people {
			if d.credential(p).ID == id && !p.deleted {
				d.delete(p)
				return true
			}
		}
		if d.current().ID == id {
			d.renew()
			return true
		}
	}
	return false
}

// Revive brings a deleted user back, switched on, as somebody at the service might.
func (s *Server) Revive(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.databases {
		for _, p := range d.people {
			if d.credential(p).ID == id {
				p.deleted, p.on = false, true
			}
		}
	}
}

// Users are those of every database, also those that were deleted, oldest first.
func (s *Server) Users() []Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Credential
	for _, d := range s.databases {
		for _, p := range d.people {
			all = append(all, d.credential(p))
		}
	}
	slices.SortStableFunc(all, func(a, b Credential) int { return a.Made.Compare(b.Made) })
	return all
}

// Generations are the databases' own credentials of all times, oldest first.
func (s *Server) Generations() []Credential {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Credential
	for _, d := range s.databases {
		all = append(all, d.own...)
	}
	slices.SortStableFunc(all, func(a, b Credential) int { return a.Made.Compare(b.Made) })
	return all
}

// Rules are those of a user now; nil where there is none.
func (s *Server) Rules(database, name string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p := s.byNameLocked(database).user(name); p != nil {
		return slices.Clone(p.rules)
	}
	return nil
}

func (s *Server) byNameLocked(name string) *database {
	for _, d := range s.databases {
		if d.name == name || d.id == name {
			return d
		}
	}
	return nil
}

// credential is a user's as an application holds it.
func (d *database) credential(p *person) Credential {
	c := Credential{ID: d.name + "/" + p.name, Database: d.name, User: p.name, Made: p.made, Live: p.on && !p.deleted}
	if len(p.passwords) > 0 {
		c.Token, c.Password = p.passwords[0], p.passwords[0]
	}
	for token, who := range d.exchanged {
		if who == p.name {
			c.Token = token
		}
	}
	return c
}

// renew gives a database new credentials of its own and ends the old ones.
func (d *database) renew() {
	n := len(d.own)
	if n > 0 {
		d.current().Live = false
	}
	c := Credential{ID: fmt.Sprintf("%s#%d", d.name, n+1), Database: d.name, User: "default", Password: random(20), Made: time.Now(), Live: true}
	c.Token = base64.StdEncoding.EncodeToString([]byte("\x00\x01" + d.id + c.Password)) // the real one carries both in clear, too
	c.ReadOnly = base64.StdEncoding.EncodeToString([]byte("\x00\x02" + d.id + "\xfe" + random(18)))
	d.own = append(d.own, c)
	if n > 0 && d.door != nil {
		d.door.hangUp("default")
	}
}

// delete takes a user out of the list and closes its connections.
func (d *database) delete(p *person) {
	p.deleted = true
	if d.door != nil {
		d.door.hangUp(p.name)
	}
}

// bearer is a token of a user.
func bearer() string { return base64.RawURLEncoding.EncodeToString([]byte(random(36))) }

func random(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: crypto/rand ends the program instead
	return hex.EncodeToString(b)
}

func uuid() string {
	t := random(16)
	return t[:8] + "-" + t[8:12] + "-4" + t[13:16] + "-8" + t[17:20] + "-" + t[20:]
}
