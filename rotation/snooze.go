package rotation

import (
	"context"
	"fmt"
	"time"

	"rekey/rotation/due"
	"rekey/rotation/event"
)

// LongestSnooze bounds for how long nobody is reminded: what is put off for
// ever is not snoozed but forgotten.
const LongestSnooze = 30 * 24 * time.Hour

// Snooze is somebody's wish not to be reminded of a secret's age for a while.
// It hides nothing else, and what it hides is still named.
type Snooze struct {
	By    Person    `json:"by"`
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

// over reports that nothing is snoozed any more: its time has come, or what
// was snoozed was replaced meanwhile.
func (s Snooze) over(a due.Age, now time.Time) bool {
	return !now.Before(s.Until) || a.Known && a.Since.After(s.At)
}

// Put asks for a snooze.
type Put struct {
	Secret string // its catalogue name, in any case
	For    time.Duration
	By     Person
	Seen   time.Time // as in [Order]
}

// Snooze stores that nobody is to be reminded of a secret's age for a while.
// A later one takes the place of an earlier one.
func (e *Engine) Snooze(ctx context.Context, p Put) (Snooze, error) {
	s, err := e.subject(p.Secret)
	if err != nil {
		return Snooze{}, err
	}
	if p.For <= 0 || p.For > LongestSnooze {
		return Snooze{}, &Refusal{Code: NotNow, Sentence: "A secret can be snoozed for 1 to 30 days. Nothing was snoozed."}
	}
	if err := e.asleep(ctx, s, p.Seen); err != nil {
		return Snooze{}, err
	}
	now := time.Now()
	snooze := Snooze{By: p.By, At: now, Until: now.Add(p.For)}
	err = e.edit(ctx, func(c *calendar) ([]event.Event, error) {
		c.wake(now)
		if c.Snoozes == nil {
			c.Snoozes = make(map[string]Snooze)
		}
		c.Snoozes[s.Name] = snooze
		facts := map[string]string{"secret": s.Name, "until": snooze.Until.UTC().Format(time.RFC3339)}
		return []event.Event{{Kind: event.Snoozed, By: p.By.ID, Facts: facts}}, nil
	})
	return snooze, err
}

// asleep refuses to snooze what a snooze would not hide.
func (e *Engine) asleep(ctx context.Context, s Subject, seen time.Time) error {
	if s.Period <= 0 {
		return &Refusal{Code: NotNow, Sentence: s.Name + " is rotated as needed: nobody is reminded of it, so nothing was snoozed."}
	}
	if err := e.still(ctx, s, seen); err != nil {
		return err
	}
	open, err := e.Open(ctx)
	if err != nil {
		return err
	}
	for _, r := range open {
		if r.Secret == s.Name {
			return &Refusal{Code: AlreadyRunning, Other: r, Sentence: fmt.Sprintf("A rotation of %s is open (%s), and what it needs is told until it is done. Nothing was snoozed.", s.Name, r.State)}
		}
	}
	return nil
}

// wake forgets the snoozes whose time has come.
func (c *calendar) wake(now time.Time) {
	for name, s := range c.Snoozes {
		if s.over(due.Age{}, now) {
			delete(c.Snoozes, name)
		}
	}
}

// Unsnooze ends a snooze before its time.
func (e *Engine) Unsnooze(ctx context.Context, secret string, by Person) error {
	s, err := e.subject(secret)
	if err != nil {
		return err
	}
	now := time.Now()
	return e.edit(ctx, func(c *calendar) ([]event.Event, error) {
		c.wake(now)
		if _, snoozed := c.Snoozes[s.Name]; !snoozed {
			return nil, &Refusal{Code: NotNow, Sentence: s.Name + " is not snoozed; nothing was changed."}
		}
		delete(c.Snoozes, s.Name)
		return []event.Event{{Kind: event.Unsnoozed, By: by.ID, Facts: map[string]string{"secret": s.Name}}}, nil
	})
}

// still refuses to act on what a person saw once a rotation has ended since.
func (e *Engine) still(ctx context.Context, s Subject, seen time.Time) error {
	if seen.IsZero() {
		return nil
	}
	recent, err := e.Recent(ctx, recentEnough)
	if err == nil && rotatedSince(s.Name, seen, recent) {
		err = &Refusal{Code: Outdated, Sentence: fmt.Sprintf("%s was rotated since that message, so nothing was done. `/rotate %s` rotates it once more.", s.Name, s.Name)}
	}
	return err
}
