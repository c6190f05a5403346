package redis

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alicebob/miniredis/v2"

	"rekey/state"
)

// network is a dialler whose connections can be made to fail.
type network struct {
	dial   func() (net.Conn, error)
	dials  atomic.Int64
	down   atomic.Bool  // no new connections
	forget atomic.Bool  // the next answer is lost on its way back, and the connection with it
	mute   atomic.Bool  // what is written on connections made so far never arrives
	runs   atomic.Int64 // scripts that were sent
}

func (n *network) connect(context.Context, string, string) (net.Conn, error) {
	n.dials.Add(1)
	if n.down.Load() {
		return nil, errors.New("the network is down")
	}
	c, err := n.dial()
	return &conn{Conn: c, net: n}, err
}

type conn struct {
	net.Conn
	net *network
}

func (c *conn) Read(p []byte) (int, error) {
	got, err := c.Conn.Read(p)
	if err == nil && c.net.forget.CompareAndSwap(true, false) {
		return 0, io.ErrUnexpectedEOF
	}
	return got, err
}

func (c *conn) Write(p []byte) (int, error) {
	if c.net.mute.Load() {
		return len(p), nil
	}
	c.net.runs.Add(int64(bytes.Count(p, []byte("\r\nevalsha\r\n"))))
	return c.Conn.Write(p)
}

func openOn(t *testing.T, n *network, cfg Config) *Store {
	t.Helper()
	cfg.Addr, cfg.Installation, cfg.dial = "redis.test:6379", "test", n.connect
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestLostAnswers loses the answer of each write that arrived. Nothing is sent
// a second time by itself, and sending it again tells what had happened.
func TestLostAnswers(t *testing.T) {
	server := miniredis.RunT(t)
	n := &network{dial: func() (net.Conn, error) { return net.Dial("tcp", server.Addr()) }}
	s := openOn(t, n, Config{})
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	ctx := t.Context()
	// twice loses the first answer and returns the second.
	twice := func(call func() error) error {
		t.Helper()
		n.forget.Store(true)
		before := n.runs.Load()
		if err := call(); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("got %v instead of the lost connection", err)
		}
		if sent := n.runs.Load() - before; sent != 1 {
			t.Errorf("%d scripts were sent", sent)
		}
		return call()
	}
	// Connections are made while answers still arrive, and scripts known.
	lease, err := s.Claim(ctx, "rotation/a", "replica-1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Create(ctx, state.Creation{Key: "rotation/z"}); err != nil {
		t.Fatal(err)
	}
	_, err = s.Commit(ctx, lease, 1, state.Change{})
	if !errors.Is(err, state.ErrNotFound) {
		t.Fatal(err)
	}

	err = twice(func() error { return s.Create(ctx, state.Creation{Key: "rotation/a", Slots: []string{"secret/A"}}) })
	if !errors.Is(err, state.ErrExists) {
		t.Errorf("creating again: %v", err)
	}
	err = twice(func() error {
		_, err := s.Commit(ctx, lease, 1, state.Change{Events: []state.Event{{Post: true}}, Release: true})
		return err
	})
	if !errors.Is(err, state.ErrConflict) {
		t.Errorf("committing again: %v", err)
	}
	if rows, err := s.Rows(ctx, "rotation/a", 10); err != nil || len(rows) != 1 {
		t.Errorf("%d rows after a commit sent twice, error %v", len(rows), err)
	}
	err = twice(func() error { _, err := s.Claim(ctx, "rotation/a", "replica-1", time.Minute); return err })
	if !errors.Is(err, state.ErrHeld) {
		t.Errorf("claiming again: %v", err)
	}
}

// inBubble runs a store against a server that shares its fake time. The
// server is reached through pipes: sockets would hold the time up.
func inBubble(t *testing.T, cfg Config, test func(t *testing.T, s *Store, n *network, server *miniredis.Miniredis)) {
	synctest.Test(t, func(t *testing.T) {
		server := miniredis.NewMiniRedis()
		defer server.Close()
		server.ClockTTL(true)
		n := &network{dial: server.Dial}
		s := openOn(t, n, cfg)
		test(t, s, n, server)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
}

func listen(t *testing.T, s *Store) <-chan struct{} {
	t.Helper()
	signals, err := s.News(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	<-signals // of the subscription
	return signals
}

// TestWaitingIsFree counts the commands of an hour in which nothing happens.
func TestWaitingIsFree(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, s *Store, n *network, server *miniredis.Miniredis) {
		signals := listen(t, s)
		before, dials := server.CommandCount(), n.dials.Load()
		select {
		case <-signals:
			t.Error("a signal came from nowhere")
		case <-time.After(time.Hour):
		}
		if sent := server.CommandCount() - before; sent == 0 || sent > 60 {
			t.Errorf("an hour of waiting took %d commands; one a minute is enough", sent)
		}
		if more := n.dials.Load() - dials; more != 0 {
			t.Errorf("%d connections were made", more)
		}
		if err := s.Hint(t.Context(), "inbox/a"); err != nil {
			t.Fatal(err)
		}
		<-signals
	})
}

// TestSilentConnection cuts a connection so that neither side hears of it, as
// a firewall does that forgot it.
func TestSilentConnection(t *testing.T) {
	cfg := Config{Ping: time.Minute, Timeout: 3 * time.Second, Backoff: time.Second}
	inBubble(t, cfg, func(t *testing.T, s *Store, n *network, server *miniredis.Miniredis) {
		signals := listen(t, s)
		n.dial = func() (net.Conn, error) { // only those made before stay mute
			n.mute.Store(false)
			return server.Dial()
		}
		n.mute.Store(true)
		start := time.Now()
		<-signals
		if took := time.Since(start); took > cfg.Ping+cfg.Timeout+cfg.Backoff {
			t.Errorf("it took %s to notice", took)
		}
		if err := s.Hint(t.Context(), "inbox/a"); err != nil {
			t.Fatal(err)
		}
		<-signals
	})
}

// TestOutage takes the server away for an hour: tries become rare, the log
// says it once, and the return is signalled.
func TestOutage(t *testing.T) {
	var log lines
	cfg := Config{Backoff: 10 * time.Second, Log: slog.New(slog.NewTextHandler(&log, nil))}
	inBubble(t, cfg, func(t *testing.T, s *Store, n *network, server *miniredis.Miniredis) {
		signals := listen(t, s)
		n.down.Store(true)
		before := n.dials.Load()
		server.Server().Close() // every connection ends
		<-time.After(time.Hour)
		// 360 pauses of 10 s and a few shorter ones; a try may dial twice.
		if tries := n.dials.Load() - before; tries < 300 || tries > 2*380 {
			t.Errorf("%d connections were tried in an hour", tries)
		}
		select {
		case <-signals:
			t.Error("a signal came while the server was away")
		default:
		}
		again := miniredis.NewMiniRedis()
		defer again.Close()
		n.dial = again.Dial
		n.down.Store(false)
		start := time.Now()
		<-signals
		if took := time.Since(start); took > 2*cfg.Backoff {
			t.Errorf("it took %s to come back", took)
		}
		text := log.String()
		if strings.Count(text, "\n") != 2 || !strings.Contains(text, "signals interrupted") || !strings.Contains(text, "signals resumed") {
			t.Errorf("the log is\n%s", text)
		}
	})
}

// TestOutageEnds closes the store while it tries to come back.
func TestOutageEnds(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, s *Store, n *network, server *miniredis.Miniredis) {
		signals := listen(t, s)
		n.down.Store(true)
		server.Server().Close()
		<-time.After(time.Minute)
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if _, open := <-signals; open {
			t.Error("a signal came while the server was away")
		}
	})
}

// TestWakesRefused asks a server that is away: the caller hears of it.
func TestWakesRefused(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, s *Store, n *network, _ *miniredis.Miniredis) {
		n.down.Store(true)
		if _, err := s.Wakes(t.Context()); err == nil {
			t.Error("nobody is there and somebody listens")
		}
	})
}

// TestLeaseUntil compares both clocks: the lease must be trusted no longer
// than the server keeps it, however long the answer took.
func TestLeaseUntil(t *testing.T) {
	inBubble(t, Config{}, func(t *testing.T, s *Store, _ *network, _ *miniredis.Miniredis) {
		const ttl = 10*time.Second + 999*time.Microsecond
		l, err := s.Claim(t.Context(), "rotation/a", "replica-1", ttl)
		if err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Until(l.Until) - time.Millisecond)
		if _, err := s.Claim(t.Context(), "rotation/a", "replica-2", ttl); !errors.Is(err, state.ErrHeld) {
			t.Errorf("claiming just before the end: %v", err)
		}
		<-time.After(2 * time.Millisecond)
		if _, err := s.Claim(t.Context(), "rotation/a", "replica-2", ttl); err != nil {
			t.Errorf("claiming after the end: %v", err)
		}
	})
}

// lines is a buffer for a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
