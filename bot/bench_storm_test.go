//go:build !release

package main

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"rekey/internal/sandbox/slack"
	"rekey/rotation"
	"rekey/rotation/watch"
)

// What a storm is: this many commands, evenly over this time, while this many
// watches run.
const (
	stormCommands = 1000
	stormTime     = 10 * time.Second
	stormWatches  = 40
)

// BenchmarkStorm measures how long a person waits for the acknowledgement of a
// command while many type and many watches post, at Slack's real limits. Slack
// shows a failure after three seconds. Every command must be acknowledged once
// and answered once; what is not is counted as lost or double.
func BenchmarkStorm(b *testing.B) {
	c := newBenchCrowd(b, stormWatches, 4*time.Second, 1)
	c.start()
	c.each(func(r *rotation.Rotation) bool {
		v := r.Vigils[rotation.Watch]
		return v != nil && (v.Verdict == "" || v.Verdict == watch.Running)
	})
	var storms []storm
	for b.Loop() {
		storms = append(storms, c.storm())
	}
	last := storms[len(storms)-1]
	slices.Sort(last.took)
	benchMetric(b, "p50-ack-ns", last.took[len(last.took)/2])
	benchMetric(b, "p99-ack-ns", last.took[len(last.took)*99/100])
	benchMetric(b, "max-ack-ns", last.took[len(last.took)-1])
	b.ReportMetric(float64(last.lost), "lost")
	b.ReportMetric(float64(last.double), "double")
}

// storm is what came of one.
type storm struct {
	took         []time.Duration
	lost, double int
}

func (c *benchCrowd) storm() storm {
	c.Helper()
	before := c.answered(c.slack.Snapshot())
	var s storm
	var mu sync.Mutex
	var typing sync.WaitGroup
	texts := []string{"", "status", "help", "KEY_007 --plan", "status KEY_011"}
	tick := time.NewTicker(stormTime / stormCommands)
	defer tick.Stop()
	for i := range stormCommands {
		<-tick.C
		typing.Go(func() {
			reply, err := c.slack.SlashCommand(c.ctx, benchPerson(i%benchPeople), benchChannel, "/rotate", texts[i%len(texts)])
			mu.Lock()
			defer mu.Unlock()
			s.took = append(s.took, reply.Took)
			if err != nil {
				s.lost++
			}
		})
	}
	typing.Wait()
	// Every answer that will come has come when the last one has, or is lost.
	c.until("the commands are answered", func(now slack.Snapshot) bool { return c.answered(now)-before >= stormCommands-s.lost })
	s.double = c.answered(c.slack.Snapshot()) - before - (stormCommands - s.lost) + c.slack.Stats().Double
	return s
}

func (c *benchCrowd) answered(now slack.Snapshot) (n int) {
	for i := range benchPeople {
		n += len(answers(now, benchPerson(i)))
	}
	return n
}

// settled waits until nothing is left to be told or shown, the charts of the
// watches included.
func (c *benchCrowd) settled() {
	c.Helper()
	r := goredis.NewClient(&goredis.Options{Addr: c.addr, Protocol: 2})
	defer closing(quiet, "Redis", r)
	for look := time.NewTicker(time.Second); ; <-look.C {
		hints, err := r.ZCard(c.ctx, "{rekey:bench}:hints").Result()
		rows, rowsErr := r.ZCard(c.ctx, "{rekey:bench}:pending").Result()
		if err := errors.Join(err, rowsErr); err != nil {
			c.Fatal(err)
		}
		if hints == 0 && rows == 0 {
			return
		}
	}
}

// BenchmarkWaiting measures what waiting costs Redis: the commands that arrive
// in a minute while many rotations wait for approval, with an idle Slack.
func BenchmarkWaiting(b *testing.B) {
	const rotations = 100
	c := newBenchCrowd(b, rotations, time.Millisecond, 500)
	c.start()
	c.until("everybody is asked", func(now slack.Snapshot) bool { return cards(now) == rotations })
	c.settled()
	for b.Loop() {
		b.ReportMetric(float64(benchCommands(b, c.addr, 2*time.Minute))/2, "commands/min")
	}
}
