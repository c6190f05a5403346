package fal

import (
	"net/http"
	"slices"
	"time"
)

// billing lists the uses of the model one by one. Without start it looks at the
// last 24 hours only; end is exclusive.
func (s *Server) billing(w http.ResponseWriter, r *http.Request, who Key) {
	events, ok := s.selected(r, who)
	start, n, paged := page(r, 10_000)
	if !ok || !paged {
		refuse(w, http.StatusBadRequest, "validation_error", "start, end, limit and cursor: invalid")
		return
	}
	list := []map[string]any{}
	end := min(start+n, len(events))
	for _, e := range events[min(start, end):end] {
		m := map[string]any{
			"request_id": e.request, "endpoint_id": Model, "timestamp": iso(e.at), "output_units": 1,
			"unit_price": unitPrice, "percent_discount": nil, "cost_subtotal": unitPrice, "cost_discount": 0,
			"cost_total": unitPrice, "cost_estimate_nano_usd": unitPrice * 1e9,
		}
		addMethod(m, r, e.key)
		list = append(list, m)
	}
	sendPage(w, "billing_events", list, end, len(events))
}

// usage counts the uses of the model by time bucket and key.
func (s *Server) usage(w http.ResponseWriter, r *http.Request, who Key) {
	events, ok := s.selected(r, who)
	if !ok {
		refuse(w, http.StatusBadRequest, "validation_error", "start, end: invalid")
		return
	}
	size, ok := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "": 24 * time.Hour, "day": 24 * time.Hour}[r.URL.Query().Get("timeframe")]
	if !ok {
		refuse(w, http.StatusBadRequest, "validation_error", "timeframe: invalid")
		return
	}
	series := []map[string]any{}
	for _, b := range buckets(events, size) {
		results := []map[string]any{}
		for _, key := range b.keys {
			results = append(results, result(r, key, b.count[key]))
		}
		series = append(series, map[string]any{"bucket": iso(b.at), "results": results})
	}
	sendPage(w, "time_series", series, len(series), len(series))
}

func result(r *http.Request, key string, n int) map[string]any {
	cost := unitPrice * float64(n)
	m := map[string]any{
		"endpoint_id": Model, "unit": "image", "quantity": n, "unit_price": unitPrice, "percent_discount": nil,
		"cost_subtotal": cost, "cost_discount": 0, "cost_total": cost, "cost": cost, "currency": "USD",
	}
	addMethod(m, r, key)
	return m
}

// addMethod names the key where the caller asked for it.
func addMethod(m map[string]any, r *http.Request, key string) {
	if asked(r, "auth_method_structured") {
		m["auth_method_structured"] = map[string]string{"detail": "api_key", "api_key_id": key}
	}
}

type bucket struct {
	at    time.Time
	keys  []string // in order of first use
	count map[string]int
}

func buckets(events []event, size time.Duration) []*bucket {
	var all []*bucket
	for _, e := range events {
		at := e.at.UTC().Truncate(size)
		if len(all) == 0 || !all[len(all)-1].at.Equal(at) {
			all = append(all, &bucket{at: at, count: map[string]int{}})
		}
		b := all[len(all)-1]
		if b.count[e.key] == 0 {
			b.keys = append(b.keys, e.key)
		}
		b.count[e.key]++
	}
	return all
}

// selected returns the events of the caller's account that fit start, end and
// api_key_id; deleted keys stay filterable.
func (s *Server) selected(r *http.Request, who Key) ([]event, bool) {
	q := r.URL.Query()
	now := time.Now()
	start, ok1 := moment(q.Get("start"), now.Add(-24*time.Hour))
	end, ok2 := moment(q.Get("end"), now.Add(time.Second))
	if !ok1 || !ok2 || end.Sub(start) > 90*24*time.Hour {
		return nil, false
	}
	own := map[string]bool{}
	for _, k := range s.Keys() {
		own[k.ID] = k.Account == who.Account
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var fit []event
	for _, e := range s.events {
		ids := q["api_key_id"]
		if own[e.key] && (len(ids) == 0 || slices.Contains(ids, e.key)) && !e.at.Before(start) && e.at.Before(end) {
			fit = append(fit, e)
		}
	}
	return fit, true
}

// moment reads a time or a date.
func moment(text string, fallback time.Time) (time.Time, bool) {
	if text == "" {
		return fallback, true
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
