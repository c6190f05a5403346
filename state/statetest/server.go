package statetest

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Server is a redis-server of the test's own: on a free port of the loopback
// interface, with an append-only file in a temporary folder. It can be killed
// and started again on the same port and the same file.
type Server struct {
	Addr string // host:port

	binary, dir, port string
	cmd               *exec.Cmd
	exited            chan error // the result of the process, once
	guard             *guard
}

// startWait is how long a server may take to become ready.
const startWait = 30 * time.Second

// NewServer starts a redis-server, which the test's cleanup kills. Where the
// program is not installed the test is skipped, or fails if the environment
// has REKEY_REQUIRE_TOOLS=1.
func NewServer(t testing.TB, args ...string) *Server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatal("redis-server is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it")
		}
		t.Skip("redis-server is not installed: what only a real server can show is not tested")
	}
	s := &Server{binary: binary, dir: t.TempDir()}
	t.Cleanup(func() { s.Kill(t) })
	// Somebody else may take the port between our looking and the server's
	// binding.
	for range 5 {
		if s.port, err = freePort(); err != nil {
			t.Fatal(err)
		}
		if err = s.start(args...); err == nil {
			s.Addr = net.JoinHostPort("127.0.0.1", s.port)
			return s
		}
	}
	t.Fatalf("starting redis-server: %v", err)
	return nil
}

// Start starts the server again after [Server.Kill].
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("starting redis-server again: %v", err)
	}
}

// Kill ends the process at once, with no chance to tidy up, and waits until it
// is gone. Killing a server that does not run does nothing.
func (s *Server) Kill(t testing.TB) {
	t.Helper()
	if s.cmd == nil {
		return
	}
	s.guard.dismiss()
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("killing redis-server %d: %v", s.cmd.Process.Pid, err)
	}
	<-s.exited
	s.cmd = nil
}

func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("looking for a free port: %w", err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	return port, errors.Join(err, l.Close())
}

func (s *Server) start(args ...string) error {
	cmd := exec.Command(s.binary, append([]string{
		"--port", s.port, "--bind", "127.0.0.1", "--dir", s.dir, "--daemonize", "no",
		"--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--loglevel", "notice",
	}, args...)...)
	output, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ready, exited := make(chan struct{}), make(chan error, 1)
	go func() {
		last := watch(output, ready)
		if err := cmd.Wait(); err != nil {
			exited <- fmt.Errorf("%w: %s", err, last)
		}
		close(exited)
	}()
	timeout := time.NewTimer(startWait)
	defer timeout.Stop()
	select {
	case <-ready:
		s.cmd, s.exited, s.guard = cmd, exited, newGuard(cmd.Process.Pid)
		return nil
	case err := <-exited:
		return fmt.Errorf("it ended: %w", err)
	case <-timeout.C:
		err := cmd.Process.Kill()
		<-exited
		return errors.Join(errors.New("it was not ready in "+startWait.String()), err)
	}
}

// watch reads what the server says until it ends, closes ready once it takes
// connections, and returns the last line.
func watch(output io.Reader, ready chan<- struct{}) (last string) {
	for lines := bufio.NewScanner(output); lines.Scan(); {
		last = lines.Text()
		if ready != nil && strings.Contains(last, "Ready to accept connections") {
			close(ready)
			ready = nil
		}
	}
	return last
}

// guard is a process that outlives a test program which ends without its
// cleanup, by a timeout or a kill, and then ends the server it guards. It
// waits for the end of its input, whose other end only the test program has.
type guard struct{ cmd *exec.Cmd }

// newGuard returns nil where there is no shell; the test works without it.
func newGuard(pid int) *guard {
	cmd := exec.Command("sh", "-c", `read -r _; kill -9 "$0"`, strconv.Itoa(pid))
	if _, err := cmd.StdinPipe(); err != nil {
		return nil
	}
	if err := cmd.Start(); err != nil {
		return nil
	}
	return &guard{cmd}
}

// dismiss ends the guard before it could act.
func (g *guard) dismiss() {
	if g == nil {
		return
	}
	_ = g.cmd.Process.Kill() // it may have ended by itself
	_ = g.cmd.Wait()         // its input is closed with it
}
