package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/rotation/due"
)

// Overview is one secret on the list of what is due.
type Overview struct {
	Secret   Secret
	Age      due.Age
	Due      due.Due
	Expires  time.Time // when the value dies by itself; zero if never or unknown
	Rotation *Rotation // the open one, else nil
	Unread   string    // why the age could not be read, else ""
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
	var open []*Rotation
	for _, record := range records {
		r, err := decodeRecord(record.Key, record.Body)
		if err != nil {
			e.config.Log.Error("a stored rotation cannot be read; it is left as it is", "rotation", record.Key, "error", err)
			continue
		}
		open = append(open, r)
	}
	return open, nil
}

// Recent lists at most limit finished rotations, the last one first.
func (e *Engine) Recent(ctx context.Context, limit int) ([]*Rotation, error) {
	records, err := e.config.Store.Closed(ctx, limit)
	if err != nil {
		return nil, fmt.Errorf("listing finished rotations: %w", err)
	}
	var recent []*Rotation
	for _, record := range records {
		r, err := decodeRecord(record.Key, record.Body)
		if err != nil {
			e.config.Log.Error("a stored rotation cannot be read; it is left as it is", "rotation", record.Key, "error", err)
			continue
		}
		recent = append(recent, r)
	}
	return recent, nil
}

// Overview lists every configured secret with its age, when it is due, and
// the rotation that is open for it.
func (e *Engine) Overview(ctx context.Context) ([]Overview, error) {
	open, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	var list []Overview
	now := time.Now()
	for _, name := range e.names {
		s := e.subjects[name]
		o := Overview{Secret: s.Secret}
		if o.Age, o.Expires, err = e.age(ctx, s); err != nil {
			e.config.Log.Warn("reading the age of a secret", "secret", name, "error", err)
			o.Unread = "the vault did not tell"
		}
		o.Due = due.When(s.Period, o.Age, now)
		if !o.Expires.IsZero() {
			o.Due = due.Sooner(o.Due, o.Expires, s.ExpiryMargin, s.Period, now)
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
// version's own date says nothing.
func (e *Engine) age(ctx context.Context, s Subject) (age due.Age, expires time.Time, err error) {
	name := s.Variables[0]
	entries, err := s.Vault.Read(ctx, Production, []string{name})
	if err != nil {
		return due.Age{}, time.Time{}, err
	}
	current := entries[name]
	expires, _ = time.Parse(time.RFC3339, current.Metadata[noteExpires]) // "never", or no word of it, is no time
	if at, err := time.Parse(time.RFC3339, current.Metadata["rekey-rotated-at"]); err == nil {
		return due.Age{Known: true, Since: at}, expires, nil
	}
	for n := current.Version; n > 0 && n > current.Version-walkBack; n-- {
		old, err := s.Vault.ReadVersion(ctx, Production, name, n)
		if err != nil || !old.Value.Equal(current.Value) {
			age.Known = err == nil
			return age, expires, nil
		}
		age.Since = old.Made
		age.Known = n == 1
	}
	age.AtLeast = !age.Known
	return age, expires, nil
}
