package redis_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/google/go-cmp/cmp"
	goredis "github.com/redis/go-redis/v9"

	"rekey/state"
	"rekey/state/redis"
	"rekey/state/statetest"
)

const tag = "{rekey:test}:"

// bench is a store that holds one of everything, and a bare client beside it.
type bench struct {
	*testing.T
	s     *redis.Store
	c     *goredis.Client
	lease state.Lease // of rotation/a, which has revision 2
	post  state.Lease // of post/rotation/a
}

// onBoth runs a test on miniredis and on a real server.
func onBoth(t *testing.T, test func(t *testing.T, addr string)) {
	t.Run("miniredis", func(t *testing.T) { test(t, miniredis.RunT(t).Addr()) })
	t.Run("real server", func(t *testing.T) { test(t, statetest.NewServer(t).Addr) })
}

// fill empties the server and fills it again.
func fill(t *testing.T, s *redis.Store, c *goredis.Client) bench {
	t.Helper()
	b := bench{T: t, s: s, c: c}
	ctx := t.Context()
	b.ok(c.FlushAll(ctx).Err())
	b.lease = begin(t, s, "rotation/closed")
	_, err := s.Commit(ctx, b.lease, 1, state.Change{Close: true})
	b.ok(err)
	b.lease = begin(t, s, "rotation/a", "secret/A")
	_, err = s.Commit(ctx, b.lease, 1, state.Change{
		Body: []byte("body"), Timer: noon,
		Events: []state.Event{{Body: []byte("1"), Post: true}, {Body: []byte("2"), Post: true}},
	})
	b.ok(err)
	b.post, err = s.Claim(ctx, "post/rotation/a", "replica-1", time.Minute)
	b.ok(err)
	b.ok(s.Delivered(ctx, b.post, "rotation/a", 1, map[string]string{"root": "C1/1.0"}))
	b.ok(s.Hint(ctx, "inbox/a"))
	b.ok(s.Decide(ctx, "rotation/a", "T1/U1", []byte("yes")))
	return b
}

func (b bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// dump reads everything there is.
func (b bench) dump() map[string]any {
	b.Helper()
	all := map[string]any{}
	keys, err := b.c.Keys(b.Context(), "*").Result()
	b.ok(err)
	for _, k := range keys {
		kind, err := b.c.Type(b.Context(), k).Result()
		b.ok(err)
		read := map[string][]any{
			"string": {"GET", k}, "hash": {"HGETALL", k}, "list": {"LRANGE", k, 0, -1},
			"zset": {"ZRANGE", k, 0, -1, "WITHSCORES"}, "set": {"SMEMBERS", k},
		}[kind]
		value, err := b.c.Do(b.Context(), read...).Result()
		b.ok(err)
		if list, ok := value.([]any); ok && kind == "hash" {
			value = fields(list) // a server gives them in any order
		}
		all[k] = value
	}
	return all
}

func fields(list []any) map[string]string {
	m := map[string]string{}
	for i := 0; i+1 < len(list); i += 2 {
		m[fmt.Sprint(list[i])] = fmt.Sprint(list[i+1])
	}
	return m
}

// everything changes all there is about rotation/a.
var everything = state.Change{
	Body: []byte("changed"), Close: true, Release: true, Events: []state.Event{{Body: []byte("3"), Post: true}},
}

// operation is a call, and the keys it cannot do without.
type operation struct {
	name string
	keys []string
	call func(ctx context.Context, b bench) error
}

var operations = []operation{
	{"Create", []string{"events:rotation/b", "outbox:rotation/b", "timers", "open", "pending", "slots", "tickets"},
		func(ctx context.Context, b bench) error {
			return b.s.Create(ctx, state.Creation{Key: "rotation/b", Slots: []string{"secret/B"}, Change: state.Change{
				Timer: noon, Events: []state.Event{{Post: true}},
			}})
		}},
	{"Commit", []string{
		"lease:rotation/a", "record:rotation/a", "events:rotation/a", "outbox:rotation/a", "timers", "pending",
		"open", "closed", "slots", "tickets", "found",
	}, func(ctx context.Context, b bench) error {
		_, err := b.s.Commit(ctx, b.lease, 2, everything)
		return err
	}},
	{"Commit with a timer", []string{"timers"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Commit(ctx, b.lease, 2, state.Change{Timer: noon.Add(time.Second), Events: []state.Event{{}}})
		return err
	}},
	{"Load", []string{"record:rotation/a"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Load(ctx, "rotation/a")
		return err
	}},
	{"Claim", []string{"lease:rotation/new", "tickets"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Claim(ctx, "rotation/new", "replica-1", time.Minute)
		return err
	}},
	{"Renew", []string{"lease:rotation/a"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Renew(ctx, b.lease, time.Hour)
		return err
	}},
	{"Release", []string{"lease:rotation/a"}, func(ctx context.Context, b bench) error {
		return b.s.Release(ctx, b.lease)
	}},
	{"Open", []string{"open", "record:rotation/a"}, func(ctx context.Context, b bench) error {
		return firstBad(b.s.Open(ctx))
	}},
	{"Closed", []string{"closed", "record:rotation/closed"}, func(ctx context.Context, b bench) error {
		return firstBad(b.s.Closed(ctx, 10))
	}},
	{"Events", []string{"events:rotation/a"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Events(ctx, "rotation/a", 0, 10)
		return err
	}},
	{"Due", []string{"timers"}, func(ctx context.Context, b bench) error {
		_, _, err := b.s.Due(ctx, noon, 10)
		return err
	}},
	{"Pending", []string{"pending"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Pending(ctx, 10)
		return err
	}},
	{"Rows", []string{"events:rotation/a", "outbox:rotation/a"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Rows(ctx, "rotation/a", 10)
		return err
	}},
	{"Delivered", []string{"lease:post/rotation/a", "outbox:rotation/a", "pending", "refs:rotation/a", "found"},
		func(ctx context.Context, b bench) error {
			return b.s.Delivered(ctx, b.post, "rotation/a", 2, map[string]string{"root": "C1/9.0"})
		}},
	{"Refs", []string{"refs:rotation/a"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Refs(ctx, "rotation/a")
		return err
	}},
	{"FindRef", []string{"found"}, func(ctx context.Context, b bench) error {
		_, _, err := b.s.FindRef(ctx, "C1/1.0")
		return err
	}},
	{"Decide", []string{"record:rotation/a", "decisions:rotation/a"}, func(ctx context.Context, b bench) error {
		return b.s.Decide(ctx, "rotation/a", "T1/U2", []byte("no"))
	}},
	{"Decisions", []string{"decisions:rotation/a"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Decisions(ctx, "rotation/a")
		return err
	}},
	{"Decided", []string{"open"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Decided(ctx)
		return err
	}},
	{"Hint", []string{"hints", "tickets"}, func(ctx context.Context, b bench) error {
		return b.s.Hint(ctx, "inbox/b")
	}},
	{"Hints", []string{"hints"}, func(ctx context.Context, b bench) error {
		_, err := b.s.Hints(ctx, 0, 10)
		return err
	}},
	{"Settle", []string{"hints"}, func(ctx context.Context, b bench) error {
		return b.s.Settle(ctx, state.Hint{Name: "inbox/a", Mark: 1})
	}},
}

// firstBad is why a list, or one of its records, cannot be read.
func firstBad(records []state.Record, err error) error {
	for _, r := range records {
		err = errors.Join(err, r.Bad)
	}
	return err
}

// TestWrongType puts a value of another type under each key in turn. The
// operation has to name the key, and must have written nothing.
func TestWrongType(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		s, c := open(t, redis.Config{Addr: addr}), client(t, addr)
		for _, op := range operations {
			for _, k := range op.keys {
				t.Run(op.name+"/"+strings.ReplaceAll(k, "/", " "), func(t *testing.T) {
					b := fill(t, s, c)
					b.ok(c.Del(t.Context(), tag+k).Err())
					b.ok(c.SAdd(t.Context(), tag+k, "something else").Err())
					b.refuses(op, k)
				})
			}
		}
	})
}

// refuses expects an operation to name a key as bad, and to write nothing.
func (b bench) refuses(op operation, k string) {
	b.Helper()
	before := b.dump()
	err := op.call(b.Context(), b)
	if !errors.Is(err, redis.ErrData) || !strings.Contains(err.Error(), "key "+tag+k+":") {
		b.Errorf("%s returned %v, which does not name %s", op.name, err, tag+k)
	}
	if diff := cmp.Diff(before, b.dump()); diff != "" {
		b.Errorf("%s wrote something (-before +after):\n%s", op.name, diff)
	}
}

func byName(t *testing.T, name string) operation {
	i := slices.IndexFunc(operations, func(op operation) bool { return op.name == name })
	if i < 0 {
		t.Fatalf("there is no operation %s", name)
	}
	return operations[i]
}

// TestBadValues spoils what is inside a key.
func TestBadValues(t *testing.T) {
	type spoil []any
	record := "record:rotation/a"
	tests := []struct {
		name  string
		spoil spoil
		key   string
		ops   []string
	}{
		{"no revision", spoil{"HDEL", tag + record, "revision"}, record, []string{"Load", "Commit", "Open"}},
		{"no open", spoil{"HDEL", tag + record, "open"}, record, []string{"Load", "Commit", "Open"}},
		{"no timer", spoil{"HDEL", tag + record, "timer"}, record, []string{"Load", "Commit", "Open"}},
		{"no lease", spoil{"HDEL", tag + record, "lease"}, record, []string{"Commit"}},
		{"no slots", spoil{"HDEL", tag + record, "slots"}, record, []string{"Commit"}},
		{"no body", spoil{"HDEL", tag + record, "body"}, record, []string{"Load", "Open"}},
		{"only a stranger's field", spoil{"EVAL", "redis.call('DEL',KEYS[1]) return redis.call('HSET',KEYS[1],'x','1')", 1, tag + record}, record, []string{"Load", "Commit", "Open"}},
		{"no record", spoil{"DEL", tag + record}, record, []string{"Open"}},
		{"revision a word", spoil{"HSET", tag + record, "revision", "two"}, record, []string{"Load", "Open"}},
		{"revision zero", spoil{"HSET", tag + record, "revision", "0"}, record, []string{"Load", "Open"}},
		{"revision with a blank", spoil{"HSET", tag + record, "revision", " 2"}, record, []string{"Load", "Open"}},
		{"open maybe", spoil{"HSET", tag + record, "open", "maybe"}, record, []string{"Load", "Open"}},
		{"timer a word", spoil{"HSET", tag + record, "timer", "soon"}, record, []string{"Load", "Open"}},
		{"event without mark", spoil{"LSET", tag + "events:rotation/a", 1, "x"}, "events:rotation/a", []string{"Events", "Rows"}},
		{"empty event", spoil{"LSET", tag + "events:rotation/a", 1, ""}, "events:rotation/a", []string{"Events", "Rows"}},
		{"event missing", spoil{"RPOP", tag + "events:rotation/a"}, "events:rotation/a", []string{"Rows"}},
		{"row a word", spoil{"LSET", tag + "outbox:rotation/a", 0, "two"}, "outbox:rotation/a", []string{"Rows", "Delivered"}},
		{"way back to nowhere", spoil{"HSET", tag + "found", "C1/1.0", "rotation/a"}, "found", []string{"FindRef"}},
		{"ticket a word", spoil{"SET", tag + "tickets", "many"}, "tickets", []string{"Create", "Commit", "Claim", "Hint"}},
	}
	onBoth(t, func(t *testing.T, addr string) {
		s, c := open(t, redis.Config{Addr: addr}), client(t, addr)
		for _, test := range tests {
			for _, op := range test.ops {
				t.Run(test.name+"/"+op, func(t *testing.T) {
					b := fill(t, s, c)
					b.ok(c.Do(t.Context(), test.spoil...).Err())
					b.refuses(byName(t, op), test.key)
				})
			}
		}
	})
}

// TestHintWithoutAPlace: what makes a message fresher holds up no commit.
func TestHintWithoutAPlace(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		s, c := open(t, redis.Config{Addr: addr}), client(t, addr)
		b := fill(t, s, c)
		b.ok(c.Del(t.Context(), tag+"hints").Err())
		b.ok(c.SAdd(t.Context(), tag+"hints", "something else").Err())
		got, err := s.Load(t.Context(), "rotation/a")
		b.ok(err)
		_, err = s.Commit(t.Context(), b.lease, got.Revision, state.Change{Body: []byte("on"), Hint: "watch"})
		b.ok(err)
		if got, err = s.Load(t.Context(), "rotation/a"); err != nil || string(got.Body) != "on" {
			t.Errorf("the record is %q, %v", got.Body, err)
		}
	})
}

// TestFullMemory lets the server run out of memory: a change is refused whole.
func TestFullMemory(t *testing.T) {
	server := statetest.NewServer(t)
	s, c := open(t, redis.Config{Addr: server.Addr}), client(t, server.Addr)
	for _, name := range []string{"Create", "Commit", "Commit with a timer", "Claim", "Hint", "Decide"} {
		t.Run(name, func(t *testing.T) {
			b, op := fill(t, s, c), byName(t, name)
			before := b.dump()
			b.ok(c.ConfigSet(t.Context(), "maxmemory", "1").Err())
			err := op.call(t.Context(), b)
			b.ok(c.ConfigSet(t.Context(), "maxmemory", "0").Err())
			if err == nil {
				t.Error("it was accepted")
			}
			if diff := cmp.Diff(before, b.dump()); diff != "" {
				t.Errorf("it wrote something (-before +after):\n%s", diff)
			}
			b.ok(op.call(t.Context(), b)) // with room again it works
		})
	}
}

// TestNames holds every key to the hash tag and the list of keys.go.
func TestNames(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		s, c := open(t, redis.Config{Addr: addr}), client(t, addr)
		b := fill(t, s, c)
		if _, err := s.Once(t.Context(), "digest/1", time.Minute); err != nil {
			t.Fatal(err)
		}
		var kinds []string
		for k := range maps.Keys(b.dump()) {
			rest, ok := strings.CutPrefix(k, tag)
			if !ok {
				t.Errorf("key %s is outside of the hash tag", k)
			}
			kind, _, _ := strings.Cut(rest, ":")
			kinds = append(kinds, kind)
		}
		slices.Sort(kinds)
		want := []string{
			"closed", "decisions", "events", "found", "hints", "lease", "once", "open", "outbox",
			"pending", "record", "refs", "slots", "tickets", "timers",
		}
		if diff := cmp.Diff(want, slices.Compact(kinds)); diff != "" {
			t.Errorf("kinds of keys differ (-want +got):\n%s", diff)
		}
	})
}

// TestInstallationsAreApart shares one server between two installations.
func TestInstallationsAreApart(t *testing.T) {
	server := miniredis.RunT(t)
	one := open(t, redis.Config{Addr: server.Addr(), Installation: "one"})
	two := open(t, redis.Config{Addr: server.Addr(), Installation: "two"})
	begin(t, one, "rotation/a", "secret/A")
	if _, err := two.Load(t.Context(), "rotation/a"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("loading another installation's record: %v", err)
	}
	begin(t, two, "rotation/a", "secret/A")
}

// TestStrangersSlot closes a record whose slot another one came to hold, as
// after a restored backup: it frees its own and nobody else's.
func TestStrangersSlot(t *testing.T) {
	server := miniredis.RunT(t)
	s, c := open(t, redis.Config{Addr: server.Addr()}), client(t, server.Addr())
	b := fill(t, s, c)
	b.ok(c.HSet(t.Context(), tag+"slots", "secret/A", "rotation/other").Err())
	_, err := s.Commit(t.Context(), b.lease, 2, everything)
	b.ok(err)
	if got := c.HGet(t.Context(), tag+"slots", "secret/A").Val(); got != "rotation/other" {
		t.Errorf("the slot is now held by %q", got)
	}
}

// TestEmptied takes everything away from a running installation. Fences and
// marks given out before must not come again.
func TestEmptied(t *testing.T) {
	onBoth(t, func(t *testing.T, addr string) {
		s, c := open(t, redis.Config{Addr: addr}), client(t, addr)
		b := fill(t, s, c)
		hints, err := s.Hints(t.Context(), 0, 1)
		b.ok(err)
		for range 50 { // let the counter run ahead of the clock, if it can
			begin(t, s, "rotation/x")
			b.ok(c.Del(t.Context(), tag+"record:rotation/x", tag+"lease:rotation/x").Err())
		}
		old := begin(t, s, "rotation/x")
		// More time than the tickets given out need at one a millisecond.
		b.ok(swallow(c.Do(t.Context(), "BLPOP", "nobody-fills-this", "0.3").Err()))
		b.ok(c.FlushAll(t.Context()).Err())
		b.ok(s.Hint(t.Context(), "inbox/a"))
		again, err := s.Hints(t.Context(), 0, 1)
		b.ok(err)
		if again[0].Mark <= hints[0].Mark {
			t.Errorf("mark %d follows %d", again[0].Mark, hints[0].Mark)
		}
		if l := begin(t, s, "rotation/x"); l.Fence <= old.Fence {
			t.Errorf("fence %d follows %d", l.Fence, old.Fence)
		}
		if _, err := s.Commit(t.Context(), old, 1, state.Change{}); !errors.Is(err, state.ErrLost) {
			t.Errorf("committing under a lease from before: %v", err)
		}
	})
}

// swallow drops the answer of a BLPOP that found nothing.
func swallow(err error) error {
	if errors.Is(err, goredis.Nil) {
		return nil
	}
	return err
}

// TestPublishes counts the messages of each operation on each channel.
func TestPublishes(t *testing.T) {
	server := miniredis.RunT(t)
	s, c := open(t, redis.Config{Addr: server.Addr()}), client(t, server.Addr())
	b := fill(t, s, c)
	ctx := t.Context()
	heard := c.Subscribe(ctx, tag+"wake", tag+"news")
	t.Cleanup(func() { b.ok(heard.Close()) })
	for range 2 {
		_, err := heard.Receive(ctx)
		b.ok(err)
	}
	quiet := begin(t, s, "rotation/q")
	revision := int64(1)
	commit := func(c state.Change) func() error {
		return func() (err error) {
			revision, err = s.Commit(ctx, quiet, revision, c)
			return err
		}
	}
	post := []state.Event{{}, {Post: true}, {Post: true}}
	for _, step := range []struct {
		name       string
		call       func() error
		wake, news int
	}{
		{"quiet creation", func() error { return s.Create(ctx, state.Creation{Key: "rotation/1"}) }, 0, 0},
		{"creation with a timer", func() error {
			return s.Create(ctx, state.Creation{Key: "rotation/2", Change: state.Change{Timer: noon}})
		}, 1, 0},
		{"creation that posts", func() error {
			return s.Create(ctx, state.Creation{Key: "rotation/3", Change: state.Change{Events: post}})
		}, 0, 1},
		{"quiet commit", commit(state.Change{Events: []state.Event{{}}, Extend: time.Minute}), 0, 0},
		{"commit with the first timer", commit(state.Change{Timer: noon}), 1, 0},
		{"commit with the same timer", commit(state.Change{Timer: noon}), 0, 0},
		{"commit with a later timer", commit(state.Change{Timer: noon.Add(time.Hour)}), 0, 0},
		{"commit with a timer earlier by a millisecond", commit(state.Change{Timer: noon.Add(time.Hour - time.Millisecond)}), 1, 0},
		{"commit that posts and puts the timer off", commit(state.Change{Timer: noon.Add(2 * time.Hour), Events: post}), 0, 1},
		{"commit without a timer", commit(state.Change{}), 0, 0},
		{"commit that posts and sets a timer", commit(state.Change{Timer: noon, Events: post}), 1, 1},
		{"commit that closes", commit(state.Change{Close: true}), 0, 0},
		{"hint", func() error { return s.Hint(ctx, "inbox/a") }, 0, 1},
		{"settled hint", func() error { return s.Settle(ctx, state.Hint{Name: "inbox/a", Mark: 1}) }, 0, 0},
		{"renewal", func() error { _, err := s.Renew(ctx, quiet, time.Minute); return err }, 0, 0},
	} {
		b.ok(step.call())
		b.ok(c.Publish(ctx, tag+"wake", "end").Err())
		got := map[string]int{}
		for {
			message, err := heard.ReceiveMessage(ctx)
			b.ok(err)
			if message.Payload == "end" {
				break
			}
			got[strings.TrimPrefix(message.Channel, tag)]++
		}
		if got["wake"] != step.wake || got["news"] != step.news {
			t.Errorf("%s: %v messages, want %d wake and %d news", step.name, got, step.wake, step.news)
		}
	}
}
