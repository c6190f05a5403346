//go:build !release

package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/slack"
)

// labelForm is the name that a guide asks a key to be given.
var labelForm = regexp.MustCompile(`rk_[a-z0-9_]+`)

// errand is a message that asks a person to make a key.
type errand struct {
	environment, label string
}

// asked finds the guide for an environment in the thread.
func asked(now slack.Snapshot, environment string) (errand, bool) {
	m, found := now.Find(func(m slack.Message) bool {
		return m.Thread != "" && strings.Contains(m.Text, "A person has to make the new key for "+environment)
	})
	return errand{environment, labelForm.FindString(m.Text)}, found
}

// atConsole sets a person at the console of a service that needs one, until
// the returned function is called.
func (d *demo) atConsole(ctx context.Context) (leave func()) {
	if !d.box.ledger(d.play.secret).byHand {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if err := d.makeKeys(ctx); err != nil && ctx.Err() == nil {
			d.say("@ann gives up: %v", err)
		}
	}()
	return func() { cancel(); <-gone }
}

// makeKeys is the person at the console: for each environment they wait to be
// asked, do what the thread says, and paste. bring, unless nil, does it instead.
func (d *demo) makeKeys(ctx context.Context) error {
	bring := d.play.bring
	if bring == nil {
		bring = diligent
	}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		var e errand
		err := d.box.world.Slack.Wait(ctx, func(now slack.Snapshot) (found bool) {
			e, found = asked(now, environment)
			return found
		})
		if err != nil {
			return fmt.Errorf("waiting to be asked for a key for %s: %w", environment, err)
		}
		if err := bring(d, e); err != nil {
			return fmt.Errorf("bringing the key for %s: %w", environment, err)
		}
	}
	return nil
}

// diligent makes exactly the key that was asked for and pastes it.
func diligent(d *demo, e errand) error {
	if e.label == "" {
		return errors.New("the guide names no key")
	}
	w := d.box.world
	k := w.MakeKey(anthropic.Order{Name: e.label, Workspace: sandbox.Workspace(e.environment), Account: sandbox.ServiceAccount})
	d.say("@ann makes %s at Anthropic's console, named %s, and pastes it into the inbox of %s", k.ID, e.label, e.environment)
	return w.Paste(e.environment)
}
