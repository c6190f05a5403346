//go:build !release

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rekey/bot/signed"
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

// TestRedisDown: with Redis away, too, the emergency runs at the terminal and keeps
// its state in a file, is gone on with after it was stopped, and is imported, once.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	l := newTerminal(t, "ann", "ben")
	l.allow("ann", "ben")
	s := open(t, sandboxOptions{adjust: l.configured(calm())})
	s.unseen, s.costly = true, true
	s.bot.stop()
	whole, config, journal := filepath.Join(s.dir, "rekey.yaml"), filepath.Join(s.dir, "away.yaml"), filepath.Join(l.dir, "journal")
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	away := regexp.MustCompile(`(?m)^redis:\n  url_file: .*$`).ReplaceAll(text, []byte("redis:\n  address: 127.0.0.1:1"))
	if err := os.WriteFile(config, away, 0o600); err != nil || bytes.Equal(away, text) {
		t.Fatalf("no Redis in the configuration: %v", err)
	}
	cry := []string{"emergency", "FAL_KEY", "it", "is", "on", "github", "--local-journal", journal, "--config", config, "--key", filepath.Join(l.dir, "ann")}

	if code, said := l.typing(t.Context(), "yes\n", cry...); code != exitFailed || !strings.Contains(said, "nothing was started") {
		t.Errorf("unconfirmed: exit code %d:\n%s", code, said)
	}
	// Stopped while it asks, and gone on with.
	ctx, stop := context.WithCancel(s.ctx)
	stopped := make(chan string, 1)
	go func() {
		code, said := l.typing(ctx, "no bot runs\nyes\n", cry...)
		stopped <- fmt.Sprintf("exit code %d:\n%s", code, said)
	}()
	s.card(1)
	stop()
	if said := <-stopped; !strings.Contains(said, "exit code 1") || !strings.Contains(said, "the same command with the same journal goes on") {
		t.Errorf("stopped: %s", said)
	}
	ended := make(chan string, 1)
	go func() {
		code, said := l.typing(s.ctx, "no bot runs\n", cry...)
		ended <- fmt.Sprintf("exit code %d:\n%s", code, said)
	}()
	if err := signed.Await(s.ctx, l.at()); err != nil {
		t.Fatal(err)
	}
	l.expects(exitDone, "Approved", "ben", "approve", "FAL_KEY")
	if said := <-ended; !strings.Contains(said, "exit code 0") || !strings.Contains(said, "rekey import-journal") || !strings.Contains(said, "rekey approve NAME --to unix:") {
		t.Errorf("it ended badly: %s", said)
	}
	if s.keyLives(s.world.OldKey()) || !s.newKeyInUse() || s.last() != nil {
		t.Errorf("old key lives %t, new key in use %t, in Redis %v", s.keyLives(s.world.OldKey()), s.newKeyInUse(), s.last())
	}
	for range 2 {
		if code, said := l.typing(t.Context(), "", "import-journal", journal, "--config", whole); code != exitDone || !strings.Contains(said, "1 record in Redis") {
			t.Errorf("importing: exit code %d:\n%s", code, said)
		}
	}
	r := s.last()
	if r == nil || r.State != rotation.Succeeded || r.Card.Approved[0].Path != "command line" {
		t.Fatalf("%+v", r)
	}
	s.starts("connected to Slack")
	s.reports()
	s.whole(r)
}

// typing runs the program with what somebody types.
func (l *terminal) typing(ctx context.Context, typed string, words ...string) (code int, said string) {
	out := &locked{}
	code = run(ctx, words, process{in: strings.NewReader(typed), out: out, err: out, env: variables{"PATH": os.Getenv("PATH")}.lookup})
	return code, out.String()
}
