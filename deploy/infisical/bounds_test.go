package infisical_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"os"
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
	heard chan string // the first line of each request
	left  chan error  // one for each connection that the client ended
}

func newHole(t *testing.T) *hole {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	h := &hole{Listener: l, heard: make(chan string, 100), left: make(chan error, 100)}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := h.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { h.swallow(ctx, c) })
		}
	})
	t.Cleanup(func() {
		stop()
		_ = l.Close()
		wg.Wait()
	})
	return h
}

// swallow reads until the client goes.
func (h *hole) swallow(ctx context.Context, c net.Conn) {
	stop := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer stop()
	defer func() { _ = c.Close() }()
	buffer := make([]byte, 4096)
	n, _ := c.Read(buffer)
	line, _, _ := bytes.Cut(buffer[:n], []byte("\r\n"))
	h.heard <- string(line)
	var err error
	for err == nil {
		_, err = c.Read(buffer)
	}
	h.left <- err
}

// A call that nobody waits for any more is over: nothing goes on behind it.
func TestABlackHoleKeepsNothing(t *testing.T) {
	h := newHole(t)
	b := newBench(t, func(c *infisical.Config) {
		c.SiteURL = "http://" + h.Addr().String()
		c.Timeout = 20 * time.Millisecond
		c.LoginPause = time.Nanosecond // every call makes its own login
	})
	for i := range 10 {
		err := b.read(t.Context())
		if f := fault.Of(err); f == nil || f.Reason != fault.TimedOut || f.Class != fault.Again {
			t.Fatalf("call %d: got %v, want timed out, again", i, err)
		}
		if line := <-h.heard; !strings.HasPrefix(line, loginRoute) {
			t.Errorf("swallowed %q", line)
		}
		select {
		case <-h.left:
		case <-time.After(time.Minute):
			t.Fatal("the connection of a call that is over was kept")
		}
	}
}

// endless answers without an end, until the client has had enough; it says how
// much it could send.
func endless(sent chan<- int) injection {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		const most = 512 // MiB: so much is buffered nowhere
		w.Header().Set("Content-Type", "application/json")
		_, err := io.WriteString(w, `{"accessToken":"`)
		megabyte, n := bytes.Repeat([]byte("a"), 1<<20), 0
		for ; err == nil && n < most; n++ {
			_, err = w.Write(megabyte)
		}
		sent <- n
	}
}

func TestAnswersAreReadUpToABound(t *testing.T) {
	for what, route := range map[string]string{
		"the login": loginRoute, "a read": "GET /api/v4/secrets/UNRELATED", "the list of syncs": "GET /api/v1/secret-syncs",
		"the update": "PATCH /api/v4/", "the read-back": "GET /api/v3/",
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t, func(c *infisical.Config) { c.Timeout = time.Minute })
			sent := make(chan int, 100)
			b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
				if strings.HasPrefix(r.Method+" "+r.URL.Path, route) {
					next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { endless(sent)(w, r, nil) })
				}
				next.ServeHTTP(w, r)
			})
			_, err := writeOne(t.Context(), t, b)
			t.Log(err)
			if err == nil {
				t.Error("written, by an answer without an end")
			}
			const bound, buffered = 8, 64
			if n := <-sent; n > bound+buffered {
				t.Errorf("%d MiB were read", n)
			}
		})
	}
}

// The client secret does not follow a redirect.
func TestALoginIsNotSentElsewhere(t *testing.T) {
	elsewhere := newHole(t)
	b := newBench(t)
	b.inject(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
		http.Redirect(w, r, "http://"+elsewhere.Addr().String()+r.URL.Path, http.StatusTemporaryRedirect)
	})
	if err := b.read(t.Context()); !fault.Is(err, fault.Garbled) {
		t.Errorf("got %v, want garbled", err)
	}
	select {
	case line := <-elsewhere.heard:
		t.Errorf("sent elsewhere: %q", line)
	default:
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

// The SDK's client by its defaults repeats what a network error cut off, four times
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
