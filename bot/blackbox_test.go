//go:build !release

package main

import (
	"context"
	"errors"
	"maps"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/scan"
	"rekey/state/statetest"
)

// TestBlackBox: the program as people install it, a process of its own with
// `serve` and a configuration written by hand, replaces a key from the command
// to the report against another Slack than the sandbox's and a plain
// redis-server. It knows every outside system by its address alone.
func TestBlackBox(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeoutCause(t.Context(), 2*patience, errors.New("the story took too long"))
	defer cancel()
	redis := statetest.NewServer(t)
	world, err := sandbox.Start(ctx, sandbox.Options{Speed: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	slack := newWorkspace(t)
	server := httptest.NewServer(slack)
	t.Cleanup(server.Close)
	slack.base = server.URL

	bot := newChild("serve", "--config", byHand(t, world, slack, redis.Addr))
	if err := bot.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		bot.stop()
		if t.Failed() {
			t.Logf("the bot said last:\n%s", bot.tail())
		}
	})
	slack.rotates(ctx)
	world.Rest()
	bot.stop()
	rotatedByHand(t, world)
	slack.fair()
	hits, err := scan.New(scan.Secret{Name: "a token", Value: slack.botToken}).Reader("the bot's output", bot.output())
	if err != nil || len(hits) > 0 {
		t.Errorf("leaked: %v, %v", hits, err)
	}
}

// byHand writes the configuration with this test's addresses, and a file for
// each secret it names.
func byHand(t *testing.T, w *sandbox.World, s *workspace, redis string) string {
	t.Helper()
	dir, at, c := t.TempDir(), w.Endpoints(), w.Credentials()
	for name, value := range map[string]string{
		"fingerprint": c.Fingerprint, "slack-app": s.appToken, "slack-bot": s.botToken, "infisical-id": c.InfisicalID, "infisical-secret": c.InfisicalSecret,
		"deploy": c.Deploy, "attest-staging": c.AttestStaging, "attest-production": c.AttestProduction, "fal-admin": c.FalAdmin,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile("testdata/blackbox.yaml")
	if err != nil {
		t.Fatal(err)
	}
	filled := strings.NewReplacer("FOLDER", dir, "SLACK", s.base, "REDIS", redis, "INFISICAL", at.Infisical, "PROJECT", w.Project(),
		"DEPLOY", strings.TrimSuffix(at.Deploy, "/deploy"), "STAGING", at.Staging, "PRODUCTION", at.Production, "LOGS", at.Loki, "FAL/", at.Fal+"/").Replace(string(text))
	path := filepath.Join(dir, "rekey.yaml")
	if err := os.WriteFile(path, []byte(filled), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rotates plays the people: one asks, another one approves on the card. Where
// a stalled machine could not make a watch, the bot says so and the person who
// asked lets it go on.
func (s *workspace) rotates(ctx context.Context) {
	s.t.Helper()
	s.until(ctx, "the bot has a socket", func() bool { return s.conn != nil })
	s.types(ctx, asker, "/rotate", "FAL_KEY")
	var card *note
	s.goesOn(ctx, "the card asks", func() bool {
		card = s.find(func(n *note) bool { return strings.Contains(n.Text, "React ✅") && marked(n, yes) && marked(n, no) })
		return card != nil
	})
	s.marks(ctx, judge, card, yes)
	s.goesOn(ctx, "the report is there", func() bool {
		return s.find(func(n *note) bool { return strings.Contains(n.Text, "FAL_KEY is rotated") }) != nil
	})
}

func marked(n *note, emoji string) bool { return slices.Contains(n.Marks[emoji], ownUser) }

func (s *workspace) goesOn(ctx context.Context, what string, holds func() bool) {
	s.t.Helper()
	for helped := 0; ; helped++ {
		there := false
		s.until(ctx, what, func() bool {
			stopped := 0
			for _, n := range s.posts {
				if strings.Contains(n.Text, "*Stopped at “Watch production") {
					stopped++
				}
			}
			there = holds()
			return there || stopped > helped
		})
		if there {
			return
		}
		s.types(ctx, asker, "/rotate", "retry FAL_KEY")
	}
}

// rotatedByHand holds what a rotation is for, against the world's own records.
func rotatedByHand(t *testing.T, w *sandbox.World) {
	t.Helper()
	if k, _ := w.Fal.Key(w.OldKey()); k.Live() {
		t.Error("the old key lives")
	}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		e, ok := w.Infisical.Read(w.Place(environment), app.FalKey)
		if id, _, _ := strings.Cut(e.Value, ":"); !ok || e.Version != 2 || id == w.OldKey() {
			t.Errorf("%s is at version %d with the key %s", environment, e.Version, id)
		}
	}
	if r := w.Report(); r.Failed > 0 || r.Requests == 0 {
		t.Errorf("%d of %d requests to the application failed", r.Failed, r.Requests)
	}
	for _, kind := range []sandbox.Kind{sandbox.Create, sandbox.VaultStaging, sandbox.VaultProduction, sandbox.Delete} {
		n := 0
		for _, done := range w.Writes() {
			if done.Kind == kind {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%q was done %d times", kind, n)
		}
	}
}

// fair holds the bot to what Slack expects of an app: every envelope was
// acknowledged, and no method was needed that this workspace has not. Without
// files.* a chart is not shown, and the thread says the same in words.
func (s *workspace) fair() {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for id := range s.sent {
		if s.acked[id].IsZero() {
			s.t.Errorf("%s was not acknowledged", id)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.unknown)) {
		if !strings.HasPrefix(name, "files.") {
			s.t.Errorf("%s was asked for %d times", name, s.unknown[name])
		}
	}
	roots := 0
	for _, n := range s.posts {
		if n.Thread == "" {
			roots++
		}
	}
	if roots != 1 {
		s.t.Errorf("%d messages stand in the channel itself, not one", roots)
	}
}
