package fal

import (
	"net/http"
	"time"

	"rekey/internal/sandbox/wire"
)

// Model is the one model on offer.
const Model = "fal-ai/flux/dev"

const unitPrice = 0.025 // US dollars per image

// pricing is the free call that needs a live key: what a probe should use.
func (s *Server) pricing(w http.ResponseWriter, r *http.Request) {
	if _, ok := s.caller(r); !ok {
		refuse(w, http.StatusUnauthorized, "authorization_error", "Authentication is required to access this endpoint")
		return
	}
	ids := r.URL.Query()["endpoint_id"]
	if len(ids) == 0 {
		refuse(w, http.StatusBadRequest, "validation_error", "endpoint_id: required")
		return
	}
	prices := []map[string]any{}
	for _, id := range ids {
		if id != Model {
			refuse(w, http.StatusNotFound, "not_found", "Endpoint not found")
			return
		}
		prices = append(prices, map[string]any{"endpoint_id": id, "unit_price": unitPrice, "unit": "image", "currency": "USD"})
	}
	wire.JSON(w, http.StatusOK, map[string]any{"next_cursor": nil, "has_more": false, "prices": prices})
}

// models answers anybody, with a dead key too: it proves nothing about a key.
func models(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]any{
		"next_cursor": nil, "has_more": false,
		"models": []map[string]any{{"endpoint_id": Model, "metadata": map[string]string{"display_name": "FLUX.1 [dev]", "category": "text-to-image"}}},
	})
}

// infer is the model itself, as an application calls it.
func (s *Server) infer(w http.ResponseWriter, r *http.Request) {
	k, ok := s.caller(r)
	if !ok {
		wire.JSON(w, http.StatusUnauthorized, map[string]string{"detail": "No user found for Key ID and Secret"})
		return
	}
	id := s.record(k.ID)
	w.Header().Set("X-Fal-Request-Id", id)
	wire.JSON(w, http.StatusOK, map[string]any{
		"images": []map[string]any{{"url": "https://images.example.test/" + id + ".png", "width": 1024, "height": 768, "content_type": "image/png"}},
		"seed":   42, "has_nsfw_concepts": []bool{false}, "timings": map[string]float64{"inference": 0.001},
	})
}

// event is one use of the model.
type event struct {
	request string
	key     string
	at      time.Time
}

// maxEvents bounds the memory of events; the oldest half goes when it is full.
const maxEvents = 200_000

func (s *Server) record(key string) string {
	e := event{request: random(8), key: key, at: time.Now()}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served[key]++
	if len(s.events) >= maxEvents {
		s.events = append([]event(nil), s.events[maxEvents/2:]...)
	}
	s.events = append(s.events, e)
	return e.request
}
