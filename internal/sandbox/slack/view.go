package slack

import (
	"encoding/json"

	"rekey/internal/sandbox/slack/blockkit"
)

// View is a modal in front of one person, or their Home tab.
type View struct {
	ID       string          `json:"id"`
	Hash     string          `json:"hash"` // another one after each change
	Kind     string          `json:"kind"` // "modal", "home"
	User     string          `json:"user"`
	Callback string          `json:"callback_id"`
	Private  string          `json:"-"` // private_metadata: not for people
	External string          `json:"-"`
	Title    string          `json:"title,omitempty"`
	Submit   string          `json:"submit,omitempty"` // label of the button; none without a form
	Close    string          `json:"close,omitempty"`
	Blocks   json.RawMessage `json:"blocks"`
	// Errors stand under the fields, by block_id, after the app refused what
	// was sent off.
	Errors map[string]string `json:"errors,omitempty"`

	notify bool            // the app wants to hear when it is closed
	raw    json.RawMessage // as the app sent it
}

// readView takes a `view` argument, or what answers a submission.
func readView(raw string) (View, error) {
	if len(raw) > blockkit.MaxViewSize {
		return View{}, refuse("view_too_large")
	}
	if faults := blockkit.CheckView([]byte(raw)); len(faults) > 0 {
		return View{}, &Refusal{Code: "invalid_arguments", Messages: faults}
	}
	type words struct{ Text string }
	var in struct {
		Type                 string
		Callback             string `json:"callback_id"`
		Private              string `json:"private_metadata"`
		External             string `json:"external_id"`
		Title, Submit, Close words
		Blocks               json.RawMessage
		Notify               bool `json:"notify_on_close"`
	}
	if err := json.Unmarshal([]byte(raw), &in); err != nil {
		return View{}, refuse("invalid_arguments") // a member of another type, such as a callback_id that is a number
	}
	return View{
		Kind: in.Type, Callback: in.Callback, Private: in.Private, External: in.External,
		Title: in.Title.Text, Submit: in.Submit.Text, Close: in.Close.Text, Blocks: in.Blocks, notify: in.Notify, raw: json.RawMessage(raw),
	}, nil
}

// openView shows a modal to whoever made the trigger; one that they have open is
// replaced. https://docs.slack.dev/reference/methods/views.open
func (s *Server) openView(c call) (fields, error) {
	v, err := readView(c.Get("view"))
	if err != nil {
		return nil, err
	}
	from, err := s.exchangeLocked(c.Get("trigger_id"))
	if err != nil {
		return nil, err
	}
	switch {
	case v.Kind != "modal":
		return nil, refuse("invalid_arguments")
	case v.External != "" && s.byExternalLocked(v.External) != "":
		return nil, refuse("duplicate_external_id")
	}
	v.User = from.user
	for id, open := range s.views {
		if open.Kind == "modal" && open.User == v.User {
			s.dropViewLocked(id)
		}
	}
	return s.viewAnswer(s.showViewLocked(v)), nil
}

// updateView changes a view that is open.
// https://docs.slack.dev/reference/methods/views.update
func (s *Server) updateView(c call) (fields, error) {
	v, err := readView(c.Get("view"))
	if err != nil {
		return nil, err
	}
	id := c.Get("view_id")
	if id == "" {
		id = s.byExternalLocked(c.Get("external_id"))
	}
	old, open := s.views[id]
	switch {
	case !open:
		return nil, refuse("not_found")
	case c.Get("hash") != "" && c.Get("hash") != old.Hash:
		return nil, refuse("hash_conflict")
	case v.Kind != old.Kind:
		return nil, refuse("invalid_arguments")
	}
	v.ID, v.User = old.ID, old.User
	return s.viewAnswer(s.showViewLocked(v)), nil
}

// publishView shows a person their Home tab.
// https://docs.slack.dev/reference/methods/views.publish
func (s *Server) publishView(c call) (fields, error) {
	v, err := readView(c.Get("view"))
	if err != nil {
		return nil, err
	}
	v.User = c.Get("user_id")
	if _, known := s.users[v.User]; !known || v.Kind != "home" {
		return nil, refuse("invalid_arguments")
	}
	for _, old := range s.views {
		if old.Kind == "home" && old.User == v.User {
			if c.Get("hash") != "" && c.Get("hash") != old.Hash {
				return nil, refuse("hash_conflict")
			}
			v.ID = old.ID
		}
	}
	return s.viewAnswer(s.showViewLocked(v)), nil
}

// showViewLocked puts a view in front of its person, new or in the place of the
// one with its id.
func (s *Server) showViewLocked(v View) View {
	if v.ID == "" {
		v.ID = "V" + newID()
	}
	v.Hash, v.Blocks = s.nextTSLocked()+"."+newID()[:8], s.storedBlocksLocked(v.Blocks)
	s.views[v.ID] = v
	s.noteLocked(Change{Kind: Viewed, View: v, User: v.User})
	return v
}

func (s *Server) dropViewLocked(id string) {
	v, open := s.views[id]
	if !open {
		return
	}
	delete(s.views, id)
	s.noteLocked(Change{Kind: Unviewed, View: v, User: v.User})
}

func (s *Server) byExternalLocked(external string) string {
	for id, v := range s.views {
		if external != "" && v.External == external {
			return id
		}
	}
	return ""
}

func (s *Server) viewAnswer(v View) fields {
	return fields{"view": s.viewShape(v, fields{})}
}

// viewShape is a view as Slack tells of it, with what was typed into it.
func (s *Server) viewShape(v View, values fields) fields {
	out := fields{}
	_ = json.Unmarshal(v.raw, &out) // it was decoded before
	for name, value := range map[string]any{
		"id": v.ID, "team_id": s.cfg.TeamID, "type": v.Kind, "blocks": v.Blocks, "hash": v.Hash,
		"private_metadata": v.Private, "callback_id": v.Callback, "external_id": v.External,
		"state": fields{"values": values}, "notify_on_close": v.notify, "root_view_id": v.ID, "previous_view_id": nil,
		"app_id": s.cfg.AppID, "app_installed_team_id": s.cfg.TeamID, "bot_id": s.cfg.BotID,
	} {
		out[name] = value
	}
	for _, name := range []string{"title", "submit", "close"} {
		if _, there := out[name]; !there {
			out[name] = nil
		}
	}
	if _, there := out["clear_on_close"]; !there {
		out["clear_on_close"] = false
	}
	return out
}

// Views returns what a person has open, the Home tab included.
func (s *Server) Views(user string) []View {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []View
	for _, v := range s.views {
		if v.User == user {
			out = append(out, v)
		}
	}
	return out
}
