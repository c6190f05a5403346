package anthropic

import (
	"net/http"
	"time"

	"rekey/internal/sandbox/wire"
)

// Model is the one model on offer.
const Model = "claude-sandbox-1"

// models is the free call that needs an active key: what a probe should use.
func (s *Server) models(w http.ResponseWriter, _ *http.Request, _ Key) {
	wire.JSON(w, http.StatusOK, map[string]any{
		"data":     []map[string]any{{"id": Model, "type": "model", "display_name": "Sandbox", "created_at": "2026-01-01T00:00:00Z"}},
		"has_more": false, "first_id": Model, "last_id": Model,
	})
}

// message answers with one short text, as an application asks for it.
func (s *Server) message(w http.ResponseWriter, r *http.Request, k Key) {
	var q struct {
		Model     string
		MaxTokens int `json:"max_tokens"`
		Messages  []struct {
			Role    string
			Content any
		}
	}
	switch err := wire.ReadJSON(r, &q); {
	case err != nil:
		refuse(w, http.StatusBadRequest, "invalid_request_error", "The request body is not valid JSON")
		return
	case q.Model != Model:
		refuse(w, http.StatusNotFound, "not_found_error", "model: "+Model+" is the only one")
		return
	case q.MaxTokens < 1 || len(q.Messages) == 0 || q.Messages[0].Role != "user":
		refuse(w, http.StatusBadRequest, "invalid_request_error", "max_tokens and messages: required, and the first message is the user's")
		return
	}
	s.note(k)
	wire.JSON(w, http.StatusOK, map[string]any{
		"id": "msg_01" + random(11), "type": "message", "role": "assistant", "model": Model,
		"content":     []map[string]string{{"type": "text", "text": "A lighthouse."}},
		"stop_reason": "end_turn", "stop_sequence": nil, "usage": map[string]int{"input_tokens": 8, "output_tokens": 4},
	})
}

// use is what one key used in one minute.
type use struct {
	key       string
	workspace string
	minute    time.Time
	requests  int
}

// maxUses bounds the memory; the oldest half goes when it is full.
const maxUses = 100_000

func (s *Server) note(k Key) {
	minute := time.Now().UTC().Truncate(time.Minute)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served[k.ID]++
	for i := len(s.uses) - 1; i >= 0 && s.uses[i].minute.Equal(minute); i-- {
		if s.uses[i].key == k.ID {
			s.uses[i].requests++
			return
		}
	}
	if len(s.uses) >= maxUses {
		s.uses = append([]use(nil), s.uses[maxUses/2:]...)
	}
	s.uses = append(s.uses, use{k.ID, k.Workspace, minute, 1})
}
