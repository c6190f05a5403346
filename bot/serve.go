package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"rekey/bot/config"
	"rekey/state/redis"
)

// serve runs the bot until ctx ends or something fails for good.
func serve(ctx context.Context, p process, c *config.Config) error {
	started := time.Now()
	log, err := logger(p, c.Log)
	if err != nil {
		return err
	}
	for _, s := range c.Sources() {
		if w := s.Warning(); w != "" {
			log.Warn("a secret's file is open to others", "path", s.Path, "warning", w)
		}
	}
	keys, err := readSecrets(c)
	if err != nil {
		return err
	}
	store, err := openStore(ctx, c, keys, log)
	if err != nil {
		return err
	}
	defer closing(log, "Redis", store)
	program, err := build(c, keys, store, log)
	if err != nil {
		return err
	}
	log.Info("ready", "installation", c.Installation, "secrets", len(c.Secrets), "version", version(), "took", time.Since(started).String())
	return program.run(ctx, c.Engine.Shutdown)
}

func closing(log *slog.Logger, what string, c io.Closer) {
	if err := c.Close(); err != nil {
		log.Warn("closing", "what", what, "error", err.Error())
	}
}

// logger writes JSON lines to standard error.
func logger(p process, c config.Log) (*slog.Logger, error) {
	text := c.Level
	if own, set := p.env("REKEY_LOG_LEVEL"); set && own != "" {
		text = own
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(text)); err != nil {
		return nil, errors.New("reading REKEY_LOG_LEVEL: write debug, info, warn or error")
	}
	return slog.New(slog.NewJSONHandler(p.err, &slog.HandlerOptions{Level: level})), nil
}

// openStore connects to Redis and refuses one that would lose what it is told.
func openStore(ctx context.Context, c *config.Config, keys secrets, log *slog.Logger) (*redis.Store, error) {
	options, err := storeConfig(c, keys, log)
	if err != nil {
		return nil, err
	}
	store, err := redis.Open(ctx, options)
	if err != nil {
		return nil, err
	}
	if err := durable(store.Check(ctx), c.Redis.Durability != "", log); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return store, nil
}

// durable judges what was found out about the server. What it does not tell
// is for the operator to know; what it does tell, nobody can accept away.
func durable(found []redis.Finding, accepted bool, log *slog.Logger) error {
	var refused []error
	for _, f := range found {
		switch {
		case f.Readable:
			refused = append(refused, fmt.Errorf("checking Redis: %s", f.Problem))
		case !accepted:
			refused = append(refused, fmt.Errorf("checking Redis: %s %s; make sure of it yourself and write redis: durability: accepted", f.Name, f.Problem))
		default:
			log.Warn("a setting of Redis is not known and was accepted", "setting", f.Name, "problem", f.Problem)
		}
	}
	return errors.Join(refused...)
}

// replica names this process to people who look at leases.
func replica() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s/%d", host, os.Getpid())
}

// program is what runs until a signal.
type program []func(ctx context.Context) error

// errUnfinished is returned by run when a part did not end in time.
var errUnfinished = errors.New("ending: some work was not let go of in time; another replica takes it over when its lease ends")

// run starts all parts and returns when they have ended. When ctx ends, or
// one part fails, the others have the given time to let go.
func (p program) run(ctx context.Context, shutdown time.Duration) error {
	parts, ctx := errgroup.WithContext(ctx)
	for _, part := range p {
		parts.Go(func() error { return part(ctx) })
	}
	ended := make(chan error, 1)
	go func() { ended <- parts.Wait() }()
	select {
	case err := <-ended:
		return stopped(err)
	case <-ctx.Done():
	}
	limit := time.NewTimer(shutdown)
	defer limit.Stop()
	select {
	case err := <-ended:
		return stopped(err)
	case <-limit.C:
		return errors.Join(stopped(context.Cause(ctx)), errUnfinished)
	}
}

// stopped tells an end that was asked for from a failure.
func stopped(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
