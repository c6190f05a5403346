package local

import (
	"bytes"
	"fmt"
	"time"

	"rekey/state"
)

// opVersion is that of the file's lines.
const opVersion = 1

// The kinds of change, as they stand in the file.
const (
	opCreate    = "create"
	opCommit    = "commit"
	opDecide    = "decide"
	opDelivered = "delivered"
	opHint      = "hint"
	opSettle    = "settle"
	opOnce      = "once"
)

// op is one change, and one line of the file.
type op struct {
	V       int               `json:"v"`
	Do      string            `json:"do"`
	Tickets int64             `json:"tickets"` // of the counter, before it
	Key     string            `json:"key,omitempty"`
	Name    string            `json:"name,omitempty"`
	Number  int64             `json:"number,omitempty"`
	Body    []byte            `json:"body,omitempty"`
	Slots   []string          `json:"slots,omitempty"`
	Refs    map[string]string `json:"refs,omitempty"`
	Until   time.Time         `json:"until,omitzero"`
	Change  *change           `json:"change,omitempty"`
}

// change is the part of [state.Change] that outlives its lease.
type change struct {
	Body   []byte    `json:"body"`
	Events []kept    `json:"events,omitempty"`
	Timer  time.Time `json:"timer,omitzero"`
	Close  bool      `json:"close,omitempty"`
	Hint   string    `json:"hint,omitempty"`
}

type kept struct {
	Body []byte `json:"body"`
	Post bool   `json:"post,omitempty"`
}

func changeOf(c state.Change) *change {
	out := &change{Body: c.Body, Timer: c.Timer, Close: c.Close, Hint: c.Hint}
	for _, e := range c.Events {
		out.Events = append(out.Events, kept{e.Body, e.Post})
	}
	return out
}

func (c *change) change() state.Change {
	out := state.Change{Body: c.Body, Timer: c.Timer, Close: c.Close, Hint: c.Hint}
	for _, e := range c.Events {
		out.Events = append(out.Events, state.Event{Body: e.Body, Post: e.Post})
	}
	return out
}

// again makes a change that was written down.
func (m *Memory) again(o op) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[o.Key]
	switch {
	case o.V != opVersion:
		return fmt.Errorf("form %d is not known to this program (it knows %d)", o.V, opVersion)
	case (o.Do == opCreate || o.Do == opCommit) && o.Change == nil:
		return fmt.Errorf("a %s without a change", o.Do)
	case o.Do == opCreate && e != nil:
		return fmt.Errorf("a record that is there already: %s", o.Key)
	case e == nil && (o.Do == opCommit || o.Do == opDecide || o.Do == opDelivered):
		return fmt.Errorf("a %s of a record that is not there: %s", o.Do, o.Key)
	}
	m.tickets = o.Tickets
	return m.againLocked(o, e)
}

func (m *Memory) againLocked(o op, e *entry) error {
	switch o.Do {
	case opCreate:
		m.createLocked(state.Creation{Key: o.Key, Slots: o.Slots, Change: o.Change.change()})
	case opCommit:
		e.by = token{o.Number, o.Name}
		m.applyLocked(e, o.Change.change())
	case opDecide:
		e.decided[o.Name] = bytes.Clone(o.Body)
	case opDelivered:
		m.deliveredLocked(e, o.Number, o.Refs)
	case opHint:
		m.hints[o.Name] = m.ticketLocked()
	case opSettle:
		delete(m.hints, o.Name)
	case opOnce:
		m.onces[o.Name] = o.Until
	default:
		return fmt.Errorf("a change %q that this program does not know", o.Do)
	}
	return nil
}
