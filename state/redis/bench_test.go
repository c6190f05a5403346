package redis_test

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"rekey/state"
	"rekey/state/redis"
	"rekey/state/statetest"
)

// body is as large as a rotation's record in the middle of a plan.
var body = bytes.Repeat([]byte("rekey-4k"), 512)

var noon = time.UnixMilli(1_790_000_000_123)

// BenchmarkCommit measures one durable step: see stepper.
func BenchmarkCommit(b *testing.B) {
	step := stepper(b, open(b, redis.Config{Addr: statetest.NewServer(b).Addr}))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		step(i)
	}
}

// BenchmarkBareFencedWrite is what a step is held against: see bare.
func BenchmarkBareFencedWrite(b *testing.B) {
	write := bare(b, statetest.NewServer(b).Addr)
	b.ReportAllocs()
	for b.Loop() {
		write()
	}
}

// BenchmarkStepPerBareWrites takes both in turn on one server, so that a busy
// machine slows both down alike, and reports the medians and their ratio.
func BenchmarkStepPerBareWrites(b *testing.B) {
	server := statetest.NewServer(b)
	step, write := stepper(b, open(b, redis.Config{Addr: server.Addr})), bare(b, server.Addr)
	var steps, writes []time.Duration
	for i := 0; b.Loop(); i++ {
		start := time.Now()
		step(i)
		middle := time.Now()
		write()
		steps, writes = append(steps, middle.Sub(start)), append(writes, time.Since(middle))
	}
	b.ReportMetric(float64(median(steps))/float64(median(writes)), "ratio")
	b.ReportMetric(float64(median(steps)), "step-ns")
	b.ReportMetric(float64(median(writes)), "writes-ns")
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// stepper returns a durable step: the commit of an intent, which extends the
// lease, and of an outcome, which sets another timer. Each appends one event,
// and people are told of the outcome's. Every 1000 steps there is a new
// record, so that journals are as long as they get in practice.
func stepper(b *testing.B, s *redis.Store) func(i int) {
	intent := state.Change{Body: body, Extend: time.Minute, Events: []state.Event{{Body: body[:256]}}}
	outcome := state.Change{Body: body, Events: []state.Event{{Body: body[:256], Post: true}}}
	var l state.Lease
	var revision int64
	return func(i int) {
		if i%1000 == 0 {
			l, revision = begin(b, s, "rotation/"+strconv.Itoa(i)), 1
		}
		outcome.Timer = noon.Add(time.Duration(i) * time.Second)
		for _, c := range []state.Change{intent, outcome} {
			var err error
			if revision, err = s.Commit(b.Context(), l, revision, c); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// begin creates a record and claims its lease.
func begin(t testing.TB, s *redis.Store, key string, slots ...string) state.Lease {
	t.Helper()
	if err := s.Create(t.Context(), state.Creation{Key: key, Slots: slots}); err != nil {
		t.Fatal(err)
	}
	l, err := s.Claim(t.Context(), key, "replica-1", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// bare returns two writes of the same body, each by the smallest script that
// compares a fence first.
func bare(b *testing.B, addr string) func() {
	c := client(b, addr)
	if err := c.Set(b.Context(), "{bare}:lease", "1 replica-1", time.Hour).Err(); err != nil {
		b.Fatal(err)
	}
	write := goredis.NewScript(`
		if redis.call('GET', KEYS[1]) ~= ARGV[1] then
			return 0
		end
		redis.call('SET', KEYS[2], ARGV[2])
		return 1`)
	keys := []string{"{bare}:lease", "{bare}:record"}
	return func() {
		for range 2 {
			if done, err := write.Run(b.Context(), c, keys, "1 replica-1", body).Int(); err != nil || done != 1 {
				b.Fatal(done, err)
			}
		}
	}
}
