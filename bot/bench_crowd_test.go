//go:build !release

package main

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/bot/chat"
	"rekey/commands"
	"rekey/internal/sandbox/slack"
	"rekey/internal/secret"
	"rekey/rotation"
	"rekey/state/redis"
	"rekey/state/statetest"
)

// The workspace of the benchmarks.
const (
	benchChannel = "C0BENCH"
	benchPeople  = 20
)

// benchCrowd is the engine and the chat as serve wires them, a local Slack, a
// redis-server, and worlds for many secrets that answer at once.
type benchCrowd struct {
	*testing.B
	ctx    context.Context
	engine *rotation.Engine
	slack  *slack.Server
	addr   string // of Redis
	worlds []*benchWorld

	arrange func(*rotation.Config, []*benchWorld)
}

// newBenchCrowd starts it. Slack's limits, and the bot's own pace with them, are
// the real ones divided by hurry.
func newBenchCrowd(b *testing.B, secrets int, interval time.Duration, hurry float64) *benchCrowd {
	b.Helper()
	return newBenchCrowdWith(b, secrets, interval, hurry, func(*rotation.Config, []*benchWorld) {})
}

// newBenchCrowdWith is newBenchCrowd with another engine.
func newBenchCrowdWith(b *testing.B, secrets int, interval time.Duration, hurry float64, arrange func(*rotation.Config, []*benchWorld)) *benchCrowd {
	b.Helper()
	limits := slack.RealLimits().Faster(hurry)
	server := slack.New(slack.Config{Limits: &limits})
	b.Cleanup(server.Close)
	server.AddChannel(slack.Channel{ID: benchChannel, Name: "rotations", BotIn: true})
	for i := range benchPeople {
		server.AddUser(slack.User{ID: benchPerson(i), Name: fmt.Sprint("person", i), TeamID: "T0SANDBOX"})
	}
	web := httptest.NewServer(server.Handler())
	b.Cleanup(web.Close)
	redisServer := statetest.NewServer(b)
	store, err := redis.Open(b.Context(), redis.Config{Addr: redisServer.Addr, Installation: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	c := &benchCrowd{B: b, ctx: b.Context(), slack: server, addr: redisServer.Addr, worlds: benchWorlds(secrets), arrange: arrange}
	c.run(store, chat.Config{
		AppToken: secret.New("xapp-sandbox-app"), BotToken: secret.New("xoxb-sandbox-bot"), Key: benchKey(b),
		APIURL: web.URL + "/api/", Channel: benchChannel, Replica: "replica-1",
		Approvers: chat.People{Users: []string{benchPerson(0)}},
		Rates:     chat.Rates{Post: hurry, Tier2: 20 * hurry, Tier3: 50 * hurry, Tier4: 100 * hurry},
		HTTP:      &http.Client{Timeout: 10 * time.Second}, Log: quiet,
	}, interval)
	return c
}

func benchPerson(i int) string { return fmt.Sprintf("U0BENCH%02d", i) }

// run wires and runs what build of serve does, until the benchmark ends.
func (c *benchCrowd) run(store *redis.Store, talk chat.Config, interval time.Duration) {
	c.Helper()
	talker, err := chat.New(talk, store)
	if err != nil {
		c.Fatal(err)
	}
	config := benchConfig(c.B, store, interval, c.worlds...)
	config.Ballot = talker.Ballot()
	c.arrange(&config, c.worlds)
	if c.engine, err = rotation.New(config); err != nil {
		c.Fatal(err)
	}
	var names []string
	for _, w := range c.worlds {
		names = append(names, w.secret)
	}
	ctx, stop := context.WithCancel(c.ctx)
	var running sync.WaitGroup
	for _, part := range []func(context.Context) error{
		c.engine.Run,
		func(ctx context.Context) error { return talker.Run(ctx, c.engine, commands.New(c.engine, names, nil)) },
	} {
		running.Go(func() {
			if err := part(ctx); err != nil && ctx.Err() == nil {
				c.Error(err)
			}
		})
	}
	c.Cleanup(func() {
		stop()
		running.Wait()
		if err := store.Close(); err != nil {
			c.Error(err)
		}
	})
	c.until("the bot is connected", func(now slack.Snapshot) bool { return now.Sockets > 0 })
}

func (c *benchCrowd) until(what string, holds func(slack.Snapshot) bool) {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.ctx, 2*patience)
	defer cancel()
	if err := c.slack.Wait(ctx, holds); err != nil {
		c.Fatalf("waiting until %s: %v", what, err)
	}
}

// start begins a rotation of every secret.
func (c *benchCrowd) start() {
	c.Helper()
	for _, w := range c.worlds {
		if _, err := c.engine.Start(c.ctx, rotation.Order{Secret: w.secret, Requester: rotation.Person{ID: "T0SANDBOX/" + benchPerson(1)}}); err != nil {
			c.Fatal(err)
		}
	}
}

// each waits until every open rotation is where it should be.
func (c *benchCrowd) each(is func(*rotation.Rotation) bool) {
	c.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range 2400 { // two minutes
		open, err := c.engine.Open(c.ctx)
		if err != nil {
			c.Fatal(err)
		}
		there := 0
		for _, r := range open {
			if is(r) {
				there++
			}
		}
		if there == len(c.worlds) {
			return
		}
		<-tick.C
	}
	c.Fatal("the rotations did not come as far as they should")
}

// cards counts the requests that show both of the bot's own emoji.
func cards(now slack.Snapshot) (n int) {
	for _, m := range now.Messages[benchChannel] {
		if strings.Contains(m.Text, "React ✅") && m.Reacted("U0BOT", yes) && m.Reacted("U0BOT", no) {
			n++
		}
	}
	return n
}
