package slack

import (
	"encoding/json"
	"errors"
	"net/http"

	"rekey/internal/sandbox/wire"
)

// response is what the app says in answer to an interaction: as the payload of
// an acknowledgement or through a response_url.
type response struct {
	Text      string          `json:"text"`
	Blocks    json.RawMessage `json:"blocks"`
	Type      string          `json:"response_type"` // "ephemeral" unless "in_channel"
	Replace   bool            `json:"replace_original"`
	Delete    bool            `json:"delete_original"`
	Thread    string          `json:"thread_ts"`
	inChannel bool
}

// serveResponse answers a post to a response_url.
// https://docs.slack.dev/interactivity/handling-user-interaction#message_responses
func (s *Server) serveResponse(w http.ResponseWriter, r *http.Request) {
	var in response
	c, err := parseCall(r)
	if err == nil {
		in, err = readResponse(c)
	}
	if err == nil {
		err = s.respond(r.PathValue("id"), in)
	}
	if err != nil {
		wire.JSON(w, http.StatusNotFound, fields{"ok": false, "error": err.Error()})
		return
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok"))
}

func readResponse(c call) (response, error) {
	out := response{
		Text: c.Get("text"), Blocks: json.RawMessage(c.Get("blocks")), Type: c.Get("response_type"),
		Replace: c.flag("replace_original"), Delete: c.flag("delete_original"), Thread: c.Get("thread_ts"),
	}
	return out, out.check()
}

// check refuses what Slack would not show.
func (a *response) check() error {
	switch a.Type {
	case "", "ephemeral":
	case "in_channel":
		a.inChannel = true
	default:
		return refuse("invalid_response_type")
	}
	if a.Delete {
		return nil
	}
	return checkContent(Message{Text: a.Text, Blocks: a.Blocks})
}

// respond carries out one post through a response_url. It works in channels the
// app is not in, but not through the same address more often or longer than
// Slack allows.
func (s *Server) respond(id string, a response) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, err := s.spendLocked(passResponse, id)
	switch {
	case errors.Is(err, errPassExpired):
		return refuse("expired_url")
	case errors.Is(err, errPassSpent):
		return refuse("used_url")
	case err != nil:
		return refuse("invalid_url")
	}
	if a.Delete || a.Replace {
		if from.message != nil {
			s.rewriteLocked(*from.message, a)
			return nil
		}
		if a.Delete {
			return nil // a slash command has no original to delete
		}
	}
	s.showLocked(from, a, ViaResponseURL)
	return nil
}

// rewriteLocked replaces or deletes the message that was clicked, unless it is
// gone.
func (s *Server) rewriteLocked(clicked Message, a response) {
	list := s.messages[clicked.Channel]
	if clicked.To != "" {
		list = s.ephemerals[clicked.To]
	}
	i := indexOf(list, clicked.TS)
	switch {
	case i < 0:
	case a.Delete:
		s.removeLocked(list[i])
	default:
		m := list[i]
		m.Text, m.Blocks = a.Text, s.storedBlocksLocked(a.Blocks)
		m.Edits++
		s.replaceLocked(m, Edited, Change{})
	}
}

// showLocked posts an answer to everyone or to the person alone.
func (s *Server) showLocked(from origin, a response, via Via) Message {
	m := Message{Channel: from.channel, User: s.cfg.BotUser, Text: a.Text, Blocks: a.Blocks, Thread: a.Thread}
	if a.inChannel {
		return s.postLocked(m)
	}
	m.To, m.Via = from.user, via
	return s.whisperLocked(m)
}
