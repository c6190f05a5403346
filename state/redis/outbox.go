package redis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	goredis "github.com/redis/go-redis/v9"

	"rekey/state"
)

// Pending implements [state.Outbox]. What counts is how long the first row of
// a record has been waiting.
func (s *Store) Pending(ctx context.Context, limit int) ([]string, error) {
	if limit = bounded(limit); limit == 0 {
		return nil, nil
	}
	pk := s.keys.pending()
	keys, err := s.client.ZRange(ctx, pk.name, 0, int64(limit)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("listing what waits to be told: %w", s.explain(ctx, err, pk))
	}
	return keys, nil
}

// Rows implements [state.Outbox].
func (s *Store) Rows(ctx context.Context, k string, limit int) ([]state.Row, error) {
	if err := checkNames("key", k); err != nil {
		return nil, fmt.Errorf("reading rows: %w", err)
	}
	if limit = bounded(limit); limit == 0 {
		return nil, nil
	}
	ek := s.keys.events(k)
	got, err := s.run(ctx, rowsScript, []key{ek, s.keys.outbox(k)}, limit)
	if err != nil {
		return nil, fmt.Errorf("reading rows of %s: %w", k, err)
	}
	rows, err := decodeRows(ek.name, got)
	if err != nil {
		return nil, fmt.Errorf("reading rows of %s: %w", k, err)
	}
	return rows, nil
}

// Delivered implements [state.Outbox]. It returns state.ErrNotFound when there
// is no record, and [ErrFull]. Repeating it is harmless. A sequence number of
// 0 stores references only.
func (s *Store) Delivered(ctx context.Context, l state.Lease, k string, seq int64, refs map[string]string) error {
	if err := checkDelivered(l, k, refs); err != nil {
		return fmt.Errorf("removing delivered rows: %w", err)
	}
	n := s.keys
	keys := []key{n.lease(l.Key), n.record(k), n.outbox(k), n.pending(), n.refs(k), n.found()}
	args := []any{token(l), k, seq, MaxRefs}
	for _, name := range slices.Sorted(maps.Keys(refs)) {
		args = append(args, name, refs[name])
	}
	if _, err := s.run(ctx, deliveredScript, keys, args...); err != nil {
		return fmt.Errorf("removing delivered rows of %s: %w", k, err)
	}
	return nil
}

func checkDelivered(l state.Lease, k string, refs map[string]string) error {
	if err := checkLease(l); err != nil {
		return err
	}
	if l.Key != "post/"+k {
		return fmt.Errorf("the lease of %s does not cover the rows of %.100q", l.Key, k)
	}
	if len(refs) > MaxRefs {
		return fmt.Errorf("%d references: %w (%d)", len(refs), ErrFull, MaxRefs)
	}
	for name, ref := range refs {
		if err := errors.Join(checkNames("message name", name), checkNames("reference", ref)); err != nil {
			return err
		}
	}
	return nil
}

// Refs implements [state.Refs]. A record without messages has none.
func (s *Store) Refs(ctx context.Context, k string) (map[string]string, error) {
	if err := checkNames("key", k); err != nil {
		return nil, fmt.Errorf("reading references: %w", err)
	}
	rk := s.keys.refs(k)
	refs, err := s.client.HGetAll(ctx, rk.name).Result()
	if err != nil {
		return nil, fmt.Errorf("reading references of %s: %w", k, s.explain(ctx, err, rk))
	}
	return refs, nil
}

// FindRef implements [state.Refs]. Only the reference a name has now is found.
func (s *Store) FindRef(ctx context.Context, ref string) (k, name string, err error) {
	if err := checkNames("reference", ref); err != nil {
		return "", "", fmt.Errorf("finding a reference: %w", err)
	}
	fk := s.keys.found()
	stored, err := s.client.HGet(ctx, fk.name, ref).Result()
	switch {
	case errors.Is(err, goredis.Nil):
		err = state.ErrNotFound
	case err != nil:
		err = s.explain(ctx, err, fk)
	default:
		k, name, err = decodeWayBack(fk.name, stored)
	}
	if err != nil {
		return "", "", fmt.Errorf("finding reference %s: %w", ref, err)
	}
	return k, name, nil
}

func isLost(err error) bool { return errors.Is(err, state.ErrLost) }
