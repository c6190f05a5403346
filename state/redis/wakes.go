package redis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// wakers are the goroutines behind Wakes and News. Closing ends them and waits.
type wakers struct {
	mu      sync.Mutex // begin and close must not overlap
	closed  bool
	all     context.Context // done once the store is closed
	stop    context.CancelFunc
	running sync.WaitGroup
}

var errStoreClosed = errors.New("the store is closed")

func (w *wakers) init() { w.all, w.stop = context.WithCancel(context.Background()) }

// begin announces a goroutine. It lives until the context it gets is done,
// and calls end when it is gone.
func (w *wakers) begin(ctx context.Context) (_ context.Context, end func(), _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, nil, errStoreClosed
	}
	w.running.Add(1)
	ctx, cancel := context.WithCancel(ctx)
	unbind := context.AfterFunc(w.all, cancel)
	return ctx, func() { unbind(); cancel(); w.running.Done() }, nil
}

func (w *wakers) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.stop()
	w.running.Wait()
}

// Wakes implements [state.Timers].
//
// Scripts publish an empty message on a channel. Redis forgets messages
// nobody listens to, and that is fine: a message carries nothing but "look
// again", and a signal is sent after every subscription, so whoever was away
// looks again too. Signals that nobody took yet are merged into one.
//
// A wait costs no commands. Only a connection that was silent for Config.Ping
// is asked whether it still lives; without an answer within Config.Timeout it
// is dropped and made anew.
//
// Wakes returns once it has subscribed: what is committed afterwards is
// signalled.
func (s *Store) Wakes(ctx context.Context) (<-chan struct{}, error) {
	signals, err := s.signals(ctx, s.keys.wake())
	if err != nil {
		return nil, fmt.Errorf("listening for wake-ups: %w", err)
	}
	return signals, nil
}

// News implements [state.News]. It works as [Store.Wakes] does, on a channel
// and a connection of its own.
func (s *Store) News(ctx context.Context) (<-chan struct{}, error) {
	signals, err := s.signals(ctx, s.keys.news())
	if err != nil {
		return nil, fmt.Errorf("listening for news: %w", err)
	}
	return signals, nil
}

func (s *Store) signals(ctx context.Context, channel string) (<-chan struct{}, error) {
	ctx, end, err := s.wakers.begin(ctx)
	if err != nil {
		return nil, err
	}
	sub, err := s.subscribe(ctx, channel)
	if err != nil {
		end()
		return nil, err
	}
	signals := make(chan struct{}, 1)
	go func() {
		defer end()
		defer close(signals)
		s.listenUntilDone(ctx, sub, channel, signals)
	}()
	return signals, nil
}

// listenUntilDone goes on with another subscription whenever one fails.
func (s *Store) listenUntilDone(ctx context.Context, sub *subscription, channel string, signals chan<- struct{}) {
	for sub != nil {
		signal(signals) // something may have been missed before
		err := sub.listen(ctx, s.cfg, signals)
		sub.close()
		if ctx.Err() != nil {
			return
		}
		s.log.LogAttrs(ctx, slog.LevelWarn, "signals interrupted", slog.String("channel", channel), slog.Any("error", err))
		sub = s.subscribeAgain(ctx, channel)
	}
}

// subscribeAgain tries until it succeeds or ctx ends, with growing pauses. It
// returns nil when ctx has ended.
func (s *Store) subscribeAgain(ctx context.Context, channel string) *subscription {
	const steps = 128 // the first pause is this part of the longest
	for pause := s.cfg.Backoff / steps; ; pause = min(2*pause, s.cfg.Backoff) {
		if sub, err := s.subscribe(ctx, channel); err == nil {
			s.log.LogAttrs(ctx, slog.LevelInfo, "signals resumed", slog.String("channel", channel))
			return sub
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pause):
		}
	}
}

// subscription is one connection that listens. It is closed when its context
// ends, which interrupts a read that would otherwise go on.
type subscription struct {
	pubsub *goredis.PubSub
	unbind func() bool
}

func (s *Store) subscribe(ctx context.Context, channel string) (*subscription, error) {
	sub := &subscription{pubsub: s.client.Subscribe(ctx, channel)}
	sub.unbind = context.AfterFunc(ctx, func() { _ = sub.pubsub.Close() })
	got, err := sub.pubsub.ReceiveTimeout(ctx, s.cfg.Timeout)
	if err != nil {
		sub.close()
		return nil, err
	}
	if _, ok := got.(*goredis.Subscription); !ok {
		sub.close()
		return nil, fmt.Errorf("the server answered a %T to a subscription", got)
	}
	return sub, nil
}

func (b *subscription) close() {
	b.unbind()
	_ = b.pubsub.Close() // it may be closed already; there is nothing to do about it
}

// listen passes messages on as signals until the connection fails.
func (b *subscription) listen(ctx context.Context, cfg Config, signals chan<- struct{}) error {
	patience, asked := cfg.Ping, false
	for {
		got, err := b.pubsub.ReceiveTimeout(ctx, patience)
		switch {
		case err == nil:
			if _, ok := got.(*goredis.Message); ok {
				signal(signals)
			}
			patience, asked = cfg.Ping, false
		case !isTimeout(err) || asked:
			return err
		default:
			if err := b.pubsub.Ping(ctx); err != nil {
				return err
			}
			patience, asked = cfg.Timeout, true
		}
	}
}

func isTimeout(err error) bool {
	var netErr net.Error
	return errors.As(err, &netErr) && netErr.Timeout()
}

// signal leaves a signal unless one is waiting to be taken.
func signal(signals chan<- struct{}) {
	select {
	case signals <- struct{}{}:
	default:
	}
}
