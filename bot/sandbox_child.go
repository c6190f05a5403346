//go:build !release

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
	"syscall"
	"time"
)

// child is the bot as a process of its own: the ordinary program with the
// ordinary command, so that killing it, starting it again and searching what
// it printed are real.
type child struct {
	args []string
	env  []string // beside the path; nothing of ours is inherited

	mu    sync.Mutex
	cmd   *exec.Cmd
	ended chan struct{}
	said  transcript // over all starts
}

func newChild(args ...string) *child {
	return &child{args: args, env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "REKEY_LOG_LEVEL=debug"}}
}

// start runs the program once more.
func (c *child) start() error {
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding this program: %w", err)
	}
	cmd := exec.Command(path, c.args...)
	cmd.Env = append(c.env, childMark)
	cmd.Stdout, cmd.Stderr = &c.said, &c.said
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the bot: %w", err)
	}
	ended := make(chan struct{})
	c.mu.Lock()
	c.cmd, c.ended = cmd, ended
	c.mu.Unlock()
	go func() {
		defer close(ended)
		_ = cmd.Wait() // how it ended is read from ProcessState where it matters
	}()
	return nil
}

// childMark tells a test binary that it is to be the program.
const childMark = "REKEY_SANDBOX_CHILD=1"

// Ended is closed when the present process is gone.
func (c *child) Ended() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// kill ends the process as a crash does, and waits.
func (c *child) kill() { c.signal(syscall.SIGKILL) }

// stop asks it to end, and ends it if it does not.
func (c *child) stop() {
	c.mu.Lock()
	started := c.cmd != nil
	c.mu.Unlock()
	if !started {
		return
	}
	c.signalOnly(syscall.SIGTERM)
	patience := time.NewTimer(5 * time.Second)
	defer patience.Stop()
	select {
	case <-c.Ended():
	case <-patience.C:
		c.kill()
	}
}

func (c *child) signal(s syscall.Signal) {
	c.signalOnly(s)
	<-c.Ended()
}

func (c *child) signalOnly(s syscall.Signal) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		c.said.note("signalling the bot: " + err.Error())
	}
}

// output is everything the bot has printed.
func (c *child) output() io.Reader { return bytes.NewReader(c.said.all()) }

// tail is the end of it, for people.
func (c *child) tail() string {
	const enough = 2000
	all := c.said.all()
	return string(all[max(0, len(all)-enough):])
}

// transcript keeps what a process prints.
type transcript struct {
	mu     sync.Mutex
	text   []byte
	change chan struct{} // closed at the next line; nil where nobody waits
}

// keptOutput bounds what is kept; a bot that prints more has gone wrong.
const keptOutput = 64 << 20

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.text)+len(p) > keptOutput {
		return 0, errors.New("the bot prints without end")
	}
	t.text = append(t.text, p...)
	if t.change != nil {
		close(t.change)
		t.change = nil
	}
	return len(p), nil
}

// more is closed when something else is printed.
func (t *transcript) more() <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.change == nil {
		t.change = make(chan struct{})
	}
	return t.change
}

func (t *transcript) note(line string) { _, _ = t.Write([]byte(line + "\n")) }

func (t *transcript) all() []byte {
	t.mu.Lock()
	defer t.mu.Unlock()
	return bytes.Clone(t.text)
}
