//go:build !release

package main

import (
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/upstash"
	"rekey/rotation"
)

// withoutAccount is a configuration for an account that has no API key.
func withoutAccount(config string) string {
	config = regexp.MustCompile(`(?m)^ +admin: \{key_file: \S*upstash-account\}\n`).ReplaceAllString(config, "")
	return strings.Replace(config, "    upstash:\n", "    upstash:\n      by_hand: true\n", 1)
}

// resets a database as a person does in the console.
func (s *scene) resets(environment string) upstash.Credential {
	s.Helper()
	if !s.world.Upstash.End(s.world.OldRedisToken(environment)) {
		s.Fatalf("the database of %s was reset already", environment)
	}
	return s.world.Upstash.Own(sandbox.Database(environment))
}

// TestUpstashResetByHand: an account that a platform made has no API. People
// approve the outage, reset in the console, and paste all that moves together;
// the wrong one of two tokens is told.
func TestUpstashResetByHand(t *testing.T) {
	t.Parallel()
	calm := calm("remind", "1h")
	s := open(t, sandboxOptions{also: []string{app.RedisToken}, ownRedisToken: true, adjust: func(config string) string { return withoutAccount(calm(config)) }})
	s.secret, s.calm = app.RedisToken, true
	s.rotate(s.secret)
	s.react(sandbox.Approver, s.card(1), yes)
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		s.wanted(environment)
		made := s.resets(environment)
		values := sandbox.RedisValues(made, s.world.Upstash.Address(made.Database))
		if environment == sandbox.Staging {
			s.leaves(environment, app.RedisToken, made.ReadOnly)
		}
		s.leaves(environment, app.RedisReadOnly, values[app.RedisReadOnly])
		s.leaves(environment, app.RedisURL, values[app.RedisURL])
		if environment == sandbox.Staging {
			s.says("That is the read-only token")
		}
		s.leaves(environment, app.RedisToken, values[app.RedisToken])
	}
	s.reports()
	own := s.ledger(s.secret)
	if r := s.last(); r == nil || r.State != rotation.Succeeded || !own.oldsDead() || !s.newInUse(own) || s.inInboxes() > 0 {
		t.Errorf("at the end: %+v, old ones dead %t, new ones in use %t, %d values in inboxes", r, own.oldsDead(), s.newInUse(own), s.inInboxes())
	}
	if n := s.wrote(sandbox.ResetCredentials); n > 0 {
		t.Errorf("the bot reset %d times", n)
	}
}

// TestUpstashOwnRecords: a database in which Rekey keeps its own records is left
// alone.
func TestUpstashOwnRecords(t *testing.T) {
	t.Parallel()
	same := func(config string) string {
		file := regexp.MustCompile(`url_file: (\S+redis-url)`).FindStringSubmatch(config)
		text, err := os.ReadFile(file[1])
		if err != nil {
			t.Error(err)
		}
		u, err := url.Parse(strings.TrimSpace(string(text)))
		if err != nil {
			t.Error(err)
		}
		return regexp.MustCompile(`(production: \{url: \S+, redis: )"[^"]+"`).ReplaceAllString(config, `$1"`+u.Host+`"`)
	}
	s := open(t, sandboxOptions{also: []string{app.RedisToken}, adjust: same})
	s.secret = app.RedisToken
	s.shows(s.rotate(s.secret), "its own records in shop-production", "nothing was changed")
	s.shows(s.types(sandbox.Requester, "/rotate-emergency", s.secret+" it is on github"), "its own records in shop-production", "--local-journal FILE")
	if w := s.world.Writes(); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
}
