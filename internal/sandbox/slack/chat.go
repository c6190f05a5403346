package slack

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"rekey/internal/sandbox/slack/blockkit"
)

// Limits of a message's text.
const (
	maxUpdateText = 4000  // chat.update refuses more
	maxPostText   = 40000 // chat.postMessage cuts the rest off
)

// postable finds the channel to post into and says why not.
func (s *Server) postable(c call) (Channel, error) {
	ch, err := s.visible(c.Get("channel"))
	switch {
	case err != nil:
		return ch, err
	case !ch.BotIn:
		return ch, refuse("not_in_channel")
	case ch.Archived:
		return ch, refuse("is_archived")
	case ch.ReadOnly:
		return ch, refuse("restricted_action")
	}
	return ch, nil
}

// visible finds a channel; a private one without the app does not exist for it.
// Naming a user opens the direct message with them.
func (s *Server) visible(id string) (Channel, error) {
	if u, ok := s.users[id]; ok {
		return s.direct(u), nil
	}
	ch, ok := s.channels[id]
	if !ok || ch.Private && !ch.BotIn {
		return Channel{}, refuse("channel_not_found")
	}
	return ch, nil
}

func (s *Server) direct(u User) Channel {
	id := "D" + strings.TrimLeft(u.ID, "UW")
	ch, ok := s.channels[id]
	if !ok {
		ch = Channel{ID: id, Name: u.Name, IM: true, BotIn: true}
		s.channels[id] = ch
	}
	return ch
}

// content takes text, blocks and metadata out of a call and checks them.
func content(c call) (Message, error) {
	m := Message{Text: c.Get("text"), Blocks: json.RawMessage(c.Get("blocks"))}
	if err := checkContent(m); err != nil {
		return m, err
	}
	if raw := c.Get("metadata"); raw != "" {
		var v struct {
			Type    string          `json:"event_type"`
			Payload json.RawMessage `json:"event_payload"`
		}
		if json.Unmarshal([]byte(raw), &v) != nil || v.Type == "" {
			return m, refuse("invalid_metadata_format")
		}
		m.Metadata = json.RawMessage(raw)
	}
	return m, nil
}

// checkContent holds the rules for anything shown to people.
func checkContent(m Message) error {
	if noBlocks(m.Blocks) {
		if m.Text == "" {
			return refuse("no_text")
		}
		return nil
	}
	if faults := blockkit.Check(m.Blocks); len(faults) > 0 {
		return &Refusal{Code: "invalid_blocks", Messages: faults}
	}
	return nil
}

func (s *Server) postMessage(c call) (fields, error) {
	ch, err := s.postable(c)
	if err != nil {
		return nil, err
	}
	m, err := content(c)
	if err != nil {
		return nil, err
	}
	m.Channel, m.User, m.Thread = ch.ID, s.cfg.BotUser, c.Get("thread_ts")
	m.Text = firstRunes(m.Text, maxPostText)
	m.Broadcast = c.flag("reply_broadcast")
	if root, ok := s.findLocked(ch.ID, m.Thread); ok && root.Thread != "" {
		return nil, refuse("cannot_reply_to_message")
	}
	m = s.postLocked(m)
	return fields{"channel": m.Channel, "ts": m.TS, "message": s.shape(m)}, nil
}

func (s *Server) postEphemeral(c call) (fields, error) {
	ch, err := s.postable(c)
	if err != nil {
		return nil, err
	}
	m, err := content(c)
	if err != nil {
		return nil, err
	}
	if _, ok := s.users[c.Get("user")]; !ok {
		return nil, refuse("user_not_in_channel")
	}
	m.Channel, m.User, m.Thread = ch.ID, s.cfg.BotUser, c.Get("thread_ts")
	m.To, m.Via, m.Metadata = c.Get("user"), ViaMethod, nil
	m = s.whisperLocked(m)
	return fields{"message_ts": m.TS}, nil
}

// own finds a message the app may change, or refuses with the code given.
func (s *Server) own(c call, foreign string) (Message, error) {
	ch, err := s.visible(c.Get("channel"))
	if err != nil {
		return Message{}, err
	}
	m, ok := s.findLocked(ch.ID, c.Get("ts"))
	switch {
	case !ok:
		return m, refuse("message_not_found")
	case m.User != s.cfg.BotUser:
		return m, refuse(foreign)
	case ch.Archived:
		return m, refuse("is_inactive")
	}
	return m, nil
}

// update replaces text and blocks: blocks that are not sent again are gone.
// Metadata stays unless sent. https://docs.slack.dev/reference/methods/chat.update
func (s *Server) update(c call) (fields, error) {
	old, err := s.own(c, "cant_update_message")
	if err != nil {
		return nil, err
	}
	if utf8.RuneCountInString(c.Get("text")) > maxUpdateText {
		return nil, refuse("msg_too_long")
	}
	m, err := content(c)
	if err != nil {
		return nil, err
	}
	changed := old
	changed.Text, changed.Blocks = m.Text, s.storedBlocksLocked(m.Blocks)
	changed.Edits++
	if m.Metadata != nil {
		changed.Metadata = m.Metadata
	}
	s.replaceLocked(changed, Edited, Change{})
	return fields{"channel": changed.Channel, "ts": changed.TS, "text": changed.Text, "message": s.shape(changed)}, nil
}

func (s *Server) deleteMessage(c call) (fields, error) {
	m, err := s.own(c, "cant_delete_message")
	if err != nil {
		return nil, err
	}
	s.removeLocked(m)
	return fields{"channel": m.Channel, "ts": m.TS}, nil
}

func (s *Server) getPermalink(c call) (fields, error) {
	ch, err := s.visible(c.Get("channel"))
	if err != nil {
		return nil, err
	}
	m, ok := s.findLocked(ch.ID, c.Get("message_ts"))
	if !ok {
		return nil, refuse("message_not_found")
	}
	return fields{"channel": ch.ID, "permalink": s.permalink(m)}, nil
}

func (s *Server) permalink(m Message) string {
	link := fmt.Sprintf("https://%s.slack.com/archives/%s/p%s", s.cfg.TeamDomain, m.Channel, strings.ReplaceAll(m.TS, ".", ""))
	if m.Thread != "" {
		link += "?thread_ts=" + m.Thread + "&cid=" + m.Channel
	}
	return link
}

func firstRunes(text string, n int) string {
	if utf8.RuneCountInString(text) <= n {
		return text
	}
	return string([]rune(text)[:n])
}
