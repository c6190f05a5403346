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
	"rekey/rotation"
)

// signing opens a calm sandbox whose people may sign. Whoever cries is an approver,
// too, and still may not approve.
func signing(t *testing.T, also ...string) *scene {
	t.Helper()
	keygen(t)
	s := open(t, sandboxOptions{line: true, also: also, adjust: func(config string) string {
		return strings.Replace(calm()(config), "{name: ann, user: "+sandbox.Requester, "{name: ann, user: "+sandbox.Requester+", approver: true", 1)
	}})
	s.unseen = true
	s.costly = true // where staging stands on the same key it is brought along after that is dead
	return s
}

// keygen skips where nobody can sign.
func keygen(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("REKEY_REQUIRE_TOOLS") == "1" {
			t.Fatal("ssh-keygen is not installed, and REKEY_REQUIRE_TOOLS=1 asks for it")
		}
		t.Skip("ssh-keygen is not installed")
	}
}

// expects has somebody use the command line, and fails unless that ends so, and
// says so.
func (s *scene) expects(code int, text, who string, words ...string) string {
	s.Helper()
	got, said, err := s.line.runs(s.ctx, who, words...)
	if err != nil {
		s.Fatal(err)
	}
	if got != code || !strings.Contains(said, text) {
		s.Errorf("%s: rekey %s: exit code %d, want %d and %q:\n%s", who, strings.Join(words, " "), got, code, text, said)
	}
	return said
}

// TestSlackDown: Slack is away from the first start of the bot on. A leaked key
// is contained by statements alone, by two people; when Slack is back its thread
// holds everything, in order.
func TestSlackDown(t *testing.T) {
	t.Parallel()
	s := signing(t)
	if err := s.line.makes("eve"); err != nil {
		t.Fatal(err)
	}
	s.bot.stop()
	if _, err := s.world.Inject(sandbox.FaultOrder{Service: "slack", Kind: sandbox.Down}); err != nil {
		t.Fatal(err)
	}
	s.starts("taking signed statements")

	s.expects(exitFailed, "not among the allowed signers", "eve", "status")
	s.expects(exitDone, "Emergency rotation of FAL_KEY started", "ann", "emergency", "FAL_KEY", "it", "is", "on", "github")
	s.becomes(rotation.Asking)
	status := s.expects(exitDone, "Slack is not reached", "ann", "status", "FAL_KEY")
	r := s.last()
	for _, want := range []string{"it is on github", r.PlanHash, r.Card.Evidence, string(r.Old().ID), "rekey approve FAL_KEY"} {
		if !strings.Contains(status, want) {
			t.Errorf("the status does not say %q:\n%s", want, status)
		}
	}
	s.expects(exitFailed, "whoever asked for a rotation does not approve it", "ann", "approve", "FAL_KEY")
	s.expects(exitFailed, "not among the allowed signers", "eve", "approve", "FAL_KEY")
	s.expects(exitDone, "Approved", "ben", "approve", "FAL_KEY")
	if r = s.becomes(rotation.Succeeded); s.keyLives(s.world.OldKey()) || !s.newKeyInUse() || r.Card.Approved[0].Path != "command line" {
		t.Errorf("old key lives %t, new key in use %t, %+v", s.keyLives(s.world.OldKey()), s.newKeyInUse(), r.Card)
	}
	if n := len(s.slack.Messages(sandbox.Channel)); n > 0 {
		t.Errorf("%d messages came through", n)
	}
	s.slack.Faults.Clear(sandbox.Down)
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
	wanted, err := s.tellable(s.ctx, r)
	if err != nil {
		s.Fatal(err)
	}
	for _, what := range untold(s.slack.Messages(sandbox.Channel), wanted) {
		s.Error(what)
	}
}

// TestRedisDown: with Redis away, too, the emergency runs at the terminal and keeps
// its state in a file, is gone on with after it was stopped, and is imported, once.
func TestRedisDown(t *testing.T) {
	t.Parallel()
	s := signing(t)
	s.bot.stop()
	whole, config, journal := filepath.Join(s.dir, "rekey.yaml"), filepath.Join(s.dir, "away.yaml"), filepath.Join(s.dir, "journal")
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	away := regexp.MustCompile(`(?m)^redis:\n  url_file: .*$`).ReplaceAll(text, []byte("redis:\n  address: 127.0.0.1:1"))
	if err := os.WriteFile(config, away, 0o600); err != nil || bytes.Equal(away, text) {
		t.Fatalf("no Redis in the configuration: %v", err)
	}
	cry := []string{"emergency", "FAL_KEY", "it", "is", "on", "github", "--local-journal", journal, "--config", config, "--key", s.line.keys["ann"].File}

	if code, said := s.typing(t.Context(), "yes\n", cry...); code != exitFailed || !strings.Contains(said, "nothing was started") {
		t.Errorf("unconfirmed: exit code %d:\n%s", code, said)
	}
	// Stopped while it asks, and gone on with.
	ctx, stop := context.WithCancel(s.ctx)
	stopped := make(chan string, 1)
	go func() {
		code, said := s.typing(ctx, "no bot runs\nyes\n", cry...)
		stopped <- fmt.Sprintf("exit code %d:\n%s", code, said)
	}()
	s.card(1)
	stop()
	if said := <-stopped; !strings.Contains(said, "exit code 1") || !strings.Contains(said, "the same command with the same journal goes on") {
		t.Errorf("stopped: %s", said)
	}
	ended := make(chan string, 1)
	go func() {
		code, said := s.typing(s.ctx, "no bot runs\n", cry...)
		ended <- fmt.Sprintf("exit code %d:\n%s", code, said)
	}()
	if err := signed.Await(s.ctx, s.line.at()); err != nil {
		t.Fatal(err)
	}
	s.expects(exitDone, "Approved", "ben", "approve", "FAL_KEY")
	if said := <-ended; !strings.Contains(said, "exit code 0") || !strings.Contains(said, "rekey import-journal") || !strings.Contains(said, "rekey approve NAME --to unix:") {
		t.Errorf("it ended badly: %s", said)
	}
	if s.keyLives(s.world.OldKey()) || !s.newKeyInUse() || s.last() != nil {
		t.Errorf("old key lives %t, new key in use %t, in Redis %v", s.keyLives(s.world.OldKey()), s.newKeyInUse(), s.last())
	}
	for range 2 {
		if code, said := s.typing(t.Context(), "", "import-journal", journal, "--config", whole); code != exitDone || !strings.Contains(said, "1 record in Redis") {
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
func (s *scene) typing(ctx context.Context, typed string, words ...string) (code int, said string) {
	out := &locked{}
	code = run(ctx, words, process{in: strings.NewReader(typed), out: out, err: out, env: variables{"PATH": os.Getenv("PATH")}.lookup})
	return code, out.String()
}
