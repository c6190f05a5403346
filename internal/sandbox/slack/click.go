package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"rekey/internal/sandbox/slack/blockkit"
)

// Click presses a button, or takes a choice of a menu by its value, and waits
// for the acknowledgement. With an empty value the button's own is sent. Another
// value, or a button that the message no longer has, is sent as given, as by a
// client that was tampered with or has not seen the last edit.
func (s *Server) Click(ctx context.Context, user, channel, ts, actionID, value string) (Reply, error) {
	payload, err := s.clickPayload(user, channel, ts, actionID, value)
	if err != nil {
		return Reply{}, fmt.Errorf("pressing %s: %w", actionID, err)
	}
	_, took, err := s.ask(ctx, kindInteractive, payload)
	if err != nil {
		return Reply{}, fmt.Errorf("pressing %s: %w", actionID, err)
	}
	return Reply{Took: took}, nil
}

// clickPayload builds what https://docs.slack.dev/reference/interaction-payloads/block_actions-payload describes.
func (s *Server) clickPayload(user, channel, ts, actionID, value string) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ch, err := s.actorLocked(user, channel)
	if err != nil {
		return nil, err
	}
	m, ok := s.seenLocked(u.ID, ch.ID, ts)
	if !ok {
		return nil, ErrNoMessage
	}
	action, err := clicked(m, actionID, value)
	if err != nil {
		return nil, err
	}
	action["action_ts"] = s.nextTSLocked()
	container := fields{"type": "message", "message_ts": m.TS, "channel_id": ch.ID, "is_ephemeral": m.To != ""}
	if m.Thread != "" {
		container["thread_ts"] = m.Thread
	}
	out := fields{
		"type": "block_actions", "api_app_id": s.cfg.AppID, "token": "sandbox",
		"team":       fields{"id": s.cfg.TeamID, "domain": s.cfg.TeamDomain},
		"user":       fields{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"enterprise": nil, "is_enterprise_install": false,
		"container": container, "channel": fields{"id": ch.ID, "name": ch.Name},
		"state": fields{}, "actions": []fields{action},
		"trigger_id":   s.triggerLocked(),
		"response_url": s.responseURLLocked(origin{channel: ch.ID, user: u.ID, message: &m}),
	}
	if m.To == "" { // the content of an ephemeral message is not sent back
		out["message"] = s.shape(m)
	}
	return out, nil
}

// seenLocked finds a message the person can see, ephemeral ones included.
func (s *Server) seenLocked(user, channel, ts string) (Message, bool) {
	if m, ok := s.findLocked(channel, ts); ok {
		return m, true
	}
	if i := indexOf(s.ephemerals[user], ts); i >= 0 && s.ephemerals[user][i].Channel == channel {
		return s.ephemerals[user][i], true
	}
	return Message{}, false
}

// clicked is the entry of `actions` for what was pressed.
func clicked(m Message, actionID, value string) (fields, error) {
	all := m.Actions()
	i := slices.IndexFunc(all, func(a blockkit.Action) bool { return a.ActionID == actionID })
	if i < 0 {
		if value == "" {
			return nil, ErrNoAction
		}
		return fields{"type": "button", "action_id": actionID, "block_id": "gone", "value": value,
			"text": fields{"type": "plain_text", "text": "gone", "emoji": true}}, nil
	}
	var element struct {
		Text    json.RawMessage `json:"text"`
		Confirm json.RawMessage `json:"confirm"`
		Options []fields        `json:"options"`
	}
	if err := json.Unmarshal(all[i].Raw, &element); err != nil {
		return nil, ErrNoAction // unreachable: stored blocks are valid
	}
	out := fields{"type": all[i].Type, "action_id": actionID, "block_id": all[i].BlockID}
	if all[i].Type != "button" {
		for _, o := range element.Options {
			if o["value"] == value {
				out["selected_option"] = o
				return out, nil
			}
		}
		return nil, ErrNoAction
	}
	out["text"] = element.Text
	if value == "" {
		value = all[i].Value
	}
	if value != "" {
		out["value"] = value
	}
	if all[i].Style != "" {
		out["style"] = all[i].Style
	}
	if element.Confirm != nil {
		out["confirm"] = element.Confirm
	}
	return out, nil
}
