package redis_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"

	"rekey/state"
	"rekey/state/redis"
)

func TestSizes(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, redis.Config{Addr: server.Addr()})
	ctx := t.Context()
	l := begin(t, s, "rotation/a")
	large := state.Change{
		Body:   make([]byte, redis.MaxBody),
		Events: make([]state.Event, redis.MaxEvents),
	}
	large.Events[0].Body = make([]byte, redis.MaxEvent)
	if _, err := s.Commit(ctx, l, 1, large); err != nil {
		t.Fatalf("committing what is just allowed: %v", err)
	}
	slots := make([]string, redis.MaxSlots+1)
	for i := range slots {
		slots[i] = strconv.Itoa(i)
	}
	create := func(c state.Creation) error { return s.Create(ctx, c) }
	commit := func(c state.Change) error { _, err := s.Commit(ctx, l, 2, c); return err }
	for name, err := range map[string]error{
		"body":    commit(state.Change{Body: make([]byte, redis.MaxBody+1)}),
		"event":   commit(state.Change{Events: []state.Event{{Body: make([]byte, redis.MaxEvent+1)}}}),
		"events":  commit(state.Change{Events: make([]state.Event, redis.MaxEvents+1)}),
		"verdict": s.Decide(ctx, "rotation/a", "T1/U1", make([]byte, redis.MaxDecision+1)),
		"slots":   create(state.Creation{Key: "rotation/b", Slots: slots}),
		"key":     create(state.Creation{Key: strings.Repeat("k", redis.MaxName+1)}),
	} {
		if !errors.Is(err, redis.ErrFull) {
			t.Errorf("%s: got %v, want ErrFull", name, err)
		}
	}
	if err := create(state.Creation{Key: strings.Repeat("k", redis.MaxName), Slots: slots[1:]}); err != nil {
		t.Errorf("creating what is just allowed: %v", err)
	}
}

// TestLengths fills lists up by a bare client, and crosses their bounds.
func TestLengths(t *testing.T) {
	server := miniredis.RunT(t)
	s, c := open(t, redis.Config{Addr: server.Addr()}), client(t, server.Addr())
	ctx := t.Context()
	b := fill(t, s, c)
	full := func(what string, err error) {
		t.Helper()
		if !errors.Is(err, redis.ErrFull) {
			t.Errorf("%s: got %v, want ErrFull", what, err)
		}
	}

	b.push("RPUSH", "events:rotation/a", redis.MaxJournal-3, func(int) []any { return []any{"-e"} })
	_, err := s.Commit(ctx, b.lease, 2, state.Change{Events: []state.Event{{}}})
	b.ok(err)
	before := b.dump()
	_, err = s.Commit(ctx, b.lease, 3, state.Change{Body: []byte("no"), Timer: noon, Events: []state.Event{{}, {Post: true}}})
	full("journal", err)
	if n := len(before[tag+"events:rotation/a"].([]any)); n != redis.MaxJournal || !cmp.Equal(before, b.dump()) {
		t.Errorf("the refused commit left something, or the journal of %d was not full", n)
	}
	_, err = s.Commit(ctx, b.lease, 3, state.Change{Events: []state.Event{{}, {}}, Close: true})
	b.ok(err)

	b.push("HSET", "refs:rotation/a", redis.MaxRefs-1, func(i int) []any { return []any{"name" + strconv.Itoa(i), "ref"} })
	b.ok(s.Delivered(ctx, b.post, "rotation/a", 0, map[string]string{"root": "C1/1.1"})) // known already
	full("refs", s.Delivered(ctx, b.post, "rotation/a", 9, map[string]string{"root": "C1/1.2", "one more": "C1/1.3"}))

	b = fill(t, s, c)
	b.push("HSET", "decisions:rotation/a", redis.MaxDecisions-1, func(i int) []any { return []any{"T1/X" + strconv.Itoa(i), "yes"} })
	b.ok(s.Decide(ctx, "rotation/a", "T1/U1", []byte("no"))) // there already
	full("decisions", s.Decide(ctx, "rotation/a", "T1/U2", []byte("no")))

	b.push("ZADD", "hints", redis.MaxHints-1, func(i int) []any { return []any{i, "hint" + strconv.Itoa(i)} })
	b.ok(s.Hint(ctx, "hint7")) // there already
	full("hints", s.Hint(ctx, "one more"))
	hints, err := s.Hints(ctx, 0, redis.MaxHints)
	b.ok(err)
	if len(hints) != redis.MaxList {
		t.Errorf("%d hints were listed at once", len(hints))
	}
	late := begin(t, s, "rotation/late")
	_, err = s.Commit(ctx, late, 1, state.Change{Body: []byte("on"), Hint: "hint7"}) // there already
	b.ok(err)
	_, err = s.Commit(ctx, late, 2, state.Change{Body: []byte("on"), Hint: "one more"}) // no room, and no reason to stop
	b.ok(err)
	if n := c.ZCard(ctx, tag+"hints").Val(); n != redis.MaxHints {
		t.Errorf("there are %d hints", n)
	}

	b.push("ZADD", "open", redis.MaxOpen, func(i int) []any { return []any{i, "rotation/open" + strconv.Itoa(i)} })
	full("open records", s.Create(ctx, state.Creation{Key: "rotation/one more"}))
}

// push repeats a writing command in one batch.
func (b bench) push(command, k string, times int, args func(i int) []any) {
	b.Helper()
	_, err := b.c.Pipelined(b.Context(), func(p goredis.Pipeliner) error {
		for i := range times {
			p.Do(b.Context(), append([]any{command, tag + k}, args(i)...)...)
		}
		return nil
	})
	b.ok(err)
}

func TestRefusedArguments(t *testing.T) {
	server := miniredis.RunT(t)
	s := open(t, redis.Config{Addr: server.Addr()})
	ctx := t.Context()
	never := state.Lease{Key: "rotation/a", Owner: "replica-1"}
	noOwner := state.Lease{Key: "rotation/a", Fence: 1}
	good := state.Lease{Key: "rotation/a", Owner: "replica-1", Fence: 1}
	errs := map[string]error{
		"release, never claimed": s.Release(ctx, never),
		"release, no owner":      s.Release(ctx, noOwner),
		"settle without a mark":  s.Settle(ctx, state.Hint{Name: "a"}),
		"delivered, no key":      s.Delivered(ctx, good, "", 1, nil),
	}
	_, errs["claim, no owner"] = s.Claim(ctx, "rotation/a", "", time.Minute)
	_, errs["claim, line break"] = s.Claim(ctx, "rotation/a", "a\nb", time.Minute)
	_, errs["renew, negative"] = s.Renew(ctx, good, -time.Minute)
	_, errs["commit, extended by nothing"] = s.Commit(ctx, good, 1, state.Change{Extend: time.Microsecond})
	_, errs["commit, never claimed"] = s.Commit(ctx, never, 1, state.Change{})
	_, errs["load, no key"] = s.Load(ctx, "")
	_, errs["events, no key"] = s.Events(ctx, "", 0, 1)
	_, errs["rows, no key"] = s.Rows(ctx, "", 1)
	_, errs["refs, no key"] = s.Refs(ctx, "")
	_, errs["decisions, no key"] = s.Decisions(ctx, "")
	_, _, errs["find nothing"] = s.FindRef(ctx, "")
	_, errs["once, no name"] = s.Once(ctx, "", time.Minute)
	for name, err := range errs {
		if err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
