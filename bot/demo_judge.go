//go:build !release

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/state/redis"
)

// judge lets the world come to rest and holds it against what the bot says
// it did. The world's own records decide: the bot's are only quoted.
func (d *demo) judge(ctx context.Context) (*demoResult, error) {
	b := d.box
	b.world.Rest()
	r, recordErr := b.record(ctx)
	b.bot.stop()
	leaks, leakErr := b.world.Leaks(ctx, sandbox.Output{Name: "the bot's output", From: b.bot.output()})
	for _, l := range leaks {
		d.say("LEAK: %v", l)
	}
	seen, own := b.world.Report(), b.ledger(d.play.secret)
	result := &demoResult{
		Secret: d.play.secret, Mode: string(rotation.Routine), Leaks: len(leaks),
		AppRequests: seen.Requests, AppFailed: seen.Failed, GapSeconds: float64(int64(seen.Gap*1000)) / 1000,
		OldKeyDead: own.oldsDead(), NewKeyLive: b.newInUse(own),
	}
	result.quote(r)
	result.broken = append(b.broken(own), b.misquoted(own, result.ApprovedBy)...)
	return result, errors.Join(recordErr, leakErr)
}

// quote takes over what the bot's record says.
func (d *demoResult) quote(r *rotation.Rotation) {
	if r == nil {
		d.Result = "nothing recorded"
		return
	}
	d.Shape, d.Result = string(r.Cell.Shape), string(r.State)
	if c := r.Card; c != nil && len(c.Approved) > 0 {
		d.ApprovedBy = c.Approved[0].Person.ID
	}
	for _, t := range r.Times {
		if !t.Ended.IsZero() {
			d.Steps = append(d.Steps, demoStep{t.Step, float64(t.Ended.Sub(t.Started).Milliseconds()) / 1000})
		}
	}
}

// record reads the last rotation out of Redis, as a replica would.
func (b *box) record(ctx context.Context) (*rotation.Rotation, error) {
	engine, store, err := b.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(quiet, "Redis", store)
	return latest(ctx, engine)
}

// reader is an engine that only reads what the bot stored. The store is to be
// closed.
func (b *box) reader(ctx context.Context) (*rotation.Engine, *redis.Store, error) {
	c, err := redis.ParseURL(b.world.Endpoints().Redis)
	if err != nil {
		return nil, nil, err
	}
	c.Installation, c.Log = sandboxInstallation, quiet
	store, err := redis.Open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	key, err := secret.NewKey(secret.New(b.world.Credentials().Fingerprint))
	if err == nil {
		var engine *rotation.Engine
		engine, err = rotation.New(rotation.Config{Installation: sandboxInstallation, Key: key, Store: store, Ballot: noBallot{}, Log: quiet})
		if err == nil {
			return engine, store, nil
		}
	}
	closing(quiet, "Redis", store)
	return nil, nil, err
}

// latest is the open rotation, else the one that ended last, else nil.
func latest(ctx context.Context, engine *rotation.Engine) (*rotation.Rotation, error) {
	for _, list := range []func() ([]*rotation.Rotation, error){
		func() ([]*rotation.Rotation, error) { return engine.Open(ctx) },
		func() ([]*rotation.Rotation, error) { return engine.Recent(ctx, 1) },
	} {
		if found, err := list(); err != nil || len(found) > 0 {
			return first(found), err
		}
	}
	return nil, nil
}

func first(all []*rotation.Rotation) *rotation.Rotation {
	if len(all) == 0 {
		return nil
	}
	return all[0]
}

// noBallot serves an engine that only reads.
type noBallot struct{}

func (noBallot) Marks(context.Context, *rotation.Rotation, int) (rotation.Marks, error) {
	return rotation.Marks{}, errors.New("this engine only reads")
}

// broken lists what must never happen and did, by the world's own records.
func (b *box) broken(a ledger) []string {
	var all []string
	for _, w := range b.ends(a) {
		k, _ := a.key(w.What)
		switch old := slices.Contains(a.olds, w.What); {
		case old && len(w.Approved) == 0:
			all = append(all, "an old key was ended while nobody's approval stood in Slack: "+w.What)
		case !old && !k.ours():
			all = append(all, "a key that is neither old nor ours was ended: "+w.What)
		}
	}
	if spare := b.unused(a); len(spare) > 0 {
		all = append(all, fmt.Sprintf("keys of ours live and are used nowhere: %v", spare))
	}
	if a.lost != nil && a.lost() > 0 {
		all = append(all, fmt.Sprintf("%d requests of the application were lost without a visitor's noticing", a.lost()))
	}
	if left := b.inInboxes(); left > 0 {
		all = append(all, fmt.Sprintf("%d values lie in the inboxes", left))
	}
	return all
}

// ends are the bot's writes that end a key, for good or not.
func (b *box) ends(a ledger) []sandbox.Write {
	return slices.DeleteFunc(b.world.Writes(), func(w sandbox.Write) bool { return !slices.Contains(a.ends, w.Kind) })
}

// misquoted holds whom the bot's record names as approver against whose approval
// the workspace showed when an old key was ended.
func (b *box) misquoted(a ledger, recorded string) []string {
	for _, w := range b.ends(a) {
		if slices.Contains(a.olds, w.What) && !slices.Contains(w.Approved, strings.TrimPrefix(recorded, "T0SANDBOX/")) {
			return []string{fmt.Sprintf("the record says that %q approved; the workspace showed the approval of %v", recorded, w.Approved)}
		}
	}
	return nil
}

// inInboxes counts what lies where people paste.
func (b *box) inInboxes() int {
	return len(b.world.Infisical.Names(b.world.Inbox(sandbox.Staging))) + len(b.world.Infisical.Names(b.world.Inbox(sandbox.Production)))
}
