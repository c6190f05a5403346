//go:build !release

package main

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// TestSandboxCommandLine: what cannot be followed is refused before a world
// starts, without repeating what was typed.
func TestSandboxCommandLine(t *testing.T) {
	const token = "xoxb-1111111111-2222222222-AbCdEfGhIjKl"
	for name, test := range map[string]struct {
		args []string
		code int
		out  string
		err  string
	}{
		"help asked":      {args: []string{"-h"}, code: exitDone, out: "--plant FAULT"},
		"left over":       {args: []string{"--demo", "FAL_KEY", token}, code: exitUsage, err: "takes options only"},
		"unknown option":  {args: []string{"--" + token}, code: exitUsage, err: "takes the options below"},
		"no speed":        {args: []string{"--speed", token}, code: exitUsage, err: "takes the options below"},
		"speed NaN":       {args: []string{"--speed", "NaN"}, code: exitUsage, err: "--speed must be between"},
		"speed too high":  {args: []string{"--speed", "21"}, code: exitUsage, err: "--speed must be between"},
		"no demo named":   {args: []string{"--demo", ""}, code: exitUsage, err: "--demo plays all, or one of ANTHROPIC_API_KEY, "},
		"unknown demo":    {args: []string{"--demo", token}, code: exitUsage, err: "--demo plays all, or one of ANTHROPIC_API_KEY, "},
		"plant in all":    {args: []string{"--demo", "all", "--plant", "leak"}, code: exitUsage, err: "--plant goes with the --demo of one secret"},
		"with and demo":   {args: []string{"--demo", "FAL_KEY", "--with", "all"}, code: exitUsage, err: "--with is for playing by hand"},
		"with unknown":    {args: []string{"--with", "FAL_KEY," + token}, code: exitUsage, err: "--with takes all, or some of ANTHROPIC_API_KEY, "},
		"with nothing":    {args: []string{"--with", ""}, code: exitUsage, err: "--with takes all, or some of"},
		"alarm by hand":   {args: []string{"--emergency"}, code: exitUsage, err: "--emergency goes with --demo"},
		"routine first":   {args: []string{"--demo", "FAL_KEY", "--revoke-first"}, code: exitUsage, err: "--revoke-first goes with the --demo of one secret and --emergency"},
		"no canary":       {args: []string{"--demo", "all", "--drill"}, code: exitUsage, err: "--drill goes with the --demo of one secret"},
		"no way to ask":   {args: []string{"--demo", "FAL_KEY", "--slack-down"}, code: exitUsage, err: "--slack-down goes with the --demo of one secret and --emergency"},
		"nobody there":    {args: []string{"--demo", "ANTHROPIC_API_KEY", "--emergency", "--slack-down"}, code: exitUsage, err: "at a console, as `rekey status ANTHROPIC_API_KEY` tells them"},
		"no root":         {args: []string{"--demo", "FAL_KEY", "--root"}, code: exitUsage, err: "--root goes with --demo TRIGGER_API_KEY"},
		"no audit":        {args: []string{"--demo", "FAL_KEY", "--files", "/tmp"}, code: exitUsage, err: "--files goes with --emergency"},
		"json by hand":    {args: []string{"--json"}, code: exitUsage, err: "--json goes with --demo"},
		"plant, no end":   {args: []string{"--demo", "AYRSHARE_API_KEY", "--emergency", "--revoke-first", "--plant", "leak"}, code: exitUsage, err: "already the fastest way"},
		"plant by hand":   {args: []string{"--plant", "leak"}, code: exitUsage, err: "--plant goes with --demo"},
		"no plant named":  {args: []string{"--demo", "FAL_KEY", "--plant", ""}, code: exitUsage, err: "--plant must be one of"},
		"unknown planted": {args: []string{"--demo", "FAL_KEY", "--plant", token}, code: exitUsage, err: "--plant must be one of"},
	} {
		code, out, err := ran(t, variables{}, append([]string{"sandbox"}, test.args...)...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(err, test.err) {
			t.Errorf("%s: code %d\nstdout: %s\nstderr: %s", name, code, out, err)
		}
		secrettest.NoLeak(t, []secret.Value{secret.New(token)}, out, err)
	}
}

// TestSignalledTwice: a supervisor that tells the process and then its group
// signals twice within moments; the sandbox still ends in order.
func TestSignalledTwice(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.CommandContext(t.Context(), os.Args[0], "sandbox")
	cmd.Env = append(os.Environ(), childMark, "TMPDIR="+dir)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		<-time.After(time.Millisecond)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "rekey-sandbox-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// TestSandboxTellsWhatItShortens: the sandbox's configuration is an operator's
// but for its waits, and check says so of it, and nothing else.
func TestSandboxTellsWhatItShortens(t *testing.T) {
	world, err := sandbox.Start(t.Context(), sandbox.Options{Speed: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	dir := t.TempDir()
	if _, err := newTerminal(dir); err != nil {
		t.Fatal(err)
	}
	path, err := writeConfig(dir, world, sandboxOptions{speed: 1, line: true})
	if err != nil {
		t.Fatal(err)
	}
	code, out, said := ran(t, variables{}, "check", "--config", path)
	if code != exitDone || said != "" {
		t.Fatalf("code %d: %s", code, said)
	}
	if !strings.Contains(out, "3 lines can be used, and every secret has its approvers among them.") {
		t.Errorf("of those who may sign it says otherwise:\n%s", out)
	}
	_, known, _ := strings.Cut(out, "Worth knowing:\n")
	known, _, _ = strings.Cut(known, "\n\n")
	for _, want := range []string{"watch: it sees less than a usual one", "watch_after: it sees less", "secrets.FAL_KEY.waits.hold: "} {
		if !strings.Contains(known, want) {
			t.Errorf("%q is missing in:\n%s", want, known)
		}
	}
	other := regexp.MustCompile(`^  (watch|watch_after): [^:]+: window \S+ \(\S+\)$|^  secrets\.\w+\.waits\.|^  redis\.durability: accepted`)
	for l := range strings.SplitSeq(strings.TrimSpace(known), "\n") {
		if l = "  " + strings.TrimSpace(l); !other.MatchString(l) {
			t.Errorf("more than its waits is lenient: %s", l)
		}
	}
}
