package rotation

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"rekey/state"
)

// calendar is what must survive a crash beside the rotations: up to when
// people were told, what they were told last, and what they have snoozed.
type calendar struct {
	Told    time.Time         `json:"told,omitzero"`     // the last tick that was told, or had nothing to tell
	Digest  *Digest           `json:"digest,omitempty"`  // the last one posted
	Snoozes map[string]Snooze `json:"snoozes,omitempty"` // by secret
	Lines   int               `json:"lines"`             // of this record's journal
}

// calendarPrefix begins the calendar's key; a number follows. A journal must
// not grow for ever: after longestJournal lines the next number goes on with
// the same body. Of two that are open, the higher one counts.
const (
	calendarPrefix = "calendar/"
	longestJournal = 10_000
)

// calendarVersion is the stored form written by this program; the rule for
// the next one is that of rotations.
const calendarVersion = 1

type storedCalendar struct {
	V        int       `json:"v"`
	Calendar *calendar `json:"calendar"`
}

func encodeCalendar(c *calendar) ([]byte, error) {
	body, err := json.Marshal(storedCalendar{V: calendarVersion, Calendar: c})
	if err != nil {
		return nil, fmt.Errorf("encoding the calendar: %w", err)
	}
	return body, nil
}

func decodeCalendar(key string, body []byte) (*calendar, error) {
	var s storedCalendar
	if err := json.Unmarshal(body, &s); err != nil {
		return nil, fmt.Errorf("decoding %s: %w", key, err)
	}
	switch {
	case s.V != calendarVersion:
		return nil, fmt.Errorf("decoding %s: stored form %d is not known to this program (it knows %d)", key, s.V, calendarVersion)
	case s.Calendar == nil:
		return nil, fmt.Errorf("decoding %s: it is not a whole calendar", key)
	}
	return s.Calendar, nil
}

// sheet is the calendar's record that counts now.
type sheet struct {
	number int // 0 where there is none yet
	*calendar
}

func (s sheet) key() string { return calendarPrefix + strconv.Itoa(s.number) }

// current finds the calendar among open records.
func current(open []state.Record) (sheet, error) {
	newest, last := 0, state.Record{}
	for _, record := range open {
		text, ours := strings.CutPrefix(record.Key, calendarPrefix)
		if n, err := strconv.Atoi(text); ours && err == nil && n > newest {
			newest, last = n, record
		}
	}
	s := sheet{newest, &calendar{}}
	if newest == 0 {
		return s, nil
	}
	if last.Bad != nil {
		return s, fmt.Errorf("reading the calendar: %w", last.Bad)
	}
	var err error
	s.calendar, err = decodeCalendar(s.key(), last.Body)
	return s, err
}
