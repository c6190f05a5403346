package rotation

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/rotation/due"
	"rekey/state"
)

// Overview is one secret on the list of what is due.
type Overview struct {
	Secret   Secret
	Age      due.Age
	Due      due.Due
	Expires  time.Time // when the value dies by itself; zero if never or unknown
	Rotation *Rotation // the open one, else nil
	Unread   string    // why the age could not be read, else ""
	Snooze   *Snooze   // nobody wants to be reminded of the age now, else nil
	// AdminExpires is when the admin credential ends by itself, else zero.
	AdminExpires time.Time
}

// Load returns one rotation by its key.
func (e *Engine) Load(ctx context.Context, key string) (*Rotation, error) {
	record, err := e.config.Store.Load(ctx, key)
	if err != nil {
		return nil, fmt.Errorf("loading %s: %w", key, err)
	}
	return decodeRecord(key, record.Body)
}

// Open lists the rotations that are not finished, oldest first.
func (e *Engine) Open(ctx context.Context) ([]*Rotation, error) {
	records, err := e.config.Store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing open rotations: %w", err)
	}
	return e.rotations(records), nil
}

// Unreadable lists the keys of open records that cannot be read, oldest first:
// damaged ones, and those of a form that this program does not know. They are
// left as they are, and hold nothing up but their own secret.
func (e *Engine) Unreadable(ctx context.Context) ([]string, error) {
	records, err := e.config.Store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing open rotations: %w", err)
	}
	var keys []string
	for _, record := range records {
		if _, err := readable(record); err != nil {
			keys = append(keys, record.Key)
		}
	}
	return keys, nil
}

// rotations picks the rotations among records.
func (e *Engine) rotations(records []state.Record) []*Rotation {
	var all []*Rotation
	for _, record := range records {
		switch r, err := readable(record); {
		case err != nil:
			e.config.Log.Error("a stored record cannot be read; it is left as it is", "record", record.Key, "error", err)
		case r != nil:
			all = append(all, r)
		}
	}
	return all
}

// readable returns the rotation of a record, nil for another kind of record.
func readable(record state.Record) (*Rotation, error) {
	switch {
	case record.Bad != nil:
		return nil, record.Bad
	case strings.HasPrefix(record.Key, recordPrefix):
		return decodeRecord(record.Key, record.Body)
	case strings.HasPrefix(record.Key, calendarPrefix):
		_, err := decodeCalendar(record.Key, record.Body)
		return nil, err
	case IsBatch(record.Key):
		_, err := decodeBatch(record.Key, record.Body)
		return nil, err
	default:
		return nil, nil
	}
}

// Recent lists at most limit finished rotations, the last one first.
func (e *Engine) Recent(ctx context.Context, limit int) ([]*Rotation, error) {
	records, err := e.config.Store.Closed(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("listing finished rotations: %w", err)
	}
	return e.rotations(records), nil
}

// Overview lists every configured secret with its age, when it is due, and
// the rotation that is open for it.
func (e *Engine) Overview(ctx context.Context) ([]Overview, error) {
	records, err := e.config.Store.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing open rotations: %w", err)
	}
	open := e.rotations(records)
	noted, err := current(records)
	if err != nil {
		e.config.Log.Error("the calendar cannot be read; it is left as it is, and nothing counts as snoozed", "error", err)
		noted.calendar = &calendar{}
	}
	var list []Overview
	now := time.Now()
	for _, name := range e.names {
		s := e.subjects[name]
		o := Overview{Secret: s.Secret, AdminExpires: s.AdminExpires}
		if o.Age, o.Expires, err = e.age(ctx, s); err != nil {
			e.config.Log.Warn("reading the age of a secret", "secret", name, "error", err)
			o.Unread = "the vault did not tell"
		}
		o.Due = due.When(s.Period, o.Age, now)
		if !o.Expires.IsZero() {
			o.Due = due.Sooner(o.Due, o.Expires, s.ExpiryMargin, s.Period, now)
		}
		if snooze, ok := noted.Snoozes[name]; ok && !snooze.over(o.Age, now) {
			o.Snooze = &snooze
		}
		for _, r := range open {
			if r.Secret == name {
				o.Rotation = r
			}
		}
		list = append(list, o)
	}
	return list, nil
}

// walkBack bounds how many versions are read to find a value's age.
const walkBack = 12

// age of the value in production: what the last rotation noted beside it,
// else when the earliest version in the unbroken run of equal values was made.
// Versions are also added by edits that leave the value alone, so the current
// version's own date says nothing. And what was noted stays beside a value that
// somebody changed by hand: it counts as long as the value is the one noted.
func (e *Engine) age(ctx context.Context, s Subject) (age due.Age, expires time.Time, err error) {
	name := s.Variables[0]
	entries, err := s.Vault.Read(ctx, Production, []string{name})
	if err != nil {
		return due.Age{}, time.Time{}, err
	}
	current := entries[name]
	expires, _ = time.Parse(time.RFC3339, current.Metadata[noteExpires]) // "never", or no word of it, is no time
	noted, version := rotatedAt(current)
	if !noted.IsZero() && version == current.Version {
		return due.Age{Known: true, Since: noted}, expires, nil
	}
	for n := current.Version; n > 0 && n > current.Version-walkBack; n-- {
		old, err := s.Vault.ReadVersion(ctx, Production, name, n)
		if err != nil || !old.Value.Equal(current.Value) {
			age.Known = err == nil
			break
		}
		if n == version {
			return due.Age{Known: true, Since: noted}, expires, nil
		}
		age.Since, age.Known = old.Made, n == 1
	}
	age.AtLeast = !age.Known && !age.Since.IsZero()
	if age.Known && version > 0 {
		expires = time.Time{} // what was noted is about another value
	}
	return age, expires, nil
}

// rotatedAt is when a rotation wrote the value, and as which version, as it
// noted beside it; zero where it did not.
func rotatedAt(e deploy.Entry) (time.Time, int) {
	at, err := time.Parse(time.RFC3339, e.Metadata[NoteRotatedAt])
	before, err2 := strconv.Atoi(e.Metadata["rekey-previous-version"])
	if err != nil || err2 != nil || before < 0 || before >= e.Version {
		return time.Time{}, 0
	}
	return at, before + 1
}
