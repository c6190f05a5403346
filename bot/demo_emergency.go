//go:build !release

package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/rotation"
)

// leaked is what people say happened.
const leaked = "it is in a public repository"

// alarm is the requester's /rotate-emergency.
func (t *theatre) alarm(ctx context.Context, text string) error {
	t.say("@ann types: /rotate-emergency %s", text)
	if _, err := t.box.world.Slack.SlashCommand(ctx, sandbox.Requester, sandbox.Channel, "/rotate-emergency", text); err != nil {
		return fmt.Errorf("typing the command: %w", err)
	}
	return nil
}

// canary declares a secret one, beside what else is adjusted.
func canary(secret string, adjust func(string) string) func(string) string {
	return func(config string) string {
		if adjust != nil {
			config = adjust(config)
		}
		return strings.Replace(config, "\n  "+secret+":\n", "\n  "+secret+":\n    canary: true\n", 1)
	}
}

// inEmergency narrows what is held of a secret to what an emergency is about:
// staging's own key did not leak and stays.
func (a ledger) inEmergency() ledger {
	if a.secret == app.ChainURL {
		a.lost = nil // of tabs that were open, as the card says: nobody waits for them to be closed
	}
	if len(a.olds) == 1 {
		return a
	}
	a.olds, a.places = a.olds[1:], []string{sandbox.Production}
	if a.first == sandbox.VaultStaging {
		a.first = sandbox.VaultProduction
	}
	return a
}

// containment is what an emergency is for: the leaked key is dead at its service,
// and no application takes anything of it.
type containment struct {
	Contained bool `json:"contained"`
	// OldKeyDeadAt is from when on the service's own records have every leaked
	// key dead; where one still lives, when it dies by itself; empty where
	// nothing ends it.
	OldKeyDeadAt string `json:"old_key_dead_at"`
	// SecondsToContained are from the command to the later of both.
	SecondsToContained float64 `json:"contained_seconds"`
	ProductionFailed   int     `json:"production_failed"`
	Revived            int     `json:"revived,omitempty"` // how often a dead one came back to life

	waits bool // for a key that nothing ends sooner
}

// good holds when the leaked key is dead by the service's records, or is going to
// be by itself, and people were told that nothing contains it until then.
func (c *containment) good() bool {
	return c == nil || (c.Contained || c.waits) && c.OldKeyDeadAt != ""
}

func (c *containment) tell(secret string, say func(string, ...any)) {
	switch {
	case c == nil:
	case c.Contained:
		say("%s: contained %g s after the command; its old key is dead at the service since %s; %d requests of production failed", secret, c.SecondsToContained, c.OldKeyDeadAt, c.ProductionFailed)
	default:
		say("%s: NOT contained; the old key dies at %s", secret, c.OldKeyDeadAt)
	}
}

// coroner looks at a service's own records, all the time, whether the old keys of
// a secret live, and at the application, whether it still takes something of them.
type coroner struct {
	began    time.Time
	mu       sync.Mutex
	dead     time.Time // since when; zero while one lives
	accepted bool
	shut     time.Time // when the application was last seen to have stopped taking them
	revived  int
}

// pulse is how often the coroner looks.
const pulse = 10 * time.Millisecond

// attend looks until the returned function is called.
func (c *coroner) attend(ctx context.Context, a ledger) (leave func()) {
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	c.began = time.Now()
	go func() {
		defer close(gone)
		every := time.NewTicker(pulse)
		defer every.Stop()
		for ctx.Err() == nil {
			c.look(a.oldsDead(), time.Now())
			c.visit(a.oldsAccepted(), time.Now())
			select {
			case <-every.C:
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-gone }
}

func (c *coroner) look(dead bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case dead && c.dead.IsZero():
		c.dead = now
	case !dead && !c.dead.IsZero():
		c.dead = time.Time{}
		c.revived++
	}
}

// visit notes whether the application takes something of them.
func (c *coroner) visit(accepted bool, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.accepted && !accepted {
		c.shut = now
	}
	c.accepted = accepted
}

// death is since when the keys are dead; zero while one lives.
func (c *coroner) death() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.dead
}

// certify tells what became of the keys.
func (c *coroner) certify(a ledger) *containment {
	c.look(a.oldsDead(), time.Now())
	c.visit(a.oldsAccepted(), time.Now())
	c.mu.Lock()
	defer c.mu.Unlock()
	out := &containment{Contained: !c.dead.IsZero() && !c.accepted, Revived: c.revived}
	if !c.dead.IsZero() {
		out.OldKeyDeadAt = c.dead.UTC().Format(time.RFC3339Nano)
	}
	if at := c.dead; out.Contained {
		if c.shut.After(at) {
			at = c.shut
		}
		out.SecondsToContained = float64(at.Sub(c.began).Milliseconds()) / 1000
	}
	return out
}

// contained is what the story's emergency came to.
func (d *demo) contained(a ledger) *containment {
	c := d.coroner.certify(a)
	if _, told := d.own(d.box.world.Slack.Snapshot()).Find(tellsNotContained); told && !c.Contained && a.dies != nil {
		if at := a.dies(a.olds[0]); !at.IsZero() {
			c.OldKeyDeadAt, c.waits = at.UTC().Format(time.RFC3339Nano), true
		}
	}
	c.ProductionFailed = d.box.world.FailedFor(sandbox.Production, a.secret)
	return c
}

// unnoticed lists keys that came back to life and of which nobody was told.
func (d *demo) unnoticed() []string {
	d.coroner.mu.Lock()
	revived := d.coroner.revived
	d.coroner.mu.Unlock()
	told := count(d.own(d.box.world.Slack.Snapshot()), tellsOfRevival)
	if revived <= told {
		return nil
	}
	return []string{fmt.Sprintf("an old key came back to life after its end %d times; people were told of it %d times", revived, told)}
}

// tellsOfRevival are the messages that call people because a dead key lives.
func tellsOfRevival(m slack.Message) bool {
	return m.Thread != "" && strings.Contains(m.Text, "lives again")
}

// tellsNotContained are the messages that call people because a leaked key lives
// on.
func tellsNotContained(m slack.Message) bool {
	return m.Thread != "" && strings.Contains(m.Text, "■ Not contained.")
}

// uncontained holds when all was done and told that can be while such a key
// lives.
func uncontained(now slack.Snapshot) bool {
	_, told := now.Find(tellsNotContained)
	return told && len(auditFiles(now.Messages[sandbox.Channel])) >= 2
}

// mode is why the story's rotation runs.
func (s script) mode() rotation.Mode {
	switch {
	case s.emergency:
		return rotation.Emergency
	case s.back:
		return rotation.Rollback
	}
	return rotation.Routine
}
