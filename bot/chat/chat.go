package chat

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"rekey/bot/chat/render"
	"rekey/rotation"
)

// Chat is Rekey's side of a Slack workspace. Make one with [New], give its
// [Chat.Ballot] to the engine, then call [Chat.Run].
type Chat struct {
	config Config
	api    *api
	people *people
	ballot *ballot
	store  Store

	engine   Engine
	answerer Answerer

	pressers   map[string]presser   // by name of the control
	submitters map[string]submitter // by name of the modal

	posts chan struct{}  // something may wait in the outbox
	looks chan struct{}  // something may wait among the hints
	polls chan struct{}  // every open card should be looked at
	times retries        // of hints
	aside errgroup.Group // uploads
	files *cleanList     // uploads of which nothing can be seen yet

	dropped   atomic.Int64 // envelopes nobody had time for
	connected atomic.Bool
}

// New checks the configuration and wires a Chat. It calls nobody.
func New(c Config, store Store) (*Chat, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if store == nil {
		return nil, errors.New("configuring the chat: the store is missing")
	}
	c = c.withDefaults()
	a := newAPI(c)
	p := newPeople(a, c)
	chat := &Chat{
		config: c, api: a, people: p, store: store,
		ballot: &ballot{api: a, people: p, store: store, places: &places{refs: store}, key: c.Key, log: c.Log, patience: 3 * c.RequestTimeout},
		posts:  make(chan struct{}, 1), looks: make(chan struct{}, 1), polls: make(chan struct{}, 1),
		times: newRetries(c.RetryFirst, c.RetryMax), files: newCleanList(),
	}
	chat.aside.SetLimit(1)
	chat.pressers = map[string]presser{
		render.Approve: chat.approve, render.NotLeak: chat.notLeak, render.Override: chat.takeOver, render.Deny: chat.deny,
		render.Rotate: chat.rotateNow, render.Snooze: chat.snooze, render.Other: chat.rotateOther,
	}
	chat.submitters = map[string]submitter{render.Deny: chat.denied, render.Emergency: chat.filled, render.Override: chat.tookOver}
	return chat, nil
}

// Ballot reads the marks on approval cards. It works before and while Run runs.
func (c *Chat) Ballot() rotation.Ballot { return c.ballot }

// Connected reports whether the socket is open now, for health checks.
func (c *Chat) Connected() bool { return c.connected.Load() }

// Team is the id of the workspace, "" while it was never reached.
func (c *Chat) Team() string {
	c.people.mu.Lock()
	defer c.people.mu.Unlock()
	return c.people.self.team
}

// Dropped counts the envelopes that were left unacknowledged because every
// worker was busy. Slack sends events again; a command has to be typed again.
func (c *Chat) Dropped() int64 { return c.dropped.Load() }

// Run serves until ctx ends, then returns nil after its work under way has
// stopped. It returns an error only for what no waiting heals: a token that
// Slack refuses, or that lacks a scope.
func (c *Chat) Run(ctx context.Context, engine Engine, answerer Answerer) error {
	c.engine, c.answerer = engine, answerer
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return c.listen(ctx) })
	g.Go(func() error { c.follow(ctx); return nil })
	g.Go(func() error { newPoster(c).run(ctx); return nil })
	g.Go(func() error { c.work(ctx); return nil })
	g.Go(func() error { c.poll(ctx); return nil })
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// follow turns the store's news into work. Where it cannot listen, the
// slow timers of the loops are what remains, and it tries again.
func (c *Chat) follow(ctx context.Context) {
	for ctx.Err() == nil {
		news, err := c.store.News(ctx)
		if err != nil {
			c.config.Log.Warn("listening for news; trying again", "error", err)
			sleep(ctx, c.config.RetryMax)
			continue
		}
		for range news {
			kick(c.posts)
			kick(c.looks)
		}
		sleep(ctx, c.config.RetryFirst) // closed before its time: do not ask in a tight loop
	}
}

// kick wakes a loop; one that is awake already looks again.
func kick(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// pause waits for a kick or for time to pass, and reports false when ctx
// ended.
func pause(ctx context.Context, ch <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-ch:
		return true
	case <-t.C:
		return true
	}
}

// poll looks at every open card after each connection and on a slow timer.
func (c *Chat) poll(ctx context.Context) {
	for pause(ctx, c.polls, c.config.PollCards) {
		if err := c.lookAtAll(ctx); err != nil && ctx.Err() == nil {
			c.config.Log.Warn("looking at open cards; trying again later", "error", err)
		}
	}
}
