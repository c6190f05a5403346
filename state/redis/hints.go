package redis

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"rekey/state"
)

// Hint implements [state.Hints]. Marks grow over all hints together, so that
// one left again after it was settled never has a mark it had before.
func (s *Store) Hint(ctx context.Context, name string) error {
	if err := s.hint(ctx, name, 0); err != nil {
		return fmt.Errorf("leaving a hint: %w", err)
	}
	return nil
}

// Hints implements [state.Hints].
func (s *Store) Hints(ctx context.Context, after int64, limit int) ([]state.Hint, error) {
	if limit = bounded(limit); limit == 0 {
		return nil, nil
	}
	hk := s.keys.hints()
	found, err := s.client.ZRangeArgsWithScores(ctx, goredis.ZRangeArgs{
		Key: hk.name, ByScore: true, Start: "(" + strconv.FormatInt(after, 10), Stop: "+inf", Count: int64(limit),
	}).Result()
	if err != nil {
		return nil, fmt.Errorf("listing hints: %w", s.explain(ctx, err, hk))
	}
	hints := make([]state.Hint, len(found))
	for i, z := range found {
		name, ok := z.Member.(string)
		if !ok {
			return nil, fmt.Errorf("listing hints: %w", badData(hk.name, "a name that is no text"))
		}
		hints[i] = state.Hint{Name: name, Mark: int64(z.Score)}
	}
	return hints, nil
}

// Settle implements [state.Hints].
func (s *Store) Settle(ctx context.Context, h state.Hint) error {
	if h.Mark < 1 {
		return errors.New("settling a hint: it has no mark")
	}
	if err := s.hint(ctx, h.Name, h.Mark); err != nil {
		return fmt.Errorf("settling a hint: %w", err)
	}
	return nil
}

func (s *Store) hint(ctx context.Context, name string, settle int64) error {
	if err := checkNames("hint", name); err != nil {
		return err
	}
	keys := []key{s.keys.hints(), s.keys.tickets()}
	_, err := s.run(ctx, hintScript, keys, name, settle, MaxHints, s.keys.news())
	return err
}

// Once implements [state.Onces]. After a lost answer nobody may have been
// told "first": whoever must not be left out does not rely on it alone.
func (s *Store) Once(ctx context.Context, name string, ttl time.Duration) (bool, error) {
	if err := errors.Join(checkNames("name", name), checkTTL(ttl)); err != nil {
		return false, fmt.Errorf("doing something once: %w", err)
	}
	err := s.client.Do(ctx, "SET", s.keys.once(name).name, "1", "NX", "PX", ttl.Milliseconds()).Err()
	if errors.Is(err, goredis.Nil) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("doing %s once: %w", name, err)
	}
	return true, nil
}
