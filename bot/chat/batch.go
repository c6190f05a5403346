package chat

import (
	"slices"
	"sync"
	"time"

	"rekey/rotation/event"
	"rekey/state"
)

// batch is what one post tells: one event that stands alone, or a run of
// lines. Rows that cannot be decoded make a batch without events.
//
// What it begins with is what it is known by: after an answer was lost, more
// lines may have come, and the batch that is then posted ends later.
type batch struct {
	events []event.Event
	first  int64 // number of the first row
	last   int64 // and of the last one
}

// mostLines bounds a post; more lines make another one.
const mostLines = 20

// batches groups rows into posts, in order.
func batches(rows []state.Row) []batch {
	var all []batch
	for _, row := range rows {
		e, err := event.Decode(row.Seq, row.Body)
		switch {
		case err != nil:
			all = append(all, batch{first: row.Seq, last: row.Seq})
		case len(all) > 0 && all[len(all)-1].takes(e):
			open := &all[len(all)-1]
			open.events, open.last = append(open.events, e), row.Seq
		default:
			all = append(all, batch{events: []event.Event{e}, first: row.Seq, last: row.Seq})
		}
	}
	return all
}

// after is what is left of a batch when it was told up to a row.
func (b batch) after(told int64) batch {
	rest := batch{first: told + 1, last: b.last}
	for _, e := range b.events {
		if e.Seq > told {
			rest.events = append(rest.events, e)
		}
	}
	if len(rest.events) > 0 {
		rest.first = rest.events[0].Seq
	}
	return rest
}

// takes reports whether another event may share the post.
func (b batch) takes(e event.Event) bool {
	return len(b.events) > 0 && len(b.events) < mostLines && !alone(b.events[0]) && !alone(e)
}

// alone reports events that are posts of their own.
func alone(e event.Event) bool {
	return e.Urgent() || e.Kind == event.Started || e.Kind == event.Watching || e.Kind == event.Reported
}

// verdictOn is the number of the watch whose end the batch tells, 0 for none.
func (b batch) verdictOn() int {
	for _, e := range slices.Backward(b.events) {
		if e.Kind == event.Verdict {
			return watchNumber(e)
		}
	}
	return 0
}

func (b batch) kind() event.Kind {
	if len(b.events) == 0 {
		return ""
	}
	return b.events[0].Kind
}

// wait says how long to hold the last run of lines back, so that lines written
// close together share a post. What stands alone is told at once. It never
// waits longer than coalesce, whatever another replica's clock said.
func (b batch) wait(now time.Time, coalesce time.Duration) time.Duration {
	if len(b.events) == 0 || alone(b.events[0]) || len(b.events) == mostLines {
		return 0
	}
	return min(coalesce-now.Sub(b.events[0].At), coalesce)
}

// cleanList remembers posts all of whose attempts so far, made by this
// process, certainly did nothing: the next one is not a copy.
type cleanList struct {
	mu    sync.Mutex
	names map[string]bool
}

func newCleanList() *cleanList { return &cleanList{names: make(map[string]bool)} }

func (l *cleanList) has(name string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.names[name]
}

func (l *cleanList) set(name string, clean bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if clean {
		l.names[name] = true
		return
	}
	delete(l.names, name)
}
