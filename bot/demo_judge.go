//go:build !release

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/fal"
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
	seen := b.world.Report()
	result := &demoResult{
		Secret: d.play.secret, Mode: string(rotation.Routine), Leaks: len(leaks),
		AppRequests: seen.Requests, AppFailed: seen.Failed, GapSeconds: float64(int64(seen.Gap*1000)) / 1000,
		OldKeyDead: !b.keyLives(b.world.OldKey()), NewKeyLive: b.newKeyInUse(),
	}
	result.quote(r)
	result.broken = b.broken()
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

func (b *box) keyLives(id string) bool {
	k, known := b.world.Fal.Key(id)
	return known && k.Live()
}

// newKeyInUse reports that every instance of both environments holds the
// value that the vault has, that it is another one than at first, and that it
// is alive at the service.
func (b *box) newKeyInUse() bool {
	values := make(map[string]bool)
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		e, found := b.world.Infisical.Read(b.world.Place(environment), app.FalKey)
		if !found {
			return false
		}
		values[e.Value] = true
	}
	for _, a := range []*app.App{b.world.Staging, b.world.Production} {
		for _, h := range a.Holdings(app.FalKey) {
			values[h.Value] = true
		}
	}
	if len(values) != 1 {
		return false
	}
	for _, k := range b.world.Fal.Keys() {
		if values[k.Value] {
			return k.Live() && k.ID != b.world.OldKey()
		}
	}
	return false
}

// broken lists what must never happen and did, by the world's own records.
func (b *box) broken() []string {
	var all []string
	asked := false
	for _, w := range b.world.Writes() {
		switch w.Kind {
		case sandbox.ApprovalCard:
			asked = true
		case sandbox.Delete:
			if w.What == b.world.OldKey() && !asked {
				all = append(all, "the old key was deleted before anybody was asked")
			}
			if w.What != b.world.OldKey() && !b.ours(w.What) {
				all = append(all, "a key that is neither the old one nor ours was deleted: "+w.What)
			}
		}
	}
	var spare []string
	for _, k := range b.world.Fal.Keys() {
		if k.Scope == fal.API && k.Live() && strings.HasPrefix(k.Alias, "rk_") && !b.holds(k.Value) {
			spare = append(spare, k.ID)
		}
	}
	if len(spare) > 0 {
		all = append(all, fmt.Sprintf("keys of ours live and are used nowhere: %v", spare))
	}
	return all
}

func (b *box) ours(id string) bool {
	k, known := b.world.Fal.Key(id)
	return known && strings.HasPrefix(k.Alias, "rk_"+sandboxInstallation+"_")
}

func (b *box) holds(value string) bool {
	return slices.ContainsFunc([]string{sandbox.Staging, sandbox.Production}, func(environment string) bool {
		e, found := b.world.Infisical.Read(b.world.Place(environment), app.FalKey)
		return found && e.Value == value
	})
}
