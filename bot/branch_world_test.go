//go:build !release

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"rekey/bot/signed"
	"rekey/internal/sandbox/app"
	"rekey/rotation"
)

// TestOwnRedis: the database in which Rekey keeps its own records is contained by
// its second path, with its records in a file; in the end people are told where
// Rekey reads its way in, and where the new one is.
func TestOwnRedis(t *testing.T) {
	t.Parallel()
	s := signing(t, app.RedisToken)
	s.secret = app.RedisToken
	s.bot.stop()
	whole, config, journal := filepath.Join(s.dir, "rekey.yaml"), filepath.Join(s.dir, "own.yaml"), filepath.Join(s.dir, "journal")
	text, err := os.ReadFile(whole)
	if err != nil {
		t.Fatal(err)
	}
	at := regexp.MustCompile(`production: \{url: \S+, redis: "([^"]+)"`).FindSubmatch(text)
	own := regexp.MustCompile(`(?m)^redis:\n  url_file: .*$`).ReplaceAllString(string(text), "redis:\n  address: "+string(at[1]))
	if err := os.WriteFile(config, []byte(own), 0o600); err != nil {
		t.Fatal(err)
	}
	ended := make(chan string, 1)
	go func() {
		code, said := s.typing(s.ctx, "no bot runs\nyes\n", "emergency", s.secret, "it", "is", "on", "github",
			"--local-journal", journal, "--config", config, "--key", s.line.keys["ann"].File)
		ended <- fmt.Sprintf("exit code %d:\n%s", code, said)
	}()
	if err := signed.Await(s.ctx, s.line.at()); err != nil {
		t.Fatal(err)
	}
	s.card(1)
	s.expects(exitDone, "Approved", "ben", "approve", s.secret)
	said := <-ended
	for _, want := range []string{
		"exit code 0", "Rekey stands on " + s.secret + " itself: it keeps its own records in shop-production", "does not take what is configured",
		"redis.username in the configuration", app.RedisToken, "of the vault's environment prod.", "neither a bot that is started nor rekey import-journal",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
	if code, said := s.typing(t.Context(), "", "import-journal", journal, "--config", whole); code != exitDone || !strings.Contains(said, "1 record in Redis") {
		t.Errorf("importing: exit code %d:\n%s", code, said)
	}
	if r := s.last(); r == nil || r.State != rotation.Succeeded || r.ContainedAt().IsZero() || r.Card.Approved[0].Path != "command line" {
		t.Fatalf("%+v", r)
	}
}
