package main

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"rekey/state/statetest"
)

// What is measured here, and how.
//
// A durable step is what a rotation pays for surviving a crash at any moment:
// the step's intent is committed, the step acts, its outcome is committed,
// each with the whole record. Where steps follow each other at once, the
// outcome of one and the intent of the next are one commit; so a step costs
// two commits after a wait and one otherwise. It is held against the least
// that two fenced writes of the same record can cost on the same Redis: a
// script that compares a fence and sets a key.
//
// The steps are those of the real engine on the real store, over whole
// rotations from the request to the report, because only a whole rotation has
// records of every size and events of every kind. A stopwatch stands between
// engine and store. It measures a step from the answer that came before (the
// load, or the outcome of the step before) to the answer that commits its
// outcome, so that everything the engine does for a step is in it: encoding,
// fingerprints, keeping the lease, and whatever the engine's other goroutines
// do meanwhile on the same machine and the same Redis.
// Not in it are waits with the lease given up, claims and loads (once per
// wake-up, not per step), and the outside: vault, service and application are
// in memory and answer at once (bench_world_test.go).
//
// Beside whole steps stand those whose act does nothing (sync, hold): what they
// take is the price of durability alone. And of all steps the part that was
// spent in the store's commits. state/redis measures two commits with no engine
// beside them.
//
// Each benchmark starts a redis-server of its own on the loopback interface,
// with an append-only file. One operation is one step or one pair of writes.
// ns/op is the mean; ratios are of medians, because a busy machine holds up
// single steps for as long as it likes.

// BenchmarkDurableStep measures steps alone.
func BenchmarkDurableStep(b *testing.B) {
	r := newBenchRotations(b, statetest.NewServer(b).Addr)
	r.warm(b)
	for b.ResetTimer(); len(r.clock.steps) < b.N; { // a rotation has some 17
		r.play(b)
	}
	b.StopTimer()
	benchMetric(b, "ns/op", benchMean(r.clock.times(benchWhole)))
	benchMetric(b, "median-ns", benchMedian(r.clock.times(benchWhole)))
	benchMetric(b, "quiet-median-ns", benchMedian(r.clock.times(benchQuiet)))
	benchMetric(b, "store-median-ns", benchMedian(r.clock.times(benchStore)))
	b.ReportMetric(float64(len(r.clock.record())), "record-B")
}

// BenchmarkTwoBareFencedWrites measures alone what a step is held against.
func BenchmarkTwoBareFencedWrites(b *testing.B) {
	addr := statetest.NewServer(b).Addr
	r := newBenchRotations(b, addr)
	r.warm(b)
	write := benchBareWrites(b, addr, r.clock.record())
	var writes []time.Duration
	for b.Loop() {
		writes = append(writes, write())
	}
	benchMetric(b, "ns/op", benchMean(writes))
	benchMetric(b, "median-ns", benchMedian(writes))
}

// BenchmarkDurableStepPerBareWrites is the figure that counts: behind every
// step, while the engine waits for the answer of its commit, it makes a pair of
// bare writes on the same server. So whatever slows one down slows down the
// other: a busy machine, and caches that the work between two commits has left
// cold. Against pairs that follow each other without a pause, as the benchmarks
// above have them, the ratio is worse.
func BenchmarkDurableStepPerBareWrites(b *testing.B) {
	addr := statetest.NewServer(b).Addr
	r := newBenchRotations(b, addr)
	r.warm(b)
	r.clock.bare = benchBareWrites(b, addr, r.clock.record())
	for b.ResetTimer(); len(r.clock.steps) < b.N; {
		r.play(b)
	}
	b.StopTimer()
	writes := r.clock.pairs
	benchMetric(b, "ns/op", benchMean(r.clock.times(benchWhole)))
	benchMetric(b, "bare-ns", benchMean(writes))
	ratio := func(of func(benchLap) time.Duration) float64 {
		return float64(benchMedian(r.clock.times(of))) / float64(benchMedian(writes))
	}
	b.ReportMetric(ratio(benchWhole), "ratio")
	b.ReportMetric(ratio(benchQuiet), "quiet-ratio")
	b.ReportMetric(ratio(benchStore), "store-ratio")
}

func benchMetric(b *testing.B, unit string, d time.Duration) { b.ReportMetric(float64(d), unit) }

func benchMean(all []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range all {
		sum += d
	}
	return sum / time.Duration(len(all))
}

func benchMedian(all []time.Duration) time.Duration {
	return slices.Sorted(slices.Values(all))[len(all)/2]
}

// benchBareWrites returns a function that makes two writes of a body, each by
// the smallest script that compares a fence first, and tells how long they
// took.
func benchBareWrites(b *testing.B, addr string, body []byte) func() time.Duration {
	b.Helper()
	c := goredis.NewClient(&goredis.Options{Addr: addr, Protocol: 2})
	b.Cleanup(func() {
		if err := c.Close(); err != nil {
			b.Error(err)
		}
	})
	const lease, record = "{bare}:lease", "{bare}:record"
	if err := c.Set(b.Context(), lease, "1 replica-1", time.Hour).Err(); err != nil {
		b.Fatal(err)
	}
	script := goredis.NewScript(`
		if redis.call('GET', KEYS[1]) ~= ARGV[1] then
			return 0
		end
		redis.call('SET', KEYS[2], ARGV[2])
		return 1`)
	write := func() time.Duration {
		start := time.Now()
		for range 2 {
			if done, err := script.Run(b.Context(), c, []string{lease, record}, "1 replica-1", body).Int(); err != nil || done != 1 {
				b.Fatal(done, err)
			}
		}
		return time.Since(start)
	}
	write() // for the connection, and for the script to be known
	return write
}

// benchCommands counts what clients send to a Redis server over a time; what
// scripts do inside it is not counted.
func benchCommands(b *testing.B, addr string, over time.Duration) (n int) {
	b.Helper()
	ctx, cancel := context.WithTimeout(b.Context(), over)
	defer cancel()
	c := goredis.NewClient(&goredis.Options{Addr: addr, Protocol: 2, ReadTimeout: -1}) // silence is no end
	seen := make(chan string, 1024)
	m := c.Monitor(ctx, seen)
	m.Start()
	defer m.Stop()
	defer closing(quiet, "Redis", c) // first, or the monitor waits for one command more
	<-seen                           // the answer to MONITOR itself
	for {
		select {
		case line := <-seen:
			if !strings.Contains(line, " lua] ") {
				n++
			}
		case <-ctx.Done():
			return n
		}
	}
}
