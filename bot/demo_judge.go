//go:build !release

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/state/redis"
)

// verdict is what a world came to.
type verdict struct {
	results  []*played
	leaks    int
	requests int // pages
	broken   []string
}

// judge lets the world come to rest and holds it against what the bot says it
// did, each rotation by its own record. The world's own records decide: the
// bot's are only quoted.
func (t *theatre) judge(ctx context.Context, demos ...*demo) (*verdict, error) {
	b := t.box
	b.world.Rest()
	v, seen := &verdict{}, b.world.Report()
	v.requests = seen.Requests
	var errs []error
	var ledgers []ledger
	for _, d := range demos {
		own := b.ledgerIn(d.play)
		record, err := b.recordOf(ctx, own.secret)
		result := &played{Secret: own.secret, Mode: string(d.play.mode()), OldKeyDead: own.oldsDead(), NewKeyLive: b.newInUse(own)}
		result.quote(record)
		result.saw(seen.Secrets[own.secret])
		result.broken = slices.Concat(b.broken(own), b.misquoted(own, result.ApprovedBy), outside(record, seen.Secrets[own.secret]), d.unnoticed())
		if d.play.back {
			result.homecoming = d.cameHome(own, record)
		}
		if d.play.emergency {
			result.containment = d.contained(own)
			result.broken = slices.Concat(result.broken, d.unread())
			if !d.play.together { // else others' deployments come into the gap
				result.broken = append(result.broken, glossed(record, result.containment)...)
			}
			result.Drill = d.play.drill
		}
		if d.play.away {
			result.absence = d.missed(record)
			result.broken = append(result.broken, d.unsigned(record)...)
		}
		delete(seen.Secrets, own.secret)
		v.results, ledgers, errs = append(v.results, result), append(ledgers, own), append(errs, err)
	}
	b.bot.stop()
	v.broken = append(b.strays(ledgers), bystanders(seen)...)
	leaks, err := b.world.Leaks(ctx, b.printed()...)
	for _, l := range leaks {
		t.say("LEAK: %v", l)
	}
	v.leaks = len(leaks)
	return v, errors.Join(append(errs, err)...)
}

// bystanders are the secrets that nobody rotated and whose parts failed.
func bystanders(seen sandbox.Report) []string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(seen.Secrets)) {
		if n := seen.Secrets[name].Failed; n > 0 {
			all = append(all, fmt.Sprintf("%d requests failed that need %s, which nobody rotated", n, name))
		}
	}
	return all
}

// recordOf is the last rotation of a secret as Redis has it.
func (b *box) recordOf(ctx context.Context, secret string) (*rotation.Rotation, error) {
	engine, store, err := b.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(quiet, "Redis", store)
	return latestOf(secret)(ctx, engine)
}

// latestOf finds the last rotation of a secret.
func latestOf(secret string) func(context.Context, *rotation.Engine) (*rotation.Rotation, error) {
	return func(ctx context.Context, engine *rotation.Engine) (*rotation.Rotation, error) {
		open, err := engine.Open(ctx)
		if err != nil {
			return nil, err
		}
		ended, err := engine.Recent(ctx, 3*len(ledgers))
		all := slices.DeleteFunc(append(open, ended...), func(r *rotation.Rotation) bool { return r.Secret != secret })
		return first(all), err
	}
}

// awaits waits until the rotation that is found is as it should be.
func (b *box) awaits(ctx context.Context, find func(context.Context, *rotation.Engine) (*rotation.Rotation, error), is func(*rotation.Rotation) bool) (*rotation.Rotation, error) {
	engine, store, err := b.reader(ctx)
	if err != nil {
		return nil, err
	}
	defer closing(quiet, "Redis", store)
	news, err := store.News(ctx)
	if err != nil {
		return nil, err
	}
	for {
		if r, err := find(ctx, engine); err != nil || r != nil && is(r) {
			return r, err
		}
		select {
		case <-news:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// printed is everything that the program printed in this sandbox.
func (b *box) printed() []sandbox.Output {
	all := []sandbox.Output{{Name: "the bot's output", From: b.bot.output()}}
	if b.line != nil {
		all = append(all, sandbox.Output{Name: "the command line's output", From: bytes.NewReader(b.line.said.all())})
	}
	return all
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

// broken lists what must never happen to a secret's keys and did, by the world's
// own records.
func (b *box) broken(a ledger) []string {
	var all []string
	for _, w := range b.ends(a) {
		k, _ := a.key(w.What)
		switch old := slices.Contains(a.olds, w.What); {
		case old && !b.unseen && len(b.approvers(a, w)) == 0:
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
	return all
}

// strays lists what must never happen and concerns none of these secrets.
func (b *box) strays(ledgers []ledger) []string {
	var all []string
	for _, w := range b.world.Writes() {
		ends := slices.ContainsFunc(ledgers, func(a ledger) bool { return slices.Contains(a.ends, w.Kind) })
		known := slices.ContainsFunc(ledgers, func(a ledger) bool { _, known := a.key(w.What); return known })
		if ends && !known {
			all = append(all, fmt.Sprintf("something was ended that is no key of the application's: %s %s", w.Kind, w.What))
		}
	}
	if left := b.inInboxes(); left > 0 {
		all = append(all, fmt.Sprintf("%d values lie in the inboxes", left))
	}
	return all
}

// ends are the bot's writes that end a secret's keys, for good or not.
func (b *box) ends(a ledger) []sandbox.Write {
	return slices.DeleteFunc(b.world.Writes(), func(w sandbox.Write) bool {
		_, known := a.key(w.What)
		return !known || !slices.Contains(a.ends, w.Kind)
	})
}

// approvers are the people whose approval stood in the threads of a secret's
// rotations when the bot wrote something.
func (b *box) approvers(a ledger, w sandbox.Write) []string {
	channel := b.world.Slack.Messages(sandbox.Channel)
	own, together := threads(channel, a.secret), askedTogether(channel, a.secret)
	about := func(ts string) func(slack.Message) bool {
		return func(m slack.Message) bool { return m.TS == ts && strings.Contains(string(m.Blocks), a.secret) }
	}
	var all []string
	for _, v := range w.Approved {
		in := func(roots []slack.Message) bool {
			return slices.ContainsFunc(roots, func(m slack.Message) bool { return m.TS == v.Thread })
		}
		if in(own) || in(together) && slices.ContainsFunc(channel, about(v.Request)) {
			all = append(all, v.Person)
		}
	}
	return all
}

// askedTogether are the messages under which several secrets are asked about at
// once, this one among them.
func askedTogether(all []slack.Message, secret string) []slack.Message {
	return slices.DeleteFunc(slices.Clone(all), func(m slack.Message) bool {
		return m.Thread != "" || !strings.Contains(m.Text, "Emergency · every secret") || !strings.Contains(string(m.Blocks), secret)
	})
}

// misquoted holds whom the bot's record names as approver against whose approval
// the workspace showed when an old key was ended.
func (b *box) misquoted(a ledger, recorded string) []string {
	for _, w := range b.ends(a) {
		if b.unseen {
			break
		}
		seen := b.approvers(a, w)
		if slices.Contains(a.olds, w.What) && !slices.Contains(seen, strings.TrimPrefix(recorded, sandboxWorkspace+"/")) {
			return []string{fmt.Sprintf("the record says that %q approved; the workspace showed the approval of %v", recorded, seen)}
		}
	}
	return nil
}

// inInboxes counts what lies where people paste.
func (b *box) inInboxes() int {
	return len(b.world.Infisical.Names(b.world.Inbox(sandbox.Staging))) + len(b.world.Infisical.Names(b.world.Inbox(sandbox.Production)))
}
