//go:build !release

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/fault"
	"rekey/internal/sandbox/slack"
	"rekey/providers"
	"rekey/rotation"
	"rekey/state"
	"rekey/state/redis"
	"rekey/state/statetest"
)

// severalSecrets are contained at once; each at a service of its own whose every
// call takes as long as that service takes: the first 20 ms, each further one
// 10 ms more.
const severalSecrets = 11

func severalLag(i int) time.Duration { return time.Duration(20+10*i) * time.Millisecond }

// lagging is a service of fixed latency, which may want to be left alone for a
// while.
type lagging struct {
	*benchWorld
	lag  time.Duration
	shut time.Time // until then it answers 429
}

func (w *lagging) answer(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(w.lag):
	}
	if wait := time.Until(w.shut); wait > 0 {
		return &fault.Error{Op: "calling the service", Class: fault.Again, Reason: fault.RateLimited, RetryAfter: wait}
	}
	return nil
}

// Survey implements providers.Provider.
func (w *lagging) Survey(ctx context.Context, _ map[string]providers.Values) (providers.Kind, error) {
	return w, w.answer(ctx)
}

// Issue implements providers.Issuer.
func (w *lagging) Issue(ctx context.Context, label string) (providers.Credential, error) {
	if err := w.answer(ctx); err != nil {
		return providers.Credential{}, err
	}
	return w.benchWorld.Issue(ctx, label)
}

// List implements providers.Lister.
func (w *lagging) List(ctx context.Context) ([]providers.Credential, error) {
	if err := w.answer(ctx); err != nil {
		return nil, err
	}
	return w.benchWorld.List(ctx)
}

// Probe implements providers.Prober.
func (w *lagging) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	if err := w.answer(ctx); err != nil {
		return providers.Finding{}, err
	}
	return w.benchWorld.Probe(ctx, v)
}

// End implements providers.Ender.
func (w *lagging) End(ctx context.Context, id providers.ID) error {
	if err := w.answer(ctx); err != nil {
		return err
	}
	return w.benchWorld.End(ctx, id)
}

// alarmed is the store, which tells of every request for approval.
type alarmed struct {
	rotation.Store
	asked chan string
}

// Commit implements state.Store.
func (s *alarmed) Commit(ctx context.Context, l state.Lease, revision int64, c state.Change) (int64, error) {
	next, err := s.Store.Commit(ctx, l, revision, c)
	var r struct{ Rotation *rotation.Rotation }
	if err == nil && strings.HasPrefix(l.Key, "rotation/") && json.Unmarshal(c.Body, &r) == nil && r.Rotation.State == rotation.Asking {
		select {
		case s.asked <- l.Key:
		case <-ctx.Done():
		}
	}
	return next, err
}

// severalRig is an engine on a redis-server, and an approver who never waits.
type severalRig struct {
	*testing.B
	engine *rotation.Engine
	worlds []*lagging
	config rotation.Config
}

func newSeveralRig(b *testing.B) *severalRig {
	b.Helper()
	store, err := redis.Open(b.Context(), redis.Config{Addr: statetest.NewServer(b).Addr, Installation: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	s := &severalRig{B: b}
	worlds := benchWorlds(severalSecrets)
	watched := &alarmed{store, make(chan string, 10*severalSecrets)}
	s.config = benchConfig(b, watched, time.Millisecond, worlds...)
	s.worlds = slowed(&s.config, worlds)
	if s.engine, err = rotation.New(s.config); err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.engine.Run(ctx); err != nil {
			b.Error(err)
		}
	})
	for range severalSecrets {
		running.Go(func() {
			for {
				select {
				case key := <-watched.asked:
					if _, err := s.engine.Consider(ctx, key, 1, worlds[0].marks()); err != nil && ctx.Err() == nil {
						b.Error(err)
					}
				case <-ctx.Done():
					return
				}
			}
		})
	}
	b.Cleanup(func() {
		stop()
		running.Wait()
		if err := store.Close(); err != nil {
			b.Error(err)
		}
	})
	return s
}

// slowed gives each world of a configuration a service of its own with its
// latency.
func slowed(c *rotation.Config, worlds []*benchWorld) []*lagging {
	all := make([]*lagging, len(worlds))
	for i, w := range worlds {
		all[i] = &lagging{benchWorld: w, lag: severalLag(i)}
		c.Subjects[i].Provider, c.Subjects[i].Secret.Title = all[i], fmt.Sprintf("service %d", i)
	}
	return all
}

// alone contains one secret and says how long its old key lived after the alarm.
func (s *severalRig) alone(i int) time.Duration {
	s.Helper()
	began := time.Now()
	r, err := s.engine.Start(s.Context(), rotation.Order{Secret: s.worlds[i].secret, Requester: rotation.Person{ID: "T1/U1"}, Mode: rotation.Emergency, Reason: "benchmark"})
	if err != nil {
		s.Fatal(err)
	}
	for range 12000 {
		if r, err = s.engine.Load(s.Context(), r.Key()); err != nil {
			s.Fatal(err)
		}
		if at := r.ContainedAt(); !at.IsZero() {
			return at.Sub(began)
		}
		<-time.After(5 * time.Millisecond)
	}
	s.Fatalf("%s was not contained: %s, %+v", r.Secret, r.State, r.Problem)
	return 0
}

// together contains all and says how long each old key lived after the alarm, in
// the order of the worlds.
func (s *severalRig) together() []time.Duration {
	s.Helper()
	return contained(s.B, s.engine)
}

func contained(b *testing.B, e *rotation.Engine) []time.Duration {
	b.Helper()
	began := time.Now()
	batch, err := e.StartBatch(b.Context(), rotation.Alarm{Requester: rotation.Person{ID: "T0SANDBOX/" + benchPerson(1)}, Reason: "benchmark"})
	if err != nil {
		b.Fatal(err)
	}
	for range 6000 {
		p, err := e.Batch(b.Context(), batch.Key())
		if err != nil {
			b.Fatal(err)
		}
		if p.Count(rotation.Buried) == len(p.Parts) {
			var all []time.Duration
			for _, part := range p.Parts {
				all = append(all, part.Dead.Sub(began))
			}
			return all
		}
		<-time.After(20 * time.Millisecond)
	}
	b.Fatal("they were not contained")
	return nil
}

// BenchmarkContainment measures eleven secrets from the command to the last
// death certificate: against the slowest of them alone, against one after
// another, and with one service answering 429 for two seconds.
func BenchmarkContainment(b *testing.B) {
	var longest, batch, apart, held, others []time.Duration
	for b.Loop() {
		longest = append(longest, newSeveralRig(b).alone(severalSecrets-1))
		batch = append(batch, slices.Max(newSeveralRig(b).together()))
		one, sum := newSeveralRig(b), time.Duration(0)
		for i := range severalSecrets {
			sum += one.alone(i)
		}
		apart = append(apart, sum)
		throttled := newSeveralRig(b)
		throttled.worlds[3].shut = time.Now().Add(2 * time.Second)
		took := throttled.together()
		held = append(held, took[3])
		others = append(others, slices.Max(slices.Delete(took, 3, 4)))
	}
	benchMetric(b, "longest-chain-ns", benchMedian(longest))
	benchMetric(b, "all-ns", benchMedian(batch))
	benchMetric(b, "one-by-one-ns", benchMedian(apart))
	b.ReportMetric(float64(benchMedian(batch))/float64(benchMedian(longest)), "of-longest")
	b.ReportMetric(float64(benchMedian(apart))/float64(benchMedian(batch)), "times-faster")
	benchMetric(b, "throttled-ns", benchMedian(held))
	benchMetric(b, "others-ns", benchMedian(others))
}

// BenchmarkContainmentInSlack is the same in a channel of Slack's at its real
// limits, with an approver who reacts as soon as a request can be clicked: each
// in its thread, and all on one request.
func BenchmarkContainmentInSlack(b *testing.B) {
	for name, once := range map[string]bool{"each": false, "once": true} {
		b.Run(name, func(b *testing.B) {
			var all []time.Duration
			for b.Loop() {
				c := newBenchCrowdWith(b, severalSecrets, 4*time.Second, 1, func(config *rotation.Config, worlds []*benchWorld) {
					slowed(config, worlds)
					for i := range config.Subjects {
						config.Subjects[i].Policy.EmergencyOnce = once
					}
				})
				stop := c.clicks()
				all = append(all, slices.Max(contained(b, c.engine)))
				stop()
			}
			benchMetric(b, "all-ns", benchMedian(all))
		})
	}
}

// clicks has the approver react to each request as soon as it shows both emoji.
func (c *benchCrowd) clicks() (stop func()) {
	ctx, cancel := context.WithCancel(c.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		answered := map[string]bool{}
		for ctx.Err() == nil {
			var fresh []slack.Message
			err := c.slack.Wait(ctx, func(now slack.Snapshot) bool {
				fresh = nil
				for _, m := range now.Messages[benchChannel] {
					if strings.Contains(m.Text, "React ✅") && m.Reacted("U0BOT", yes) && !answered[m.TS] {
						fresh = append(fresh, m)
					}
				}
				return len(fresh) > 0
			})
			if err != nil {
				return
			}
			for _, m := range fresh {
				answered[m.TS] = true
				if err := c.slack.React(benchPerson(0), m.Channel, m.TS, yes); err != nil {
					c.Error(err)
				}
			}
		}
	}()
	return func() { cancel(); <-done }
}
