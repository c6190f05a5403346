package slack

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rekey/internal/sandbox/wire"
)

// ErrClosed is returned by what was waiting when the server was closed.
var ErrClosed = errors.New("local Slack closed")

// Server is one workspace with one app. Make it with [New]; its methods may be
// called from several goroutines.
type Server struct {
	// Requests holds every HTTP request, and every frame the app sent over a
	// socket under the method name SOCKET.
	Requests *wire.Recorder
	// Faults are injected before a request is handled.
	Faults *wire.Faults

	cfg Config
	lim Limits

	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu         sync.Mutex // guards all below
	revoked    bool
	base       string // where the app last reached us: "http://127.0.0.1:1234"
	users      map[string]User
	channels   map[string]Channel
	groups     map[string]Group
	messages   map[string][]Message
	ephemerals map[string][]Message
	views      map[string]View // by id
	lastTS     int64
	lastID     int
	passes     map[string]*pass
	passOrder  []string
	files      map[string]*File
	fileOrder  []string // ids, oldest first
	limiters   map[string]*rate.Limiter
	seq        int
	changes    []Change
	presses    []Pressed
	changed    chan struct{} // closed and replaced at every change
	stats      Stats

	sockets    []*socket
	turn       int // of the sockets
	deliveries map[string]*delivery
	delivered  []string // ids of deliveries, oldest first
	disturbed  []Disturbance
	written    chan struct{} // closed and replaced when an envelope was written
	events     chan envelope // first deliveries, in order
}

// New makes a workspace with the app's bot and Slackbot in it and no channel.
// It must be closed.
func New(c Config) *Server {
	c = c.withDefaults()
	s := &Server{
		cfg:        c,
		lim:        *c.Limits,
		Faults:     &wire.Faults{},
		users:      map[string]User{},
		channels:   map[string]Channel{},
		groups:     map[string]Group{},
		messages:   map[string][]Message{},
		ephemerals: map[string][]Message{},
		views:      map[string]View{},
		passes:     map[string]*pass{},
		files:      map[string]*File{},
		limiters:   map[string]*rate.Limiter{},
		changed:    make(chan struct{}),
		deliveries: map[string]*delivery{},
		written:    make(chan struct{}),
		events:     make(chan envelope, keptEvents),
	}
	s.Requests = &wire.Recorder{Scrub: s.scrub}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.AddUser(User{ID: c.BotUser, Name: c.BotName, Bot: true})
	s.AddUser(User{ID: "USLACKBOT", Name: "slackbot", RealName: "Slackbot"}) // is_bot is false for it
	s.spawn(s.sendEvents)
	return s
}

// Handler serves /api/, /socket, /response/ and /upload/.
func (s *Server) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/api/{method}", s.serveMethod)
	mux.HandleFunc("GET /socket", s.serveSocket)
	mux.HandleFunc("POST /response/{id}", s.serveResponse)
	mux.HandleFunc("POST /upload/v1/{id}", s.serveUpload)
	return wire.Tap{Recorder: s.Requests, Faults: s.Faults}.Wrap(mux)
}

// Close ends all sockets, subscriptions and pending deliveries, and waits for
// them. Requests under way are the HTTP server's to end. It may be called twice.
func (s *Server) Close() {
	s.mu.Lock()
	s.cancel() // under the lock: after it nothing is spawned any more
	s.mu.Unlock()
	s.DropSockets()
	s.wg.Wait()
}

// spawn runs fn in a goroutine that Close waits for; false if it is too late.
func (s *Server) spawn(fn func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.spawnLocked(fn)
}

func (s *Server) spawnLocked(fn func()) bool {
	if s.ctx.Err() != nil {
		return false
	}
	s.wg.Go(fn)
	return true
}

// RevokeTokens makes every token invalid, as uninstalling the app does.
func (s *Server) RevokeTokens() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked = true
}

// pause waits for d or for the server's end, which it reports as false.
func (s *Server) pause(d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-s.ctx.Done():
		return false
	}
}
