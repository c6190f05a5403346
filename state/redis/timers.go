package redis

import (
	"context"
	"fmt"
	"strconv"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// Due implements [state.Timers]. Timers are whole milliseconds, rounded down,
// and so is now. Both answers come from one state of the store: a timer
// cannot move from the one to the other between them.
func (s *Store) Due(ctx context.Context, now time.Time, limit int) ([]string, time.Time, error) {
	tk, ms := s.keys.timers(), strconv.FormatInt(now.UnixMilli(), 10)
	pipe := s.client.TxPipeline()
	var due *goredis.StringSliceCmd
	if limit = bounded(limit); limit > 0 {
		due = pipe.ZRangeArgs(ctx, goredis.ZRangeArgs{
			Key: tk.name, ByScore: true, Start: "-inf", Stop: ms, Count: int64(limit),
		})
	}
	next := pipe.ZRangeArgsWithScores(ctx, goredis.ZRangeArgs{
		Key: tk.name, ByScore: true, Start: "(" + ms, Stop: "+inf", Count: 1,
	})
	if _, err := pipe.Exec(ctx); err != nil {
		return nil, time.Time{}, fmt.Errorf("listing timers: %w", s.explain(ctx, err, tk))
	}
	var first time.Time
	if found := next.Val(); len(found) > 0 {
		first = fromMillis(int64(found[0].Score))
	}
	if due == nil {
		return nil, first, nil
	}
	return due.Val(), first, nil
}
