package redis

import (
	"context"
	"fmt"

	"rekey/state"
)

// page is how many records one script reads. While a script runs the server
// does nothing else.
const page = 50

// direction is one of the two ways through an index of records.
type direction struct{ command, from, to string }

var (
	oldestFirst = direction{"ZRANGEBYSCORE", "-inf", "+inf"}
	newestFirst = direction{"ZREVRANGEBYSCORE", "+inf", "-inf"}
)

// Open implements [state.Lists]. Records that are created or closed while the
// list is read may or may not be in it.
func (s *Store) Open(ctx context.Context) ([]state.Record, error) {
	records, err := s.list(ctx, s.keys.open(), oldestFirst, MaxList)
	if err != nil {
		return nil, fmt.Errorf("listing open records: %w", err)
	}
	return records, nil
}

// Closed implements [state.Lists].
func (s *Store) Closed(ctx context.Context, limit int) ([]state.Record, error) {
	records, err := s.list(ctx, s.keys.closed(), newestFirst, bounded(limit))
	if err != nil {
		return nil, fmt.Errorf("listing closed records: %w", err)
	}
	return records, nil
}

// list goes through an index page by page. It goes by tickets, not by
// positions: those shift when a record leaves the index in between.
func (s *Store) list(ctx context.Context, index key, d direction, limit int) ([]state.Record, error) {
	var all []state.Record
	for from := d.from; len(all) < limit; {
		want := min(page, limit-len(all))
		got, err := s.run(ctx, listScript, []key{index}, d.command, from, d.to, want, s.keys.tag)
		if err != nil {
			return nil, err
		}
		const width = 7 // key, ticket, what is wrong, and the four fields of the record
		for i := 0; i+width <= len(got); i += width {
			all = append(all, s.listed(got[i], got[i+2], got[i+3:i+width]))
			from = "(" + got[i+1]
		}
		if len(got) < want*width {
			break
		}
	}
	return all, nil
}

// listed is one record of a list, whole or bad.
func (s *Store) listed(k, wrong string, fields []string) state.Record {
	name := s.keys.record(k).name
	if wrong != "" {
		return state.Record{Key: k, Bad: badData(name, wrong)}
	}
	r, err := decodeRecord(name, k, fields)
	if err != nil {
		return state.Record{Key: k, Bad: err}
	}
	return r
}

// Events implements [state.Lists]. A record that does not exist has an empty
// journal.
func (s *Store) Events(ctx context.Context, k string, after int64, limit int) ([]state.Event, error) {
	if err := checkNames("key", k); err != nil {
		return nil, fmt.Errorf("reading a journal: %w", err)
	}
	limit, after = bounded(limit), max(after, 0)
	if limit == 0 {
		return nil, nil
	}
	ek := s.keys.events(k)
	stored, err := s.client.LRange(ctx, ek.name, after, after+int64(limit)-1).Result()
	if err != nil {
		return nil, fmt.Errorf("reading the journal of %s: %w", k, s.explain(ctx, err, ek))
	}
	events := make([]state.Event, len(stored))
	for i, text := range stored {
		if events[i], err = decodeEvent(ek.name, after+int64(i)+1, text); err != nil {
			return nil, fmt.Errorf("reading the journal of %s: %w", k, err)
		}
	}
	return events, nil
}
