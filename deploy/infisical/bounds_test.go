package infisical_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/deploy"
	"rekey/deploy/infisical"
	"rekey/internal/fault"
	"rekey/internal/secret"
)

// replace writes a new value over whatever is there.
func (b *bench) replace(ctx context.Context, name string) error {
	now, err := b.vault.Read(ctx, "staging", []string{name})
	if fault.Is(err, fault.Unauthorized) { // the token expired twice: another test's subject
		return nil
	}
	if err != nil {
		return err
	}
	e := now[name]
	_, err = b.vault.Write(ctx, "staging", []deploy.Assignment{{Name: name, Value: secret.New("another-value-of-" + name), From: e.Version, ID: e.ID}})
	if f := fault.Of(err); f != nil && (f.Reason == fault.Unauthorized || f.Reason == fault.NotWritten && f.Class == fault.Again) {
		return nil
	}
	return err
}

// hole accepts connections, reads what comes and never answers.
type hole struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	heard chan string // the first line of each request
}

func newHole(t *testing.T) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	h := &hole{Listener: l, heard: make(chan string, 100)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		h.swallow()
	}()
	t.Cleanup(func() {
		_ = l.Close()
		<-done
		h.release()
	})
	return h
}

func (h *hole) swallow() {
	for {
		c, err := h.Accept()
		if err != nil {
			return
		}
		h.mu.Lock()
		h.conns = append(h.conns, c)
		h.mu.Unlock()
		buffer := make([]byte, 4096)
		n, _ := c.Read(buffer)
		line, _, _ := bytes.Cut(buffer[:n], []byte("\r\n"))
		h.heard <- string(line)
	}
}

// release closes what was swallowed, which frees the abandoned calls.
func (h *hole) release() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.conns {
		_ = c.Close()
	}
}

func TestABlackHoleCostsABoundedNumberOfCalls(t *testing.T) {
	h := newHole(t)
	const allowed = 3
	b := newBench(t, func(c *infisical.Config) {
		c.SiteURL = "http://" + h.Addr().String()
		c.MaxAbandoned = allowed
		c.Timeout = 20 * time.Millisecond
		c.LoginPause = time.Nanosecond // every call makes its own login
	})
	for i := range 10 {
		err := b.read(t.Context())
		if f := fault.Of(err); f == nil || f.Reason != fault.TimedOut || f.Class != fault.Again {
			t.Fatalf("call %d: got %v, want timed out, again", i, err)
		}
	}
	for range allowed {
		if line := <-h.heard; !strings.HasPrefix(line, loginRoute) {
			t.Errorf("swallowed %q", line)
		}
	}
	h.mu.Lock()
	n := len(h.conns)
	h.mu.Unlock()
	if n != allowed {
		t.Errorf("%d connections, want %d", n, allowed)
	}
}

// The slots come back when the abandoned calls end.
func TestAHealedBlackHoleIsUsedAgain(t *testing.T) {
	b := newBench(t, func(c *infisical.Config) {
		c.MaxAbandoned, c.Timeout, c.LoginPause = 1, 50*time.Millisecond, time.Nanosecond
	})
	release := make(chan struct{})
	b.inject(swallowLogins(release))
	for range 2 {
		if err := b.read(t.Context()); !fault.Is(err, fault.TimedOut) {
			t.Fatalf("got %v, want timed out", err)
		}
	}
	b.inject(nil)
	close(release)
	for b.read(t.Context()) != nil { // until the abandoned login has returned
		runtime.Gosched()
	}
}

func TestACallEndsWithItsContext(t *testing.T) {
	h := newHole(t)
	b := newBench(t, func(c *infisical.Config) { c.SiteURL, c.Timeout = "http://"+h.Addr().String(), time.Hour })
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-h.heard
		cancel()
	}()
	if err := b.read(ctx); !fault.Is(err, fault.Interrupted) {
		t.Errorf("got %v, want interrupted", err)
	}
}

// A write whose context ends is lost, not failed: it may have happened, and
// here it has.
func TestAWriteWhoseContextEndsIsLost(t *testing.T) {
	for what, cancelAt := range map[string]string{"during the update": "PATCH /api/v4", "during the read-back": "GET /api/v3"} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			release := make(chan struct{})
			defer close(release)
			b.inject(swallow(cancelAt, cancel, release))
			if _, err := writeOne(ctx, t, b); fault.Of(err) == nil || fault.Of(err).Class != fault.Lost {
				t.Errorf("got %v, want lost", err)
			}
			if value, _ := b.current(staging, "UNRELATED"); value != newValue {
				t.Error("the write has not happened, the test proves nothing")
			}
		})
	}
}

// slowUpdates is a transport on which no update is answered in time.
type slowUpdates struct{ http.RoundTripper }

func (s slowUpdates) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method == http.MethodPatch {
		return nil, &net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}
	}
	return s.RoundTripper.RoundTrip(r)
}

// An update that takes too long may still be carried out after we have looked.
func TestAnUpdateThatTimesOutIsLost(t *testing.T) {
	b := newBench(t, func(c *infisical.Config) {
		c.HTTP = &http.Client{Transport: slowUpdates{c.HTTP.Transport}}
	})
	_, err := writeOne(t.Context(), t, b)
	if f := fault.Of(err); f == nil || f.Class != fault.Lost || f.Reason != fault.TimedOut || !strings.Contains(f.Detail, "UNRELATED is at version 1") {
		t.Errorf("got %v, want lost, with the version that was read back", err)
	}
}

// The SDK by its defaults repeats what a network error cut off, four times
// over, and prints the URL to the standard error on the way.
func TestTheSDKDoesNothingByItself(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	os.Stderr = write
	defer func() { os.Stderr = stderr }()
	b := newBench(t)
	b.inject(cutOff(false))
	if err := b.read(t.Context()); fault.Of(err) == nil || fault.Of(err).Class != fault.Again {
		t.Errorf("got %v, want again", err)
	}
	if n := b.count(loginRoute); n != 1 {
		t.Errorf("%d logins, want one", n)
	}
	_ = write.Close()
	printed, _ := io.ReadAll(read)
	if bytes.Contains(printed, []byte("/api/")) {
		t.Errorf("printed to the standard error: %s", printed)
	}
}
