package redis

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"rekey/state"
)

// Bounds of the store. They are far above what a well-behaved installation
// needs; meeting one means that something runs away.
const (
	MaxBody      = 1 << 20  // bytes of a record's body
	MaxEvent     = 64 << 10 // bytes of an event's body
	MaxEvents    = 100      // events in one commit
	MaxJournal   = 20_000   // events of a record; only the commit that closes it may go beyond
	MaxOpen      = 1_000    // open records
	MaxClosed    = 1_000    // closed records kept
	MaxSlots     = 100      // slots of a record
	MaxRefs      = 1_000    // message references of a record
	MaxHints     = 10_000   // hints not settled yet
	MaxDecisions = 500      // decisions about a record
	MaxDecision  = 16 << 10 // bytes of a decision
	MaxName      = 512      // bytes of a key, a slot, an owner, a reference or another name
	MaxList      = 1_000    // entries any list returns, whatever limit was asked for
)

// ErrFull is returned when a change would cross one of the bounds above.
var ErrFull = errors.New("a bound of the store is reached")

// checkNames refuses names that are empty, too long, or hold control
// characters: a line break separates names in stored values.
func checkNames(kind string, names ...string) error {
	for _, n := range names {
		switch {
		case n == "":
			return fmt.Errorf("an empty %s", kind)
		case len(n) > MaxName:
			return fmt.Errorf("%s of %d bytes: %w (%d)", kind, len(n), ErrFull, MaxName)
		case strings.ContainsFunc(n, unicode.IsControl):
			return fmt.Errorf("%s %q holds a control character", kind, n)
		}
	}
	return nil
}

func checkTTL(ttl time.Duration) error {
	if ttl < time.Millisecond {
		return fmt.Errorf("a duration of %s is less than a millisecond", ttl)
	}
	return nil
}

func checkChange(c state.Change) error {
	if len(c.Body) > MaxBody {
		return fmt.Errorf("body of %d bytes: %w (%d)", len(c.Body), ErrFull, MaxBody)
	}
	if len(c.Events) > MaxEvents {
		return fmt.Errorf("%d events: %w (%d)", len(c.Events), ErrFull, MaxEvents)
	}
	for _, e := range c.Events {
		if len(e.Body) > MaxEvent {
			return fmt.Errorf("event of %d bytes: %w (%d)", len(e.Body), ErrFull, MaxEvent)
		}
	}
	if c.Hint != "" {
		if err := checkNames("hint", c.Hint); err != nil {
			return err
		}
	}
	if c.Extend != 0 {
		return checkTTL(c.Extend)
	}
	return nil
}

func checkCreation(c state.Creation) error {
	if c.Close || c.Release || c.Extend != 0 || c.Hint != "" {
		return errors.New("a creation cannot close, leaves no hint, and has no lease to extend or to release")
	}
	if len(c.Slots) > MaxSlots {
		return fmt.Errorf("%d slots: %w (%d)", len(c.Slots), ErrFull, MaxSlots)
	}
	return errors.Join(checkNames("key", c.Key), checkNames("slot", c.Slots...), checkChange(c.Change))
}

// bounded is a limit a caller asked for, within what a list may return.
func bounded(limit int) int { return min(max(limit, 0), MaxList) }
