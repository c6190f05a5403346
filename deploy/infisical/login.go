package infisical

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

const opLogin = "logging in to Infisical"

// session is what one login gave. It is never changed, so calls share it
// without a lock.
type session struct {
	token   secret.Value
	renewAt time.Time // zero: the server named no end
}

// attempt is one login, under way until done is closed. The fields below done
// are written before that and only read afterwards.
type attempt struct {
	done chan struct{}

	session *session
	err     error
	refused bool      // by the server, with an answer
	retryAt time.Time // no other attempt before, where it failed without a refusal
	id, key secret.Value
}

// keeper hands out the current session and makes at most one login at a time.
type keeper struct {
	id, key Source
	signIn  func(ctx context.Context, id, key secret.Value) (*session, error)
	pause   time.Duration
	log     *slog.Logger
	now     func() time.Time

	mu      sync.Mutex
	last    *attempt
	dropped bool // the session of last was refused by the server
}

// session returns the current session, logging in where there is none. The
// login itself does not end with ctx: a caller that goes away must not turn
// one login into several.
func (k *keeper) session(ctx context.Context) (*session, error) {
	a := k.join()
	select {
	case <-a.done:
		return a.session, a.err
	case <-ctx.Done():
		return nil, timedOut(ctx, opLogin)
	}
}

func (k *keeper) join() *attempt {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.last != nil && k.standsLocked() {
		return k.last
	}
	k.last, k.dropped = &attempt{done: make(chan struct{})}, false
	go k.run(k.last)
	return k.last
}

// standsLocked reports whether the last attempt answers the present call too:
// it is still under way, or its session is good, or it failed in a way that
// another attempt would make worse.
func (k *keeper) standsLocked() bool {
	a := k.last
	select {
	case <-a.done:
	default:
		return true
	}
	switch {
	case a.session != nil:
		return !k.dropped && (a.session.renewAt.IsZero() || k.now().Before(a.session.renewAt))
	case a.refused:
		return k.unchanged(a)
	default:
		return k.now().Before(a.retryAt)
	}
}

// unchanged reports whether the source still gives the refused credential. A
// source that cannot be read has not given another one.
func (k *keeper) unchanged(a *attempt) bool {
	id, key, err := k.credential()
	return err != nil || (id.Equal(a.id) && key.Equal(a.key))
}

func (k *keeper) credential() (id, key secret.Value, err error) {
	id, idErr := k.id()
	key, keyErr := k.key()
	if err := errors.Join(idErr, keyErr); err != nil {
		return id, key, &fault.Error{Op: opLogin, Reason: fault.Unauthorized, Err: err,
			Detail: "the client id or client secret cannot be read from its source"}
	}
	if id.IsZero() || key.IsZero() {
		return id, key, fault.New(opLogin, fault.Unauthorized, "the client id or client secret is empty")
	}
	return id, key, nil
}

func (k *keeper) run(a *attempt) {
	defer close(a.done)
	if a.id, a.key, a.err = k.credential(); a.err != nil {
		return
	}
	a.session, a.err = k.signIn(context.Background(), a.id, a.key)
	if a.err == nil {
		k.log.Info("logged in to Infisical", "renew_at", a.session.renewAt)
		return
	}
	f := fault.Of(a.err)
	if a.refused = refusal(f.Status); a.refused {
		a.err = &fault.Error{Op: opLogin, Reason: fault.Unauthorized, Status: f.Status, Err: f.Err,
			Detail: "the login was refused and is not repeated, because refusals lock the identity out: correct the client id and secret, or start again"}
	} else {
		a.retryAt = k.now().Add(k.pause)
		f.RetryAfter = max(f.RetryAfter, k.pause)
	}
	k.log.Warn("login to Infisical failed", "reason", f.Reason, "status", f.Status, "refused", a.refused)
}

// refusal reports the statuses by which the server says no to this login, as
// opposed to not being able to answer.
func refusal(status int) bool {
	return status >= http.StatusBadRequest && status < http.StatusInternalServerError && status != http.StatusTooManyRequests
}

// heard takes note of a call's error: a session that the server refused, by
// 403 TokenError or by 401 where it was revoked, is not used again.
func (k *keeper) heard(s *session, err error) {
	if err == nil || (!errors.Is(err, errToken) && fault.Of(err).Status != http.StatusUnauthorized) {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	select {
	case <-k.last.done:
		// Another session here means that another caller was faster.
		k.dropped = k.dropped || k.last.session == s
	default: // a new login is under way already
	}
}

// withSession makes a read, and makes it once more after a new login where the
// server said that the token is no good.
func withSession[T any](ctx context.Context, k *keeper, read func(*session) (T, error)) (T, error) {
	got, err := onSession(ctx, k, read)
	if errors.Is(err, errToken) {
		return onSession(ctx, k, read)
	}
	return got, err
}

// onSession makes a call exactly once.
func onSession[T any](ctx context.Context, k *keeper, call func(*session) (T, error)) (T, error) {
	s, err := k.session(ctx)
	if err != nil {
		var none T
		return none, err
	}
	got, err := call(s)
	k.heard(s, err)
	return got, err
}
