package rotation

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/rotation/event"
	"rekey/state"
)

func (e *Engine) calendar(ctx context.Context) (sheet, error) {
	open, err := e.config.Store.Open(ctx)
	if err != nil {
		return sheet{}, fmt.Errorf("finding the calendar: %w", err)
	}
	return current(open)
}

// edit changes the calendar under its lease. change gets it as it is stored
// and returns what the journal is to say; errNothing leaves it as it is.
func (e *Engine) edit(ctx context.Context, change func(*calendar) ([]event.Event, error)) error {
	const tries = 3 // a sheet may be the last one when it is found, and full when it is held
	for range tries {
		s, err := e.calendar(ctx)
		if err != nil {
			return err
		}
		if s.number == 0 {
			if err := e.nextSheet(ctx, s); err != nil {
				return err
			}
			continue
		}
		if err := e.editSheet(ctx, s.key(), change); !errors.Is(err, errSheetFull) {
			return err
		}
	}
	return errors.New("changing the calendar: it is replaced again and again")
}

var (
	errNothing   = errors.New("there is nothing to change")
	errSheetFull = errors.New("the calendar goes on elsewhere")
)

// editSheet changes one sheet, or opens the next one where it is full.
func (e *Engine) editSheet(ctx context.Context, key string, change func(*calendar) ([]event.Event, error)) error {
	lease, err := e.claimSoon(ctx, key)
	if err != nil {
		return err
	}
	released := false
	defer func() {
		if !released {
			e.release(ctx, lease)
		}
	}()
	record, c, err := e.loadSheet(ctx, key)
	switch {
	case err != nil:
		return err
	case !record.Open:
		return errSheetFull
	case c.Lines >= longestJournal:
		return e.turnOver(ctx, lease, record, c)
	}
	events, err := change(c)
	if errors.Is(err, errNothing) {
		return nil
	}
	if err != nil {
		return err
	}
	c.Lines += len(events)
	then := state.Change{Release: true}
	if then.Events, err = journalled(events); err != nil {
		return err
	}
	if changesDigest(events) {
		then.Hint = DigestHint(key)
	}
	err = e.commitSheet(ctx, lease, record.Revision, c, then)
	released = err == nil
	return err
}

// DigestHint names the hint that is left when the last digest no longer shows
// what is so: whoever shows it to people looks at it again. It is stored.
func DigestHint(key string) string { return "digest " + key }

func changesDigest(events []event.Event) bool {
	return slices.ContainsFunc(events, func(ev event.Event) bool { return ev.Kind != event.Digest })
}

func (e *Engine) loadSheet(ctx context.Context, key string) (state.Record, *calendar, error) {
	record, err := e.config.Store.Load(ctx, key)
	if err != nil {
		return record, nil, fmt.Errorf("loading the calendar: %w", err)
	}
	c, err := decodeCalendar(key, record.Body)
	return record, c, err
}

// commitSheet writes the calendar under its lease, and what goes with it.
func (e *Engine) commitSheet(ctx context.Context, l state.Lease, revision int64, c *calendar, change state.Change) (err error) {
	if change.Body, err = encodeCalendar(c); err != nil {
		return err
	}
	if _, err = e.config.Store.Commit(ctx, l, revision, change); err != nil {
		return fmt.Errorf("committing %s: %w", l.Key, err)
	}
	return nil
}

// turnOver goes on with the next sheet. It is opened before this one is
// closed: whoever dies in between leaves two, of which the newer counts.
func (e *Engine) turnOver(ctx context.Context, l state.Lease, r state.Record, c *calendar) error {
	number, _ := strconv.Atoi(strings.TrimPrefix(r.Key, calendarPrefix))
	next := *c
	next.Lines = 0
	if c.Digest != nil {
		told := *c.Digest
		told.Key = cmp.Or(told.Key, r.Key)
		next.Digest = &told
	}
	if err := e.nextSheet(ctx, sheet{number, &next}); err != nil {
		return err
	}
	if err := e.commitSheet(ctx, l, r.Revision, c, state.Change{Close: true}); err != nil {
		return err
	}
	return errSheetFull
}

// nextSheet opens the sheet after this one, with the same body. One that is
// there already is as good.
func (e *Engine) nextSheet(ctx context.Context, s sheet) error {
	body, err := encodeCalendar(s.calendar)
	if err != nil {
		return err
	}
	s.number++
	err = e.config.Store.Create(ctx, state.Creation{Key: s.key(), Change: state.Change{Body: body}})
	if err != nil && !errors.Is(err, state.ErrExists) {
		return fmt.Errorf("opening %s: %w", s.key(), err)
	}
	return nil
}

// claimSoon waits for somebody else's change to end; they are short.
func (e *Engine) claimSoon(ctx context.Context, key string) (state.Lease, error) {
	const tries = 40
	for range tries {
		lease, err := e.config.Store.Claim(ctx, key, e.config.Replica, e.config.Lease)
		if !errors.Is(err, state.ErrHeld) {
			return lease, err
		}
		if !pause(ctx, e.config.Lease/tries) {
			break
		}
	}
	return state.Lease{}, &Refusal{Code: Busy, Sentence: "Somebody else is changing that just now. Ask again in a few seconds."}
}

func (e *Engine) release(ctx context.Context, l state.Lease) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	if err := e.config.Store.Release(ctx, l); err != nil {
		e.config.Log.Warn("giving up a lease", "lease", l.Key, "error", err)
	}
}
