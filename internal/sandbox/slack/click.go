package slack

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"rekey/internal/sandbox/slack/blockkit"
)

// Press says what is pressed.
type Press struct {
	Channel string
	TS      string // of the message
	Action  string // action_id of the button or menu
	// Value is the choice taken of a menu. For a button it is empty, and the
	// button's own is sent; another one, or a button that the message no longer
	// has, is sent as given, as by a client that was tampered with or has not
	// seen the last edit.
	Value string
}

// Pressed is a press and who made it.
type Pressed struct {
	User string
	Press
}

// keptPresses bounds what is remembered of them.
const keptPresses = 1000

// Presses lists what was pressed in messages, oldest first, whether or not the
// app acknowledged it.
func (s *Server) Presses() []Pressed {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.presses)
}

// Click presses something in a message, also in one only this person sees, and
// waits for the acknowledgement. ErrOperationTimeout and ErrNotConnected are
// shown to the person as a warning triangle.
func (s *Server) Click(ctx context.Context, user string, p Press) (Reply, error) {
	payload, err := s.clickPayload(user, p)
	if err != nil {
		return Reply{}, fmt.Errorf("pressing %s: %w", p.Action, err)
	}
	_, took, err := s.ask(ctx, kindInteractive, payload)
	if err != nil {
		return Reply{}, fmt.Errorf("pressing %s: %w", p.Action, err)
	}
	return Reply{Took: took}, nil
}

// clickPayload builds what https://docs.slack.dev/reference/interaction-payloads/block_actions-payload describes.
func (s *Server) clickPayload(user string, p Press) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, ch, err := s.actorLocked(user, p.Channel)
	if err != nil {
		return nil, err
	}
	m, ok := s.seenLocked(u.ID, ch.ID, p.TS)
	if !ok {
		return nil, ErrNoMessage
	}
	action, err := clicked(m, p.Action, p.Value)
	if err != nil {
		return nil, err
	}
	if s.presses = append(s.presses, Pressed{u.ID, p}); len(s.presses) > keptPresses {
		s.presses = slices.Clone(s.presses[keptPresses/2:])
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
		"trigger_id":   s.triggerLocked(origin{channel: ch.ID, user: u.ID}),
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
	out := fields{"type": all[i].Type, "action_id": actionID, "block_id": all[i].BlockID}
	if all[i].Type == "button" {
		return out, pressed(out, all[i], value)
	}
	return out, chosen(out, all[i], value)
}

func pressed(out fields, a blockkit.Action, value string) error {
	var element map[string]json.RawMessage
	if err := json.Unmarshal(a.Raw, &element); err != nil {
		return ErrNoAction // unreachable: stored blocks are valid
	}
	for _, name := range []string{"text", "value", "style", "confirm"} {
		if v, ok := element[name]; ok {
			out[name] = v
		}
	}
	if value != "" {
		out["value"] = value
	}
	return nil
}

func chosen(out fields, a blockkit.Action, value string) error {
	var element struct {
		Options []fields `json:"options"`
	}
	if err := json.Unmarshal(a.Raw, &element); err != nil {
		return ErrNoAction // unreachable: stored blocks are valid
	}
	for _, o := range element.Options {
		if o["value"] == value {
			out["selected_option"] = o
			return nil
		}
	}
	return ErrNoAction
}
