//go:build !release

package main

import (
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// tagged puts secrets of the generated configuration under one tag.
func tagged(tag string, names ...string) func(string) string {
	calmly := calm("quorum", "1, emergency_batch_approval: once", "batch_gather", "20s")
	return func(config string) string {
		for _, name := range names {
			config = strings.Replace(config, "\n  "+name+":\n", "\n  "+name+":\n    tags: ["+tag+"]\n", 1)
		}
		return calmly(config)
	}
}

// TestSeveralLeaked: three secrets are contained at once, each in a thread of its
// own, and one message in the channel shows it and ends with when each died.
func TestSeveralLeaked(t *testing.T) {
	t.Parallel()
	names := []string{"FAL_KEY", "R2_ACCESS_KEY_ID", "UPSTASH_REDIS_REST_TOKEN"}
	s := open(t, sandboxOptions{also: names, adjust: tagged("leak", names...)})
	s.others = names[1:]
	s.costly = true // staging stands on the same key of fal.ai, and is brought along after it is dead
	s.shows(s.types(sandbox.Requester, "/rotate-emergency", "tag:leak a laptop was stolen"), "3 secrets")
	root := s.says("Emergency · every secret with the tag leak")
	answered := map[string]bool{}
	for over := false; !over; {
		var asked []slack.Message
		s.until("a request asks, or every old key is dead", func(now slack.Snapshot) bool {
			asked = nil
			for _, m := range now.Messages[sandbox.Channel] {
				if strings.Contains(m.Text, "React ✅") && m.Reacted("U0BOT", yes) && !answered[m.TS] {
					asked = append(asked, m)
				}
			}
			table, found := now.Find(func(m slack.Message) bool { return strings.Contains(m.Text, "All 3 old keys are dead.") })
			over = found && table.Thread == root.TS
			return over || len(asked) > 0
		})
		for _, m := range asked {
			answered[m.TS] = true
			if !strings.Contains(m.Text, "old keys end?") || m.Thread != root.TS {
				t.Errorf("a secret asks by itself: %s", m.Text)
			}
			s.react(sandbox.Approver, m, yes)
		}
	}
	if len(answered) > 2 {
		t.Errorf("people were asked %d times", len(answered)) // once, or twice where one secret was late
	}
	s.until("the message shows it", func(now slack.Snapshot) bool {
		m, _ := now.Find(func(m slack.Message) bool { return m.TS == root.TS })
		return strings.Contains(m.Text, "3 of 3 dead.") && strings.Count(string(m.Blocks), "|thread") == 3
	})
	engine, store, err := s.reader(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(quiet, "Redis", store)
	open, err := engine.Open(s.ctx)
	if err != nil {
		t.Fatal(err)
	}
	recent, err := engine.Recent(s.ctx, 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range append(open, recent...) {
		if r.Cell.Mode != rotation.Emergency || r.ContainedAt().IsZero() {
			t.Errorf("%s: %s %s, contained %s", r.Secret, r.Cell, r.State, r.ContainedAt())
		}
	}
}
