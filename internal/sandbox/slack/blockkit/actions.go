package blockkit

import "encoding/json"

// Action is something in a message that a person can press.
type Action struct {
	BlockID  string          `json:"block_id"`
	ActionID string          `json:"action_id"`
	Type     string          `json:"type"` // "button", "overflow", …
	Text     string          `json:"text"` // what is written on it
	Value    string          `json:"value"`
	Style    string          `json:"style,omitempty"`
	Confirm  bool            `json:"confirm"` // asks before it acts
	Raw      json.RawMessage `json:"-"`       // the element as posted
}

// Actions lists what can be pressed in a message, in the order shown. Blocks
// that are not valid have none.
func Actions(blocks []byte) []Action {
	var list []struct {
		BlockID   string            `json:"block_id"`
		Type      string            `json:"type"`
		Elements  []json.RawMessage `json:"elements"`
		Accessory json.RawMessage   `json:"accessory"`
	}
	if json.Unmarshal(blocks, &list) != nil {
		return nil
	}
	var found []Action
	for _, b := range list {
		elements := []json.RawMessage{b.Accessory}
		if b.Type == "actions" {
			elements = b.Elements
		}
		for _, raw := range elements {
			if a, ok := action(b.BlockID, raw); ok {
				found = append(found, a)
			}
		}
	}
	return found
}

func action(blockID string, raw json.RawMessage) (Action, bool) {
	var e struct {
		Type     string `json:"type"`
		ActionID string `json:"action_id"`
		Value    string `json:"value"`
		Style    string `json:"style"`
		Text     struct {
			Text string `json:"text"`
		} `json:"text"`
		Confirm json.RawMessage `json:"confirm"`
	}
	if len(raw) == 0 || json.Unmarshal(raw, &e) != nil || e.ActionID == "" {
		return Action{}, false
	}
	return Action{
		BlockID: blockID, ActionID: e.ActionID, Type: e.Type, Text: e.Text.Text,
		Value: e.Value, Style: e.Style, Confirm: len(e.Confirm) > 0, Raw: raw,
	}, true
}

// WithIDs gives every block without a block_id, and every pressable element
// without an action_id, one made by next, as Slack does when it stores a
// message. The blocks must have passed [Check].
func WithIDs(blocks []byte, next func() string) json.RawMessage {
	var list []map[string]any
	if json.Unmarshal(blocks, &list) != nil {
		return blocks // unreachable after Check
	}
	for _, b := range list {
		fill(b, "block_id", next)
		if b["type"] == "actions" {
			elements, _ := b["elements"].([]any)
			for _, e := range elements {
				fillAction(e, next)
			}
		}
		fillAction(b["accessory"], next)
		fillAction(b["element"], next)
	}
	filled, err := json.Marshal(list)
	if err != nil {
		return blocks // unreachable: it was decoded from JSON
	}
	return filled
}

func fillAction(v any, next func() string) {
	if e, ok := v.(map[string]any); ok && e["type"] != "image" {
		fill(e, "action_id", next)
	}
}

func fill(o map[string]any, name string, next func() string) {
	if s, _ := o[name].(string); s == "" {
		o[name] = next()
	}
}
