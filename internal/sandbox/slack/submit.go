package slack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rekey/internal/sandbox/slack/blockkit"
)

// What a person can be refused in a modal.
var (
	// ErrNoView: the person has no such modal open.
	ErrNoView = errors.New("no such modal")
	// ErrNoField: the form has no such field.
	ErrNoField = errors.New("no such field")
	// ErrField: a field is empty that must not be, or too short or too long;
	// Slack's client does not send the form off then.
	ErrField = errors.New("a field is not filled in as it must be")
)

// Sent is what became of a form.
type Sent struct {
	Open   bool              // the modal is still there
	Errors map[string]string // under the fields, by block_id
	Took   time.Duration     // until the acknowledgement
}

// Submit sends a modal off with what was typed, by block_id, and waits for the
// acknowledgement, which says what becomes of the modal. With
// ErrOperationTimeout, ErrNotConnected or ErrBadAnswer it stays, and the person
// is told to try again.
func (s *Server) Submit(ctx context.Context, user, id string, typed map[string]string) (Sent, error) {
	payload, err := s.submission(user, id, typed)
	if err != nil {
		return Sent{Open: true}, fmt.Errorf("sending a modal off: %w", err)
	}
	answer, took, err := s.ask(ctx, kindInteractive, payload)
	if err == nil {
		err = s.answerModal(id, answer)
	}
	s.mu.Lock()
	v, open := s.views[id]
	s.mu.Unlock()
	if err != nil {
		return Sent{Open: open, Took: took}, fmt.Errorf("sending a modal off: %w", err)
	}
	return Sent{Open: open, Errors: v.Errors, Took: took}, nil
}

// Dismiss closes a modal without sending it off. The app hears of it if it
// asked to. https://docs.slack.dev/reference/interaction-payloads/view-interactions-payload
func (s *Server) Dismiss(ctx context.Context, user, id string) error {
	s.mu.Lock()
	v, err := s.modalLocked(user, id)
	if err != nil {
		s.mu.Unlock()
		return fmt.Errorf("closing a modal: %w", err)
	}
	payload := s.viewPayloadLocked("view_closed", v, fields{})
	payload["is_cleared"] = false
	s.dropViewLocked(id)
	s.mu.Unlock()
	if !v.notify {
		return nil
	}
	if _, _, err := s.ask(ctx, kindInteractive, payload); err != nil {
		return fmt.Errorf("closing a modal: %w", err)
	}
	return nil
}

func (s *Server) modalLocked(user, id string) (View, error) {
	v, open := s.views[id]
	if !open || v.Kind != "modal" || v.User != user {
		return View{}, ErrNoView
	}
	return v, nil
}

// submission is the payload of a form, if Slack's client would send it.
func (s *Server) submission(user, id string, typed map[string]string) (fields, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.modalLocked(user, id)
	if err != nil {
		return nil, err
	}
	values, known := fields{}, map[string]bool{}
	for _, in := range blockkit.Inputs(v.Blocks) {
		known[in.BlockID] = true
		if in.Options != nil {
			ticked, err := boxes(in, typed)
			if err != nil {
				return nil, err
			}
			values[in.BlockID] = fields{in.ActionID: ticked}
			continue
		}
		text := typed[in.BlockID]
		switch n := utf8.RuneCountInString(text); {
		case n == 0 && in.Optional:
		case n == 0, n < in.Least, n > in.Most:
			return nil, fmt.Errorf("%w: %s", ErrField, in.BlockID)
		}
		var value any = text
		if text == "" {
			value = nil
		}
		values[in.BlockID] = fields{in.ActionID: fields{"type": "plain_text_input", "value": value}}
	}
	for block := range typed {
		if !known[block] {
			return nil, fmt.Errorf("%w: %s", ErrNoField, block)
		}
	}
	payload := s.viewPayloadLocked("view_submission", v, values)
	payload["trigger_id"], payload["response_urls"] = s.triggerLocked(origin{user: user}), []string{}
	return payload, nil
}

// boxes is what a form says of its boxes: those whose values were typed, with
// commas between; those that were ticked at first where nobody touched them.
// https://docs.slack.dev/reference/block-kit/block-elements/checkboxes-element
func boxes(in blockkit.Input, typed map[string]string) (fields, error) {
	ticked := in.Ticked
	if list, touched := typed[in.BlockID]; touched {
		ticked = strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
	}
	if len(ticked) == 0 && !in.Optional {
		return nil, fmt.Errorf("%w: %s", ErrField, in.BlockID)
	}
	selected := []json.RawMessage{}
	for _, o := range in.Options {
		if slices.Contains(ticked, o.Value) {
			selected = append(selected, o.Raw)
		}
	}
	if len(selected) < len(ticked) {
		return nil, fmt.Errorf("%w: %s has no such box", ErrNoField, in.BlockID)
	}
	return fields{"type": blockkit.Checkboxes, "selected_options": selected}, nil
}

// viewPayloadLocked is what both kinds of payload have in common.
func (s *Server) viewPayloadLocked(kind string, v View, values fields) fields {
	u := s.users[v.User]
	return fields{
		"type": kind, "api_app_id": s.cfg.AppID, "token": "sandbox",
		"team":       fields{"id": s.cfg.TeamID, "domain": s.cfg.TeamDomain},
		"user":       fields{"id": u.ID, "username": u.Name, "name": u.Name, "team_id": u.TeamID},
		"enterprise": nil, "is_enterprise_install": false,
		"view": s.viewShape(v, values),
	}
}

// answerModal does with a modal what the acknowledgement says.
// https://docs.slack.dev/surfaces/modals#updating_response
func (s *Server) answerModal(id string, payload json.RawMessage) error {
	var a struct {
		Action string            `json:"response_action"`
		Errors map[string]string `json:"errors"`
		View   json.RawMessage   `json:"view"`
	}
	if len(payload) > 0 && json.Unmarshal(payload, &a) != nil {
		return ErrBadAnswer
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	v, open := s.views[id]
	if !open {
		return nil // closed or replaced meanwhile
	}
	switch a.Action {
	case "", "clear":
		s.dropViewLocked(id)
		return nil
	case "errors":
		return s.blameLocked(v, a.Errors)
	case "update":
		next, err := readView(string(a.View))
		if err != nil {
			return fmt.Errorf("%w: %w", ErrBadAnswer, err)
		}
		next.ID, next.User = v.ID, v.User
		s.showViewLocked(next)
		return nil
	default:
		return fmt.Errorf("%w: response_action %q", ErrBadAnswer, a.Action)
	}
}

// blameLocked puts errors under their fields. One under no field is nothing that
// Slack can show.
func (s *Server) blameLocked(v View, faults map[string]string) error {
	inputs := blockkit.Inputs(v.Blocks)
	for block, text := range faults {
		if text == "" || !slices.ContainsFunc(inputs, func(in blockkit.Input) bool { return in.BlockID == block }) {
			return fmt.Errorf("%w: an error for %q", ErrBadAnswer, block)
		}
	}
	if len(faults) == 0 {
		return fmt.Errorf("%w: no errors", ErrBadAnswer)
	}
	v.Errors = faults
	s.views[v.ID] = v
	s.noteLocked(Change{Kind: Viewed, View: v, User: v.User})
	return nil
}
