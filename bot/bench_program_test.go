//go:build !release

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/state/statetest"
)

// BenchmarkStartUp measures the program as it is released, from its start to
// the line "ready", and to an open socket; and the memory it holds half a minute
// later, with nothing to do.
func BenchmarkStartUp(b *testing.B) {
	binary := filepath.Join(b.TempDir(), "rekey")
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-trimpath", "-tags", "release", "-o", binary, ".").CombinedOutput(); err != nil {
		b.Fatalf("building: %v\n%s", err, out)
	}
	server := statetest.NewServer(b)
	w, err := sandbox.Start(b.Context(), sandbox.Options{Redis: "redis://" + server.Addr, Visits: -1})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(w.Close)
	config, err := writeConfig(b.TempDir(), w, sandboxOptions{speed: 1})
	if err != nil {
		b.Fatal(err)
	}
	var ready, connected []time.Duration
	for b.Loop() {
		p := benchStart(b, w, binary, config)
		ready, connected = append(ready, p.ready), append(connected, p.connected)
		p.stop()
	}
	benchMetric(b, "ready-ns", benchMedian(ready))
	benchMetric(b, "connected-ns", benchMedian(connected))
	p := benchStart(b, w, binary, config)
	defer p.stop()
	<-time.After(30 * time.Second)
	b.ReportMetric(p.memory(b), "idle-MB")
}

// benchProgram is one process that serves, and how long it took to get there.
type benchProgram struct {
	cmd              *exec.Cmd
	ready, connected time.Duration
}

// benchStart starts the program and waits for its line "ready" and for its
// socket to Slack.
func benchStart(b *testing.B, w *sandbox.World, binary, config string) benchProgram {
	b.Helper()
	before, start := w.Slack.Stats().Opened, time.Now()
	p := benchProgram{cmd: exec.CommandContext(b.Context(), binary, "serve", "--config", config)}
	p.cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "REKEY_LOG_LEVEL=info"}
	said, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewScanner(said)
	for there := false; !there && lines.Scan(); {
		there = strings.Contains(lines.Text(), `"msg":"ready"`)
	}
	p.ready = time.Since(start)
	go func() { _, _ = io.Copy(io.Discard, said) }() // ends with the process
	ctx, cancel := context.WithTimeout(b.Context(), patience)
	defer cancel()
	if err := w.Slack.Wait(ctx, func(now slack.Snapshot) bool { return now.Stats.Opened > before }); err != nil {
		b.Fatal(err)
	}
	p.connected = time.Since(start)
	return p
}

func (p benchProgram) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	_ = p.cmd.Wait()
}

// memory is what of the process is resident, in MB.
func (p benchProgram) memory(b *testing.B) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skip("this system does not tell a process's memory")
	}
	_, after, _ := strings.Cut(string(status), "VmRSS:")
	kB, err := strconv.Atoi(strings.Fields(after)[0])
	if err != nil {
		b.Fatal(err)
	}
	return float64(kB) / 1024
}
