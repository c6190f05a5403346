//go:build !release

package main

import (
	"bytes"
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/state/statetest"
)

// patience bounds a test that waits for the program; it is no expectation.
const patience = 3 * time.Minute

// locked is a buffer that a running program writes and a test reads.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// running is a program that serves inside the test.
type running struct {
	stop  context.CancelFunc
	ended chan int
	out   *locked
}

func serving(ctx context.Context, t *testing.T, w *sandbox.World) *running {
	t.Helper()
	path, err := writeConfig(t.TempDir(), w, sandboxOptions{speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	r := &running{stop: stop, ended: make(chan int, 1), out: &locked{}}
	go func() {
		r.ended <- run(ctx, []string{"serve", "--config", path}, process{in: strings.NewReader(""), out: r.out, err: r.out, env: variables{}.lookup})
	}()
	t.Cleanup(stop)
	return r
}

func startWorld(ctx context.Context, t *testing.T) *sandbox.World {
	t.Helper()
	w, err := sandbox.Start(ctx, sandbox.Options{Speed: 20, Visits: -1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// TestServe starts the whole program in a local world: it connects, answers
// what a person types, and ends when it is told to.
func TestServe(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := startWorld(ctx, t)
	p := serving(ctx, t, w)
	if err := w.Slack.Wait(ctx, func(s slack.Snapshot) bool { return s.Sockets > 0 }); err != nil {
		t.Fatalf("no socket: %v\n%s", err, p.out)
	}
	reply, err := w.Slack.SlashCommand(ctx, sandbox.Requester, sandbox.Channel, "/rotate", "")
	if err != nil {
		t.Fatalf("typing: %v\n%s", err, p.out)
	}
	answered := func(s slack.Snapshot) bool {
		for _, m := range append(s.Ephemerals[sandbox.Requester], reply.Message) {
			if strings.Contains(m.Text, "FAL_KEY") || strings.Contains(string(m.Blocks), "FAL_KEY") {
				return true
			}
		}
		return false
	}
	if err := w.Slack.Wait(ctx, answered); err != nil {
		t.Fatalf("no answer that names FAL_KEY: %v\n%s", err, p.out)
	}
	p.stop()
	select {
	case code := <-p.ended:
		if code != exitDone {
			t.Errorf("exit code %d", code)
		}
	case <-ctx.Done():
		t.Errorf("it did not end")
	}
	log := p.out.String()
	if !strings.Contains(log, `"msg":"ready"`) {
		t.Errorf("not ready:\n%s", log)
	}
	c := w.Credentials()
	var values []secret.Value
	for _, v := range []string{c.SlackApp, c.SlackBot, c.InfisicalSecret, c.FalAdmin, c.Deploy, c.Fingerprint, c.AttestStaging} {
		values = append(values, secret.New(v))
	}
	secrettest.NoLeak(t, values, log)
}

// TestDeadToken: what no waiting heals ends the process with a sentence.
func TestDeadToken(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	w := startWorld(ctx, t)
	w.Slack.RevokeTokens()
	p := serving(ctx, t, w)
	select {
	case code := <-p.ended:
		if log := p.out.String(); code != exitFailed || !strings.Contains(log, "rekey: ") || !strings.Contains(log, "token") {
			t.Errorf("exit code %d:\n%s", code, log)
		}
	case <-ctx.Done():
		t.Errorf("it goes on with a dead token:\n%s", p.out)
	}
}

// TestUnsafeRedis: a server that would lose what it is told is refused, with
// everything that is wrong with it.
func TestUnsafeRedis(t *testing.T) {
	server := statetest.NewServer(t, "--maxmemory-policy", "allkeys-lru", "--appendonly", "no")
	env := everything()
	env["REDIS_URL"] = "redis://" + server.Addr
	code, _, err := ran(t, env, "serve", "--config", "testdata/rekey.yaml")
	if code != exitFailed || !strings.Contains(err, "maxmemory-policy allkeys-lru") || !strings.Contains(err, "append-only") {
		t.Errorf("exit code %d: %s", code, err)
	}
}
