package rotation

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/rotation/due"
	"rekey/rotation/event"
)

// Digest is what people should know about their secrets at one moment. It is
// stored, and told in one message.
type Digest struct {
	Tick   time.Time     `json:"tick"`   // of the calendar, for which it was made
	At     time.Time     `json:"at"`     // when it was made
	Within time.Duration `json:"within"` // how far ahead it looks
	Items  []Item        `json:"items,omitempty"`
	// Key is the calendar's key under which it was told, and its message is
	// known: an earlier one where the calendar has gone on elsewhere since.
	// It is stored from then on.
	Key string `json:"key,omitempty"`
}

// Matter is why a secret is in a digest. Names are stored.
type Matter string

// The matters, in the order in which they are told.
const (
	Halted    Matter = "stopped"
	Unrevoked Matter = "revocation pending"
	Undecided Matter = "waiting for approval"
	Overdue   Matter = "overdue"
	DueNow    Matter = "due"
	DueSoon   Matter = "due soon"
	Untold    Matter = "age unknown"
	AdminEnds Matter = "admin credential"
	Quiet     Matter = "snoozed"
)

var matters = []Matter{Halted, Unrevoked, Undecided, Overdue, DueNow, DueSoon, Untold, AdminEnds, Quiet}

// Item is one secret in a digest.
type Item struct {
	Matter Matter    `json:"matter"`
	Secret string    `json:"secret"`
	Title  string    `json:"title"`
	Impact string    `json:"impact,omitempty"`
	At     time.Time `json:"at,omitzero"`      // when it was or will be due or expire; of a rotation, since when it waits
	Until  time.Time `json:"until,omitzero"`   // when a request for approval or a snooze ends
	By     Person    `json:"by,omitzero"`      // who snoozed it
	Was    Matter    `json:"was,omitempty"`    // what it would be if it were not snoozed
	Age    due.Age   `json:"age,omitzero"`     //
	Unread string    `json:"unread,omitempty"` // why the age could not be read
	Next   string    `json:"next,omitempty"`   // what to do about a rotation that stopped
	Now    Now       `json:"-"`                //
}

// Now is what became of an item since its digest was made.
type Now struct {
	Known   bool      // it was looked up
	Open    *Rotation // the rotation that is open now
	Rotated bool      // one has ended since
	Asleep  *Snooze   // it is snoozed now
}

// Bulletin is what is to be announced, and how.
type Bulletin struct {
	Tick     time.Time
	Within   time.Duration
	AllClear bool // tell that there is nothing to tell, too
}

// Announce makes a digest and has it told, once for each tick: not again for
// one that was told, by whatever replica, nor for an earlier one. Where there
// is nothing to tell it remembers that. An error says that the tick is still
// to be announced.
func (e *Engine) Announce(ctx context.Context, b Bulletin) error {
	s, err := e.calendar(ctx)
	if err != nil || s.told(b.Tick) {
		return err
	}
	all, err := e.Overview(ctx)
	if err != nil {
		return fmt.Errorf("finding what is due: %w", err)
	}
	err = e.edit(ctx, func(c *calendar) ([]event.Event, error) {
		if c.told(b.Tick) {
			return nil, errNothing
		}
		now := time.Now()
		c.Told = b.Tick
		c.wake(now)
		d := digest(b, all, now)
		if !d.Speaks() && !b.AllClear {
			return nil, nil
		}
		c.Digest = &d
		return []event.Event{{Kind: event.Digest, Facts: map[string]string{"tick": b.Tick.UTC().Format(time.RFC3339)}}}, nil
	})
	if err != nil {
		return fmt.Errorf("announcing what is due: %w", err)
	}
	return nil
}

// farAhead is how much later than its tick a clock may have been: one that
// was wrong by more does not keep everybody from being told for years.
const farAhead = 48 * time.Hour

// told reports whether people were told of a tick, or of a later one.
func (c *calendar) told(tick time.Time) bool {
	return !tick.After(c.Told) && c.Told.Sub(tick) < farAhead
}

// Digest returns the last digest posted under a key of the calendar, nil
// where there is none, with what became of its items.
func (e *Engine) Digest(ctx context.Context, key string) (*Digest, error) {
	_, c, err := e.loadSheet(ctx, key)
	if err != nil || c.Digest == nil {
		return nil, err
	}
	open, err := e.Open(ctx)
	if err != nil {
		return nil, err
	}
	recent, err := e.Recent(ctx, recentEnough)
	if err != nil {
		return nil, err
	}
	c.Digest.Key = cmp.Or(c.Digest.Key, key)
	for n := range c.Digest.Items {
		i := &c.Digest.Items[n]
		i.Now = c.now(i.Secret, open, recent)
	}
	return c.Digest, nil
}

// Calendar is the key under which digests are told now, "" before the first.
func (e *Engine) Calendar(ctx context.Context) (string, error) {
	s, err := e.calendar(ctx)
	if err != nil || s.number == 0 {
		return "", err
	}
	return s.key(), nil
}

// recentEnough is among how many ended rotations one is looked for that ended
// since people were told.
const recentEnough = 100

// now is what became of a secret since the digest was made.
func (c *calendar) now(secret string, open, recent []*Rotation) Now {
	n := Now{Known: true, Rotated: rotatedSince(secret, c.Digest.At, recent)}
	for _, r := range open {
		if r.Secret == secret {
			n.Open = r
		}
	}
	if s, ok := c.Snoozes[secret]; ok && !s.over(due.Age{}, time.Now()) {
		n.Asleep = &s
	}
	return n
}

func rotatedSince(secret string, seen time.Time, recent []*Rotation) bool {
	return slices.ContainsFunc(recent, func(r *Rotation) bool {
		return r.Secret == secret && r.State == Succeeded && r.Cell.Mode != Rollback && r.Ended.After(seen)
	})
}

// IsDigest reports whether a key of the store is about digests.
func IsDigest(key string) bool { return strings.HasPrefix(key, calendarPrefix) }

// Speaks reports whether there is anything people should hear by themselves.
// What somebody has snoozed is not.
func (d Digest) Speaks() bool {
	return slices.ContainsFunc(d.Items, func(i Item) bool { return i.Matter != Quiet })
}

// digest picks what is worth telling.
func digest(b Bulletin, all []Overview, now time.Time) Digest {
	d := Digest{Tick: b.Tick, At: now, Within: b.Within}
	for _, o := range all {
		if i, ok := o.item(now, b.Within); ok {
			d.Items = append(d.Items, i)
		}
		if ends := o.AdminExpires; !ends.IsZero() && ends.Sub(now) <= b.Within {
			d.Items = append(d.Items, Item{Matter: AdminEnds, Secret: o.Secret.Name, Title: o.Secret.Title, At: ends})
		}
	}
	slices.SortStableFunc(d.Items, func(a, b Item) int {
		return cmp.Or(cmp.Compare(slices.Index(matters, a.Matter), slices.Index(matters, b.Matter)), a.At.Compare(b.At))
	})
	return d
}

// item is what a digest says of one secret; false where it says nothing. An
// open rotation says more than the age does, and no snooze hides it.
func (o Overview) item(now time.Time, within time.Duration) (Item, bool) {
	i := Item{Secret: o.Secret.Name, Title: o.Secret.Title, Impact: o.Secret.Impact}
	if r := o.Rotation; r != nil {
		i.At = r.Rests()
		switch r.State {
		case Stuck:
			i.Matter = Halted
			if r.Problem != nil {
				i.Next = r.Problem.Next
			}
		case Pending:
			i.Matter = Unrevoked
		case Asking:
			i.Matter = Undecided
			if r.Card != nil {
				i.Until = r.Card.Expires
			}
		default:
			return i, false // Rekey goes on by itself
		}
		return i, true
	}
	i.Matter, i.At, i.Age, i.Unread = o.matter(now, within), o.Due.At, o.Age, o.Unread
	if i.Matter != "" && o.Snooze != nil {
		i.Was, i.Matter, i.Until, i.By = i.Matter, Quiet, o.Snooze.Until, o.Snooze.By
	}
	return i, i.Matter != ""
}

// matter is what the age of a secret comes to, "" where it is fine.
func (o Overview) matter(now time.Time, within time.Duration) Matter {
	switch o.Due.State {
	case due.Overdue:
		return Overdue
	case due.Now:
		return DueNow
	case due.Unknown:
		return Untold
	case due.Soon, due.OK:
		if o.Due.At.Sub(now) <= within {
			return DueSoon
		}
	}
	return ""
}
