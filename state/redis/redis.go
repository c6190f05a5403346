// Package redis keeps the state of package state in one Redis.
//
// # The model
//
// Everything an installation owns lives under one hash tag,
// {rekey:<installation>}, so that one Lua script may touch all of it, on a
// single server and on a cluster alike. keys.go names every key and its type,
// the folder lua holds the scripts, one act each.
//
// A change is one script: it compares lease, fence and revision, reads
// whatever could make a later write fail, and only then writes record,
// journal, outbox, timer and slots. Redis runs a script without interleaving
// and puts its writes into the append-only file as one unit, so the change is
// there whole or not at all. Redis does not roll a script back, which is why
// reading comes first.
//
// Fences, the orders of lists and the marks of hints are tickets from one counter
// that never falls behind the server's clock in milliseconds. A Redis that was
// emptied, or a replica promoted before it had copied the last writes, hands
// out larger tickets nevertheless, and a holder from before stays locked out.
//
// # What may run twice
//
// No command is repeated by this package once it may have reached the server:
// whether to ask again after a lost answer is the caller's decision, and the
// answers tell the cases apart. A commit that had arrived answers
// state.ErrConflict the second time, even if it gave its lease up; a creation
// answers state.ErrExists.
//
// Waiting costs nothing but one PING per connection and minute: wake-ups come
// over pub/sub (see [Store.Wakes] and [Store.News]).
//
// # Bounds
//
// Sizes and lengths are bounded by the constants of limits.go; a refusal is
// [ErrFull]. The last [MaxClosed] closed records are kept with journal and
// message references; whatever was closed before them is deleted whole by the
// closing of another, except while it has rows waiting in the outbox.
//
// Redis 6.2 or later is needed, or a server that speaks as it does.
package redis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
	"github.com/redis/go-redis/v9/maintnotifications"

	"rekey/state"
)

// layout is the version of the stored form. A program refuses to work on a
// layout it does not know; a program that changes it must also bring the old
// one up to date before it writes.
const layout = "1"

// Store implements every interface of package state. It is safe for
// concurrent use.
type Store struct {
	client *goredis.Client
	keys   names
	cfg    Config
	log    *slog.Logger

	wakers wakers
}

var _ interface {
	state.Store
	state.Leases
	state.Lists
	state.Timers
	state.News
	state.Outbox
	state.Refs
	state.Decisions
	state.Hints
	state.Onces
} = (*Store)(nil)

// quiet silences the client library, which otherwise prints to standard error
// by itself. Its errors reach the callers anyway.
var quiet sync.Once

// Open connects, and checks that the data there has the layout this program
// knows. The caller closes the Store.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.check(); err != nil {
		return nil, fmt.Errorf("opening Redis: %w", err)
	}
	cfg = cfg.withDefaults()
	quiet.Do(logging.Disable)
	s := &Store{
		client: goredis.NewClient(cfg.options()),
		keys:   newNames(cfg.Installation),
		cfg:    cfg,
		log:    cfg.Log,
	}
	s.wakers.init()
	if err := s.checkLayout(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("opening Redis at %s: %w", cfg.Addr, err), s.Close())
	}
	return s, nil
}

// Close ends the goroutines behind [Store.Wakes] and [Store.News], waits for them,
// and closes the connections. Leases still held are left to run out.
func (s *Store) Close() error {
	s.wakers.close()
	if err := s.client.Close(); err != nil && !errors.Is(err, goredis.ErrClosed) {
		return fmt.Errorf("closing Redis: %w", err)
	}
	return nil
}

// checkLayout reads the layout, and writes it where there is none yet. It
// writes only then, so that a replica can be opened and [Store.Check] can say
// that it is one.
func (s *Store) checkLayout(ctx context.Context) error {
	k := s.keys.layout()
	found, err := s.client.Get(ctx, k.name).Result()
	if errors.Is(err, goredis.Nil) {
		pipe := s.client.TxPipeline()
		pipe.SetNX(ctx, k.name, layout, 0) // another replica may be as new as this one
		got := pipe.Get(ctx, k.name)
		_, err = pipe.Exec(ctx)
		found = got.Val()
	}
	if err != nil {
		return s.explain(ctx, err, k)
	}
	if found != layout {
		return fmt.Errorf("key %s: the data has layout %.20q, this program knows only %s", k.name, found, layout)
	}
	return nil
}

// options maps a Config to the client library's options. What the library
// does by itself is switched off: repeating commands would hide lost answers,
// and the notifications and names it announces cost commands.
func (c Config) options() *goredis.Options {
	o := &goredis.Options{
		Addr:                     c.Addr,
		Username:                 c.Username,
		Password:                 c.Password.reveal(),
		DB:                       c.DB,
		Protocol:                 2,
		DialTimeout:              c.Timeout,
		ReadTimeout:              c.Timeout,
		WriteTimeout:             c.Timeout,
		ContextTimeoutEnabled:    true,
		MaxRetries:               -1,
		DialerRetries:            1,
		MinIdleConns:             0,
		DisableIdentity:          true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
		Dialer:                   c.dial,
	}
	if c.TLS {
		host, _, _ := net.SplitHostPort(c.Addr) // checked by Config.check
		o.TLSConfig = &tls.Config{ServerName: host, MinVersion: tls.VersionTLS12}
	}
	return o
}

// millis is a time as it is stored: whole milliseconds, rounded down, zero
// for no time. A time before 1970 is stored as the first millisecond after.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(t.UnixMilli(), 1)
}

func fromMillis(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms)
}
