package slack

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Kind says what changed.
type Kind string

// The kinds of [Change].
const (
	Posted       Kind = "posted"       // Message is new in its channel
	Edited       Kind = "edited"       // Message is the new version
	Deleted      Kind = "deleted"      // Message is what it was
	Whispered    Kind = "whispered"    // Message is for User only
	Reacted      Kind = "reacted"      // User put Reaction on Message
	Unreacted    Kind = "unreacted"    // User took Reaction off Message
	Viewed       Kind = "viewed"       // User has View in front of them, new or changed
	Unviewed     Kind = "unviewed"     // View is gone
	Connected    Kind = "connected"    // the app opened a socket
	Disconnected Kind = "disconnected" // a socket ended
	Acknowledged Kind = "acknowledged" // the app acknowledged an envelope in time
	GaveUp       Kind = "gave up"      // an event was not acknowledged, after all retries
	Missed       Kind = "missed"       // a slow subscriber lost changes before this one
)

// Change is something that happened in the workspace.
type Change struct {
	Seq      int       `json:"seq"`
	At       time.Time `json:"at"`
	Kind     Kind      `json:"kind"`
	Message  Message   `json:"message,omitzero"`
	View     View      `json:"view,omitzero"`
	User     string    `json:"user,omitempty"`
	Reaction string    `json:"reaction,omitempty"`
}

// keptChanges bounds the log from which subscribers read.
const keptChanges = 1 << 14

// noteLocked writes a change down and wakes everyone who waits for one.
func (s *Server) noteLocked(c Change) {
	s.seq++
	c.Seq, c.At = s.seq, time.Now()
	s.changes = append(s.changes, c)
	if len(s.changes) > keptChanges {
		s.changes = slices.Clone(s.changes[keptChanges/2:])
	}
	s.wakeLocked()
}

func (s *Server) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// Subscribe delivers every change from now on, in order, until ctx or the
// server ends; then the channel is closed. A reader may be slow: changes wait
// for it in the server's bounded log, and if they drop out of that it gets one
// Missed first.
func (s *Server) Subscribe(ctx context.Context) <-chan Change {
	out := make(chan Change)
	s.mu.Lock()
	next := s.seq + 1
	s.mu.Unlock()
	started := s.spawn(func() {
		defer close(out)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		defer context.AfterFunc(s.ctx, cancel)()
		s.feed(ctx, out, next)
	})
	if !started {
		close(out)
	}
	return out
}

// feed sends the changes from number next on until ctx ends.
func (s *Server) feed(ctx context.Context, out chan<- Change, next int) {
	for {
		batch, changed := s.changesFrom(next)
		for _, c := range batch {
			select {
			case out <- c:
				next = c.Seq + 1
			case <-ctx.Done():
				return
			}
		}
		if len(batch) > 0 {
			continue // there may be more by now
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return
		}
	}
}

// changesFrom returns the changes from number next on and the signal for more.
func (s *Server) changesFrom(next int) ([]Change, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	first := s.seq - len(s.changes) + 1 // number of s.changes[0]
	if next < first {
		lost := Change{Seq: first - 1, At: time.Now(), Kind: Missed}
		return append([]Change{lost}, s.changes...), s.changed
	}
	return slices.Clone(s.changes[next-first:]), s.changed
}

// Snapshot is the workspace at one moment. It is a copy.
type Snapshot struct {
	Messages   map[string][]Message // by channel, oldest first
	Ephemerals map[string][]Message // by person, oldest first
	Views      map[string]View      // open, by id
	Sockets    int                  // open
	Stats      Stats
}

// Find returns the newest message in any channel for which match is true.
func (p Snapshot) Find(match func(Message) bool) (Message, bool) {
	var found Message
	for _, list := range p.Messages {
		for _, m := range list {
			if m.TS > found.TS && match(m) {
				found = m
			}
		}
	}
	return found, found.TS != ""
}

// Thread returns the root and its replies, oldest first.
func (p Snapshot) Thread(channel, ts string) []Message { return thread(p.Messages[channel], ts) }

func thread(list []Message, ts string) []Message {
	var out []Message
	for _, m := range list {
		if m.TS == ts || m.Thread == ts {
			out = append(out, m)
		}
	}
	return out
}

// Snapshot copies the present state.
func (s *Server) Snapshot() Snapshot {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.snapshotLocked()
}

func (s *Server) snapshotLocked() Snapshot {
	return Snapshot{
		Messages:   copyLists(s.messages),
		Ephemerals: copyLists(s.ephemerals),
		Views:      maps.Clone(s.views),
		Sockets:    len(s.sockets),
		Stats:      s.stats.clone(),
	}
}

func copyLists(m map[string][]Message) map[string][]Message {
	out := maps.Clone(m)
	for k, list := range out {
		out[k] = slices.Clone(list)
	}
	return out
}

// Wait returns when holds is true of the workspace, asking again after every
// change, or with an error when ctx or the server ends first.
func (s *Server) Wait(ctx context.Context, holds func(Snapshot) bool) error {
	for {
		s.mu.Lock()
		now, changed := s.snapshotLocked(), s.changed
		s.mu.Unlock()
		if holds(now) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("waiting for the local Slack: %w", context.Cause(ctx))
		case <-s.ctx.Done():
			return fmt.Errorf("waiting for the local Slack: %w", ErrClosed)
		}
	}
}

// Messages returns what a channel holds, replies included, oldest first.
func (s *Server) Messages(channel string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages[channel])
}

// Message returns one message of a channel.
func (s *Server) Message(channel, ts string) (Message, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.findLocked(channel, ts)
}

// Thread returns a root and its replies, oldest first.
func (s *Server) Thread(channel, ts string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return thread(s.messages[channel], ts)
}

// Ephemerals returns what only this person saw, oldest first.
func (s *Server) Ephemerals(user string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.ephemerals[user])
}
