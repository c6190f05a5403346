package rotation

import (
	"context"
	"fmt"
	"strings"
)

// mostRecords bounds how many closed records are looked through for a batch.
const mostRecords = 500

// LastBatch is the newest batch of a tag, "" for that of every secret, whether it
// is open or over; nil where there is none any more.
func (e *Engine) LastBatch(ctx context.Context, tag string) (*Progress, error) {
	open, err := e.config.Store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing open batches: %w", err)
	}
	closed, err := e.config.Store.Closed(ctx, mostRecords)
	if err != nil {
		return nil, fmt.Errorf("listing batches that are over: %w", err)
	}
	var last *Batch
	for _, record := range append(open, closed...) {
		if !IsBatch(record.Key) || record.Bad != nil {
			continue
		}
		b, err := decodeBatch(record.Key, record.Body)
		if err == nil && b.Secret == "" && strings.EqualFold(b.Tag, tag) && (last == nil || b.Started.After(last.Started)) {
			last = b
		}
	}
	if last == nil {
		return nil, nil
	}
	return e.progress(ctx, last)
}
