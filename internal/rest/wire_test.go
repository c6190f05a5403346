package rest_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
)

// raw answers every connection on loopback with whatever the function writes
// after the request's headers arrived, then closes it.
func raw(t *testing.T, answer func(c net.Conn, r *http.Request)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	t.Cleanup(func() { _ = l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			if r, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
				answer(c, r)
			}
			_ = c.Close()
		}
	}()
	return "http://" + l.Addr().String()
}

// own is a client with connections of its own.
func own(t *testing.T) *http.Client {
	t.Helper()
	tr := &http.Transport{}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

func TestConnectionTrouble(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(net.Conn, *http.Request)
		status int
	}{
		"closed without an answer": {func(net.Conn, *http.Request) {}, 0},
		"closed within the headers": {func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
		}, 0},
		"closed within the body": {func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"name\":")
		}, 0},
		"not HTTP, repeating us": {func(c net.Conn, r *http.Request) {
			_, _ = io.WriteString(c, hostile(r)+"\r\n\r\n")
		}, 0},
		"malformed header, repeating us": {func(c net.Conn, _ *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nno colon "+inBody.Reveal()+"\r\n\r\n")
		}, 0},
		"malformed redirect, repeating us": {func(c net.Conn, r *http.Request) {
			_, _ = io.WriteString(c, "HTTP/1.1 302 Found\r\nLocation: http://%zz"+token.Reveal()+"\r\nContent-Length: 0\r\n\r\n")
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			base := raw(t, c.answer)
			for write, class := range map[bool]fault.Class{false: fault.Again, true: fault.Lost} {
				var out thing
				_, err := client(t, base, own(t)).Do(t.Context(), call(write), &out)
				check(t, err, want{class, fault.Unreachable, 0, 0})
			}
		})
	}
}

func TestRefusedConnectionWasNeverSent(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	base := "http://" + l.Addr().String()
	_ = l.Close()
	for _, write := range []bool{false, true} {
		_, err := client(t, base, own(t)).Do(t.Context(), call(write), nil)
		check(t, err, want{fault.Again, fault.Unreachable, 0, 0})
	}
}

func TestUntrustedCertificateWasNeverSent(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("it was sent") }))
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	t.Cleanup(s.Close)
	_, err := client(t, s.URL, own(t)).Do(t.Context(), call(true), nil)
	check(t, err, want{fault.Again, fault.Unreachable, 0, 0})
}

// elsewhere is a transport that net/http's hooks know nothing of.
type elsewhere struct{ err error }

func (e elsewhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, e.err }

func TestForeignTransportsAreNotBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		err   error
		class fault.Class
	}{
		"an unknown error":  {fmt.Errorf("oops: %s", token.Reveal()), fault.Lost},
		"a failed dial":     {&net.OpError{Op: "dial", Err: io.EOF}, fault.Again},
		"a failed exchange": {&net.OpError{Op: "read", Err: io.EOF}, fault.Lost},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := client(t, "http://127.0.0.1:1", &http.Client{Transport: elsewhere{c.err}}).Do(t.Context(), call(true), nil)
			check(t, err, want{c.class, fault.Unreachable, 0, 0})
		})
	}
}

func TestRedirects(t *testing.T) {
	var reached atomic.Int32
	other := serve(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	for name, c := range map[string]struct {
		code  int
		to    string
		write bool
		class fault.Class
	}{
		"read to another host":   {302, other.URL + "/?k=" + "x", false, fault.Ask},
		"read, kept method":      {307, other.URL, false, fault.Ask},
		"write to another host":  {307, other.URL, true, fault.Lost},
		"write to the same host": {303, "/done", true, fault.Lost},
		"write, kept method":     {308, "/done", true, fault.Lost},
		"round and round":        {302, "/things", false, fault.Ask},
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/done" {
					t.Error("a redirected write was followed")
				}
				http.Redirect(w, r, c.to, c.code)
			})
			var out thing
			_, err := client(t, s.URL, s.Client()).Do(t.Context(), call(c.write), &out)
			check(t, err, want{c.class, fault.Garbled, c.code, 0})
		})
	}
	if reached.Load() != 0 {
		t.Error("the other host was called, perhaps with our credentials")
	}
}

func TestRedirectOfAReadWithinTheHost(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/things" {
			http.Redirect(w, r, "/things/", http.StatusMovedPermanently)
			return
		}
		if r.Header.Get("Authorization") != token.Reveal() {
			t.Error("the credentials were lost on the way")
		}
		_, _ = io.WriteString(w, `{"name":"moved"}`)
	})
	var out thing
	if _, err := client(t, s.URL, s.Client()).Do(t.Context(), call(false), &out); err != nil || out.Name != "moved" {
		t.Errorf("got %+v, %v", out, err)
	}
}

// piped is a client whose connections end in memory, so that a test can run
// in a bubble of its own time.
func piped(t *testing.T, serve func(c net.Conn)) *http.Client {
	tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		go serve(theirs)
		return ours, nil
	}}
	t.Cleanup(tr.CloseIdleConnections)
	return &http.Client{Transport: tr}
}

// silent reads all and says nothing until the other side leaves.
func silent(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

func TestSilenceEndsAfterTheTimeout(t *testing.T) {
	for name, serve := range map[string]func(net.Conn){
		"no answer": silent,
		"half an answer": func(c net.Conn) {
			if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
				return
			}
			go silent(c)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
		},
	} {
		for write, class := range map[bool]fault.Class{false: fault.Again, true: fault.Lost} {
			t.Run(name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					began := time.Now()
					var out thing
					_, err := client(t, "http://127.0.0.1:1", piped(t, serve)).Do(t.Context(), call(write), &out)
					check(t, err, want{class, fault.TimedOut, 0, 0})
					if took := time.Since(began); took != 15*time.Second {
						t.Errorf("it took %v, want the default of 15 s", took)
					}
				})
			})
		}
	}
}

func TestTimeoutOfTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := rest.New(rest.Config{Base: "http://127.0.0.1:1", HTTP: piped(t, silent), Timeout: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		_, err = c.Do(t.Context(), call(false), nil)
		check(t, err, want{fault.Again, fault.TimedOut, 0, 0})
		if took := time.Since(began); took != time.Minute {
			t.Errorf("it took %v, want the minute asked for", took)
		}
	})
}

// TestSlowDialWasNeverSent: the time ran out before there was a connection.
func TestSlowDialWasNeverSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{}) // net/http lets a dial go on without us
		defer close(release)
		tr := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			<-release
			return nil, net.ErrClosed
		}}
		_, err := client(t, "http://127.0.0.1:1", &http.Client{Transport: tr}).Do(t.Context(), call(true), nil)
		check(t, err, want{fault.Again, fault.TimedOut, 0, 0})
	})
}

func TestCancelledByTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for write, class := range map[bool]fault.Class{false: fault.Again, true: fault.Lost} {
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				synctest.Wait() // everybody waits for the answer
				cancel()
			}()
			_, err := client(t, "http://127.0.0.1:1", piped(t, silent)).Do(ctx, call(write), nil)
			check(t, err, want{class, fault.Interrupted, 0, 0})
		}
	})
}

// quiet drops what a test server has to say about handshakes we spoil.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }
