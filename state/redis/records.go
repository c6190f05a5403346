package redis

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/state"
)

// Create implements [state.Store]. A creation sent again after a lost answer
// gets state.ErrExists, also when its own slots are what stands in the way.
// Close, Extend and Release are refused: there is no lease yet.
func (s *Store) Create(ctx context.Context, c state.Creation) error {
	if err := checkCreation(c); err != nil {
		return fmt.Errorf("creating a record: %w", err)
	}
	n := s.keys
	keys := []key{
		n.record(c.Key), n.events(c.Key), n.outbox(c.Key), n.timers(),
		n.pending(), n.open(), n.slots(), n.tickets(),
	}
	args := []any{
		c.Key, c.Body, millis(c.Timer), strings.Join(c.Slots, "\n"), MaxOpen, n.wake(), n.news(),
	}
	if _, err := s.run(ctx, createScript, keys, appendEvents(args, c.Events)...); err != nil {
		return fmt.Errorf("creating %s: %w", c.Key, err)
	}
	return nil
}

// Load implements [state.Store].
func (s *Store) Load(ctx context.Context, k string) (state.Record, error) {
	if err := checkNames("key", k); err != nil {
		return state.Record{}, fmt.Errorf("loading a record: %w", err)
	}
	r, err := s.load(ctx, k)
	if err != nil {
		return state.Record{}, fmt.Errorf("loading %s: %w", k, err)
	}
	return r, nil
}

func (s *Store) load(ctx context.Context, k string) (state.Record, error) {
	rk := s.keys.record(k)
	got, err := s.client.HMGet(ctx, rk.name, "revision", "open", "timer", "body").Result()
	if err != nil {
		return state.Record{}, s.explain(ctx, err, rk)
	}
	fields, err := texts(got)
	if err == nil {
		return decodeRecord(rk.name, k, fields)
	}
	// A field is missing, or all of them are because the record is.
	there, err := s.client.Exists(ctx, rk.name).Result()
	switch {
	case err != nil:
		return state.Record{}, err
	case there == 0:
		return state.Record{}, state.ErrNotFound
	default:
		return state.Record{}, badData(rk.name, "a field is missing")
	}
}

// Commit implements [state.Store]. Besides ErrLost and ErrConflict it returns
// state.ErrNotFound when there is no record, and [ErrFull].
//
// Sent again after a lost answer it says state.ErrConflict if it had arrived,
// with or without its lease. A closed record takes further commits (late
// lines of the journal) but stays closed and takes no timer.
func (s *Store) Commit(ctx context.Context, l state.Lease, revision int64, c state.Change) (int64, error) {
	if err := checkCommit(l, revision, c); err != nil {
		return 0, fmt.Errorf("committing a change: %w", err)
	}
	n, next := s.keys, revision+1
	keys := []key{
		n.lease(l.Key), n.record(l.Key), n.events(l.Key), n.outbox(l.Key), n.timers(), n.pending(),
		n.hints(), n.tickets(),
	}
	if c.Close {
		c.Timer = time.Time{}
		keys = append(keys, n.open(), n.closed(), n.slots(), n.found(), n.decisions(l.Key))
	}
	args := []any{
		token(l), revision, next, l.Key, c.Body, millis(c.Timer), leaseFromNow(c),
		MaxJournal, MaxClosed, n.wake(), n.news(), c.Hint, MaxHints,
	}
	if _, err := s.run(ctx, commitScript, keys, appendEvents(args, c.Events)...); err != nil {
		return 0, fmt.Errorf("committing revision %d of %s: %w", next, l.Key, err)
	}
	return next, nil
}

func checkCommit(l state.Lease, revision int64, c state.Change) error {
	if revision < 1 {
		return fmt.Errorf("revision %d: the first is 1", revision)
	}
	if err := checkLease(l); err != nil {
		return err
	}
	return checkChange(c)
}

// leaseFromNow tells commit.lua what becomes of the lease; giving it up wins
// over extending it.
func leaseFromNow(c state.Change) int64 {
	if c.Release {
		return -1
	}
	return c.Extend.Milliseconds()
}

// The first byte of a stored event.
const (
	postedMark = 'P'
	quietMark  = '-'
)

// appendEvents adds events to a script's arguments as they are stored.
func appendEvents(args []any, events []state.Event) []any {
	for _, e := range events {
		mark := byte(quietMark)
		if e.Post {
			mark = postedMark
		}
		args = append(args, append([]byte{mark}, e.Body...))
	}
	return args
}
