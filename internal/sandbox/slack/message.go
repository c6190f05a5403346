package slack

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/slack/blockkit"
)

// Message is a message as people see it. Values handed out are copies; their
// slices are not changed afterwards.
type Message struct {
	Channel   string          `json:"channel"`
	TS        string          `json:"ts"`
	Thread    string          `json:"thread_ts,omitempty"` // ts of the root; empty for a root
	User      string          `json:"user"`
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks,omitempty"`
	Metadata  json.RawMessage `json:"metadata,omitempty"`
	Reactions []Reaction      `json:"reactions,omitempty"`
	Edits     int             `json:"edits,omitempty"`
	Broadcast bool            `json:"broadcast,omitempty"` // reply also shown in the channel
	Files     []File          `json:"files,omitempty"`

	// Of a message only one person sees.
	To  string `json:"to,omitempty"`
	Via Via    `json:"via,omitempty"`
}

// Reaction is an emoji on a message, with everyone who used it, in order.
type Reaction struct {
	Name  string   `json:"name"`
	Users []string `json:"users"`
}

// Via is the way by which an ephemeral message came.
type Via string

// The ways.
const (
	ViaAck         Via = "ack"                // payload of an acknowledgement
	ViaResponseURL Via = "response_url"       // posted later
	ViaMethod      Via = "chat.postEphemeral" // the Web API
)

// Actions lists what can be pressed in the message.
func (m Message) Actions() []blockkit.Action { return blockkit.Actions(m.Blocks) }

// Reacted reports whether the user's emoji of that name is on the message.
func (m Message) Reacted(user, name string) bool {
	for _, r := range m.Reactions {
		if r.Name == name && slices.Contains(r.Users, user) {
			return true
		}
	}
	return false
}

// withReaction returns the reactions with one more; false if it was there.
func (m Message) withReaction(user, name string) ([]Reaction, bool) {
	if m.Reacted(user, name) {
		return nil, false
	}
	out := slices.Clone(m.Reactions)
	for i, r := range out {
		if r.Name == name {
			out[i].Users = append(slices.Clone(r.Users), user)
			return out, true
		}
	}
	return append(out, Reaction{Name: name, Users: []string{user}}), true
}

// withoutReaction returns the reactions with one less; false if it was not there.
func (m Message) withoutReaction(user, name string) ([]Reaction, bool) {
	if !m.Reacted(user, name) {
		return nil, false
	}
	var out []Reaction
	for _, r := range m.Reactions {
		if r.Name == name {
			r.Users = slices.DeleteFunc(slices.Clone(r.Users), func(u string) bool { return u == user })
		}
		if len(r.Users) > 0 {
			out = append(out, r)
		}
	}
	return out, true
}

// nextTSLocked makes the timestamp that is a message's id: seconds and
// microseconds, never the same twice.
func (s *Server) nextTSLocked() string {
	now := max(time.Now().UnixMicro(), s.lastTS+1)
	s.lastTS = now
	return fmt.Sprintf("%d.%06d", now/1e6, now%1e6)
}

// postLocked stores a message in its channel. A reply whose root is gone is
// posted un-threaded, as Slack does.
func (s *Server) postLocked(m Message) Message {
	if m.Thread != "" {
		if _, ok := s.findLocked(m.Channel, m.Thread); !ok {
			m.Thread, m.Broadcast = "", false
		}
	}
	m.TS = s.nextTSLocked()
	m.Blocks = s.storedBlocksLocked(m.Blocks)
	s.messages[m.Channel] = append(s.messages[m.Channel], m)
	s.noteLocked(Change{Kind: Posted, Message: m})
	return m
}

// whisperLocked stores a message for one person only.
func (s *Server) whisperLocked(m Message) Message {
	m.TS = s.nextTSLocked()
	m.Blocks = s.storedBlocksLocked(m.Blocks)
	s.ephemerals[m.To] = append(s.ephemerals[m.To], m)
	s.noteLocked(Change{Kind: Whispered, Message: m, User: m.To})
	return m
}

// storedBlocksLocked fills in missing ids; no blocks is nil.
func (s *Server) storedBlocksLocked(blocks json.RawMessage) json.RawMessage {
	if noBlocks(blocks) {
		return nil
	}
	return blockkit.WithIDs(blocks, func() string {
		s.lastID++
		return fmt.Sprintf("b%04d", s.lastID)
	})
}

func noBlocks(blocks json.RawMessage) bool {
	switch strings.TrimSpace(string(blocks)) {
	case "", "null", "[]":
		return true
	}
	return false
}

func (s *Server) findLocked(channel, ts string) (Message, bool) {
	i := indexOf(s.messages[channel], ts)
	if i < 0 {
		return Message{}, false
	}
	return s.messages[channel][i], true
}

func indexOf(list []Message, ts string) int {
	return slices.IndexFunc(list, func(m Message) bool { return m.TS == ts })
}

// replaceLocked puts m in the place of the message with its ts.
func (s *Server) replaceLocked(m Message, kind Kind, c Change) {
	list := s.messages[m.Channel]
	if m.To != "" {
		list = s.ephemerals[m.To]
	}
	if i := indexOf(list, m.TS); i >= 0 {
		list[i] = m
		c.Kind, c.Message = kind, m
		s.noteLocked(c)
	}
}

// removeLocked takes a message away. Replies to it stay.
func (s *Server) removeLocked(m Message) {
	gone := func(x Message) bool { return x.TS == m.TS }
	if m.To != "" {
		s.ephemerals[m.To] = slices.DeleteFunc(s.ephemerals[m.To], gone)
	} else {
		s.messages[m.Channel] = slices.DeleteFunc(s.messages[m.Channel], gone)
	}
	s.noteLocked(Change{Kind: Deleted, Message: m})
}
