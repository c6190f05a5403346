//go:build !release

package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
	"rekey/rotation/event"
)

// terminal is where people of a test use the command line.
type terminal struct {
	*testing.T
	dir string // keys, allowed signers, and the socket
}

// newTerminal makes a key for each name.
func newTerminal(t *testing.T, names ...string) *terminal {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatal("ssh-keygen is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it")
		}
		t.Skip("ssh-keygen is not installed")
	}
	dir, err := os.MkdirTemp("", "rekey-line") // a socket's path is short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	for _, name := range names {
		said, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", filepath.Join(dir, name)).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, said)
		}
	}
	return &terminal{t, dir}
}

// allow writes the file of allowed signers.
func (l *terminal) allow(names ...string) {
	l.Helper()
	var lines bytes.Buffer
	for _, name := range names {
		public, err := os.ReadFile(filepath.Join(l.dir, name+".pub"))
		if err != nil {
			l.Fatal(err)
		}
		fmt.Fprintf(&lines, "%s namespaces=%q %s", name, "rekey@"+sandboxInstallation, public)
	}
	if err := os.WriteFile(filepath.Join(l.dir, "signers"), lines.Bytes(), 0o600); err != nil {
		l.Fatal(err)
	}
}

func (l *terminal) at() string { return "unix:" + filepath.Join(l.dir, "s") }

// configured adds the command line to a sandbox's configuration.
func (l *terminal) configured(adjust func(string) string) func(string) string {
	return func(config string) string {
		return adjust(config) + fmt.Sprintf(`
command_line:
  listen: %s
  allowed_signers: %s
  workspace: T0SANDBOX
  people:
    - {name: ann, user: %s, approver: true}
    - {name: ben, user: %s, approver: true}
`, l.at(), filepath.Join(l.dir, "signers"), sandbox.Requester, sandbox.Approver)
	}
}

// runs is the program at the terminal, with somebody's key.
func (l *terminal) runs(who string, words ...string) (code int, said string) {
	l.Helper()
	env := variables{"PATH": os.Getenv("PATH"), "REKEY_TO": l.at(), "REKEY_INSTALLATION": sandboxInstallation, "REKEY_SSH_KEY": filepath.Join(l.dir, who)}
	var out bytes.Buffer
	code = run(l.Context(), words, process{in: strings.NewReader("yes\n"), out: &out, err: &out, env: env.lookup})
	return code, out.String()
}

// expects runs and fails unless it ends so, and says so.
func (l *terminal) expects(code int, text, who string, words ...string) string {
	l.Helper()
	got, said := l.runs(who, words...)
	if got != code || !strings.Contains(said, text) {
		l.Errorf("%s: rekey %s: exit code %d, want %d and %q:\n%s", who, strings.Join(words, " "), got, code, text, said)
	}
	return said
}

// TestSlackDown: Slack is away from the first start of the bot on. A leaked key
// is contained by statements alone, by two people; when Slack is back its thread
// holds everything, in order.
func TestSlackDown(t *testing.T) {
	t.Parallel()
	l := newTerminal(t, "ann", "ben", "eve")
	l.allow("ann", "ben")
	s := open(t, sandboxOptions{adjust: l.configured(calm())})
	s.unseen = true
	s.costly = true // staging stands on the same key, and is brought along after it is dead
	s.bot.stop()
	s.slack.Faults.Inject("down", wire.Fault{Do: wire.Drop()})
	s.starts("taking signed statements")

	l.expects(exitFailed, "not among the allowed signers", "eve", "status")
	l.expects(exitDone, "Emergency rotation of FAL_KEY started", "ann", "emergency", "FAL_KEY", "it", "is", "on", "github")
	s.becomes(rotation.Asking)
	status := l.expects(exitDone, "Slack is not reached", "ann", "status", "FAL_KEY")
	r := s.last()
	for _, want := range []string{"it is on github", r.PlanHash, r.Card.Evidence, string(r.Old().ID), "rekey approve FAL_KEY"} {
		if !strings.Contains(status, want) {
			t.Errorf("the status does not say %q:\n%s", want, status)
		}
	}
	l.expects(exitFailed, "whoever asked for a rotation does not approve it", "ann", "approve", "FAL_KEY")
	l.expects(exitFailed, "not among the allowed signers", "eve", "approve", "FAL_KEY")
	l.expects(exitDone, "Approved", "ben", "approve", "FAL_KEY")
	if r = s.becomes(rotation.Succeeded); s.keyLives(s.world.OldKey()) || !s.newKeyInUse() || r.Card.Approved[0].Path != "command line" {
		t.Errorf("old key lives %t, new key in use %t, %+v", s.keyLives(s.world.OldKey()), s.newKeyInUse(), r.Card)
	}
	if n := len(s.slack.Messages(sandbox.Channel)); n > 0 {
		t.Errorf("%d messages came through", n)
	}
	s.slack.Faults.Clear("down")
	s.says("*approved* request 1 (command line)")
	s.reports()
	s.whole(r)
}

// starts starts the bot again and waits until it says something.
func (s *scene) starts(text string) {
	s.Helper()
	before := len(s.bot.said.all())
	if err := s.bot.start(); err != nil {
		s.Fatal(err)
	}
	for {
		more := s.bot.said.more()
		if strings.Contains(string(s.bot.said.all()[before:]), text) {
			return
		}
		select {
		case <-more:
		case <-s.bot.Ended():
			s.Fatalf("it ended:\n%s", s.bot.tail())
		case <-s.ctx.Done():
			s.Fatalf("it never said %q:\n%s", text, s.bot.tail())
		}
	}
}

// whole holds that the thread tells every event of the journal that people are to
// see.
func (s *scene) whole(r *rotation.Rotation) {
	s.Helper()
	_, store, err := s.reader(s.ctx)
	if err != nil {
		s.Fatal(err)
	}
	defer closing(quiet, "Redis", store)
	rows, err := store.Events(s.ctx, r.Key(), 0, 1000)
	if err != nil {
		s.Fatal(err)
	}
	told := map[int]bool{}
	for _, m := range s.slack.Messages(sandbox.Channel) {
		if m.Metadata == nil {
			continue
		}
		first, last := s.entries(m)
		for seq := first; seq <= last; seq++ {
			told[seq] = true
		}
	}
	for _, row := range rows {
		e, err := event.Decode(row.Seq, row.Body)
		if err != nil {
			s.Fatal(err)
		}
		if e.Posted() && e.Kind != event.Started && !told[int(row.Seq)] {
			s.Errorf("the thread does not tell entry %d: %s %s", row.Seq, e.Kind, e.Text)
		}
	}
}
