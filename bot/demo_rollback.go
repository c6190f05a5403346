//go:build !release

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/providers"
	"rekey/rotation"
)

// homecoming is what a rollback is for, by the world's own records.
type homecoming struct {
	RolledBack bool `json:"rolled_back"`  // the bot's record says so
	OldKeyLive bool `json:"old_key_live"` // in use everywhere, and accepted
	NewKeyDead bool `json:"new_key_dead"` // of every key that was made
}

// good holds when everything is as it was.
func (h *homecoming) good() bool { return h.RolledBack && h.OldKeyLive && h.NewKeyDead }

// whole holds when a rollback left nothing as it should not be.
func (r *played) whole(noticed bool) bool {
	return r.homecoming.good() && r.Result == "done" && !r.OldKeyDead && !noticed && len(r.broken) == 0
}

func (h *homecoming) tell(secret string, say func(string, ...any)) {
	if h != nil {
		say("%s: rolled back %t: old key in use and live %t, new key dead %t", secret, h.RolledBack, h.OldKeyLive, h.NewKeyDead)
	}
}

// cameHome is what a story's rollback came to.
func (d *demo) cameHome(a ledger, record *rotation.Rotation) *homecoming {
	h := &homecoming{RolledBack: record != nil && record.Cell.Mode == rotation.Rollback && record.State == rotation.Succeeded}
	h.OldKeyLive = d.box.inUse(a, func(k ledgerKey) bool { return slices.Contains(a.olds, k.id) })
	made := 0
	h.NewKeyDead = true
	for _, k := range a.keys() {
		if k.ours() {
			made++
			h.NewKeyDead = h.NewKeyDead && !k.live
		}
	}
	h.NewKeyDead = h.NewKeyDead && made > 0
	return h
}

// cameBack holds when the thread says that everything is back on the old key.
func cameBack(now slack.Snapshot) bool {
	_, told := now.Find(func(m slack.Message) bool { return m.Thread != "" && strings.Contains(m.Text, "Rolled back in") })
	return told
}

// tidyUp does at the console what the report of a rollback leaves to people, and
// waits until the service refuses what was ended there.
func (d *demo) tidyUp(ctx context.Context) error {
	if !d.play.back {
		return nil
	}
	own := d.box.ledger(d.play.secret)
	_, left := d.own(d.box.world.Slack.Snapshot()).Find(func(m slack.Message) bool { return strings.Contains(m.Text, "only a person can end it") })
	for _, k := range own.keys() {
		if left && k.ours() && k.live {
			d.say("@ann deletes %s at the console, as the report asks", k.id)
			own.end(k.id)
		}
	}
	every := time.NewTicker(pulse)
	defer every.Stop()
	for left && slices.ContainsFunc(own.keys(), func(k ledgerKey) bool { return k.ours() && k.live }) {
		select {
		case <-every.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// checkRollback turns down --rollback where there is no way back to be played, in
// the engine's words.
func (o sandboxOptions) checkRollback(given map[string]bool) error {
	switch {
	case !o.rollback:
		return nil
	case !given["demo"] || o.all() || o.emergency || o.drill || given["plant"]:
		return errors.New("--rollback goes with the --demo of one secret, and with nothing else that changes its story")
	}
	name := strings.ToUpper(o.demo)
	entry, p, err := o.beginning()
	if err != nil {
		return err
	}
	shape := p.Kind.Traits().Shape
	if err := rotation.Executable(rotation.Cell{Mode: rotation.Rollback, Shape: shape}); err != nil {
		return fmt.Errorf("--rollback: %s: %w", entry.Name, err)
	}
	if shape == providers.Grace {
		return fmt.Errorf("--rollback: %s: the old key dies by itself a day after the new one was made, so that a way back only wins time and goes forward again: there is no end to be shown. --demo %s without --root is played", name, app.JobsKey)
	}
	return nil
}
