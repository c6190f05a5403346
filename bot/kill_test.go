//go:build !release

package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
	"rekey/state/statetest"
)

// enduring is a sandbox on a real redis-server of the test's own. The right to
// post into a thread is held for two calls of the chat: a process that is
// killed with it keeps the next one waiting for that long.
func enduring(t *testing.T) (*scene, *statetest.Server) {
	t.Helper()
	server := statetest.NewServer(t)
	s := open(t, sandboxOptions{redis: "redis://" + server.Addr + "/0", adjust: changed("chat: {", "chat: {timeout: 2s, ")})
	s.calm = true
	return s, server
}

// TestKilledAtEachWrite kills the bot with SIGKILL at the moment when the world
// has done what it wrote and has not answered, for each write of a rotation,
// starts it again, and lets the story finish.
func TestKilledAtEachWrite(t *testing.T) {
	// What is written more than once, because a process that does not know
	// whether it was done cannot leave it: a key without an answer has no
	// value, so it is deleted and another one made; a message without an
	// answer has no address; an end is asked for again by its id.
	again := map[sandbox.Kind]map[sandbox.Kind]int{
		sandbox.Create:       {sandbox.Create: 2, sandbox.Delete: 2},
		sandbox.ApprovalCard: {sandbox.ApprovalCard: 2},
		sandbox.Delete:       {sandbox.Delete: 2},
	}
	for _, kind := range sandbox.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s, _ := enduring(t)
			killed := make(chan struct{})
			s.when(kind, func(sandbox.Write) {
				s.bot.kill()
				close(killed)
			})
			back := make(chan error, 1)
			go func() { back <- s.revive(killed) }()
			s.rotate("FAL_KEY")
			card := s.card(1)
			if kind == sandbox.ApprovalCard {
				s.copyIsInert(card)
			}
			s.react(sandbox.Approver, card, yes)
			s.reports()
			if err := <-back; err != nil {
				t.Fatal(err)
			}
			s.rotated(again[kind])
			s.once(kind)
		})
	}
}

// revive starts the bot again once it was killed.
func (s *scene) revive(killed <-chan struct{}) error {
	select {
	case <-killed:
		return s.start(s.ctx)
	case <-s.ctx.Done():
		return fmt.Errorf("waiting for the kill: %w", context.Cause(s.ctx))
	}
}

// once holds that what was written twice was not done twice: one version in
// each environment, and no key ended but the old one and, where the answer
// that had its value was lost, a new one that nobody ever used.
func (s *scene) once(kind sandbox.Kind) {
	s.Helper()
	for environment, version := range s.versions() {
		if version != 2 {
			s.Errorf("%s is at version %d", environment, version)
		}
	}
	for _, w := range s.world.Writes() {
		unused := kind == sandbox.Create && s.ours(w.What)
		if w.Kind == sandbox.Delete && w.What != s.world.OldKey() && !unused {
			s.Errorf("key %s was deleted", w.What)
		}
	}
}

// copyIsInert reacts on the message whose answer was lost: nobody knows its
// address, so it must not count, and the card that does says that it is a copy.
func (s *scene) copyIsInert(card slack.Message) {
	s.Helper()
	var first slack.Message
	for _, w := range s.world.Writes() {
		if w.Kind == sandbox.ApprovalCard && w.What != card.TS {
			first, _ = s.slack.Message(sandbox.Channel, w.What)
		}
	}
	if first.TS == "" || first.TS >= card.TS {
		s.Fatalf("there is no earlier copy of %s", card.TS)
	}
	if !copied(card) || copied(first) {
		s.Errorf("which is the copy? first: %s\nsecond: %s", first.Text, card.Text)
	}
	before := s.slack.Stats().Acked
	s.react(sandbox.Approver, first, yes)
	s.until("the reaction was heard", func(now slack.Snapshot) bool { return now.Stats.Acked > before })
	s.shows(s.rotate("status FAL_KEY"), "Waiting for approval")
	if r := s.last(); r.State != rotation.Asking || r.Card.State != rotation.CardOpen {
		s.Errorf("a reaction on a lost copy made it %q, the request %q", r.State, r.Card.State)
	}
	s.kept()
}

// TestKilledWhileTheVaultHolds: the first write waits for approval in the
// vault, and the process that was told so is dead. The vault looks as if
// nothing had been written, and only people can see what waits there: the new
// key must live until one of them has looked.
func TestKilledWhileTheVaultHolds(t *testing.T) {
	t.Parallel()
	s, _ := enduring(t)
	vault := s.world.Infisical
	vault.HoldWrites(s.world.Project(), sandbox.Staging, true)
	killed := make(chan struct{})
	s.when(sandbox.VaultStaging, func(sandbox.Write) {
		s.bot.kill()
		close(killed)
	})
	s.rotate("FAL_KEY")
	if err := s.revive(killed); err != nil {
		t.Fatal(err)
	}
	s.stops(1, "if the vault keeps it for approval, merge it or turn it down first", "Old key still valid. Nothing was revoked.")
	s.halted(1, 1)
	waiting := vault.Pending()
	if len(waiting) != 1 || len(s.liveKeys()) != 1 || s.wrote(sandbox.Delete) > 0 {
		t.Fatalf("waiting in the vault: %d, keys of ours that live: %v", len(waiting), s.liveKeys())
	}
	if err := vault.Merge(waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	s.retries()
	s.approved()
	s.rotated(nil)
	s.once("")
}

// TestRedisKilled kills redis-server itself, twice: while the bot waits for the
// answer to a write, and while people are asked, one of whom answers in the
// meantime. It comes back only when the bot has noticed.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	s, server := enduring(t)
	down := make(chan struct{})
	s.when(sandbox.VaultProduction, func(sandbox.Write) {
		server.Kill(t)
		close(down)
	})
	s.rotate("FAL_KEY")
	select {
	case <-down:
	case <-s.ctx.Done():
		t.Fatal(context.Cause(s.ctx))
	}
	s.missed(server)
	server.Start(t)
	card := s.card(1)
	server.Kill(t)
	s.react(sandbox.Approver, card, yes)
	s.missed(server)
	server.Start(t)
	s.reports()
	s.rotated(nil)
	s.once("")
}

// missed waits until somebody has looked for the server that is not there.
func (s *scene) missed(server *statetest.Server) {
	s.Helper()
	l, err := net.Listen("tcp", server.Addr)
	if err != nil {
		s.Fatal(err)
	}
	stop := context.AfterFunc(s.ctx, func() { _ = l.Close() })
	defer stop()
	c, err := l.Accept()
	if err != nil {
		s.Fatalf("nobody looks for Redis: %v", errors.Join(err, context.Cause(s.ctx)))
	}
	if err := errors.Join(c.Close(), l.Close()); err != nil {
		s.Error(err)
	}
}

// TestTwoBots runs two bots on one configuration and kills whichever is at
// work when production is written. The other one finishes; nothing is done
// twice.
func TestTwoBots(t *testing.T) {
	t.Parallel()
	s, server := enduring(t)
	second := s.another()
	looker := redis.NewClient(&redis.Options{Addr: server.Addr})
	t.Cleanup(func() { _ = looker.Close() })
	var killed *child
	s.when(sandbox.VaultProduction, func(sandbox.Write) {
		killed = s.atWork(looker, s.bot, second)
		if killed != nil {
			killed.kill()
		}
	})
	s.rotate("FAL_KEY")
	s.approved()
	if killed == nil {
		t.Fatal("nobody was killed")
	}
	s.rotated(nil)
	s.once("")
}

// another starts a second bot beside the first. What it prints is searched,
// too.
func (s *scene) another() *child {
	s.Helper()
	second := newChild(s.bot.args...)
	if err := s.launch(s.ctx, second); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		second.stop()
		leaks, err := s.world.Leaks(s.ctx, sandbox.Output{Name: "the second bot's output", From: second.output()})
		if err != nil {
			s.Error(err)
		}
		for _, l := range leaks {
			s.Errorf("leaked: %v", l)
		}
	})
	return second
}

// atWork is the bot that holds the rotation now. A lease names its holder by
// host and process.
func (s *scene) atWork(looker *redis.Client, bots ...*child) *child {
	keys, err := looker.Keys(s.ctx, "{rekey:"+sandboxInstallation+"}:lease:rotation/*").Result()
	if err != nil || len(keys) != 1 {
		s.Errorf("leases: %v, %v", keys, err)
		return nil
	}
	holder, err := looker.Get(s.ctx, keys[0]).Result()
	if err != nil {
		s.Errorf("reading a lease: %v", err)
		return nil
	}
	i := slices.IndexFunc(bots, func(c *child) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		return strings.HasSuffix(holder, fmt.Sprintf("/%d", c.cmd.Process.Pid))
	})
	if i < 0 {
		s.Errorf("the lease is held by %q", holder)
		return nil
	}
	return bots[i]
}
