package anthropic

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strconv"
	"time"

	"rekey/internal/sandbox/wire"
)

// widths of the buckets, and how many fit on a page.
var widths = map[string]struct {
	each time.Duration
	page int
}{
	"1m": {time.Minute, 1440}, "1h": {time.Hour, 168}, "1d": {24 * time.Hour, 31},
}

// usage is the report by minutes, hours or days, grouped by key if asked.
func (s *Server) usage(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	width, known := widths[q.Get("bucket_width")]
	start, err := time.Parse(time.RFC3339, q.Get("starting_at"))
	end, endErr := time.Parse(time.RFC3339, q.Get("ending_at"))
	from := 0
	if text := q.Get("page"); text != "" {
		raw, _ := base64.StdEncoding.DecodeString(text) // what is no base64 is no number either
		if from, err = strconv.Atoi(string(raw)); err == nil && from < 1 {
			err = strconv.ErrRange
		}
	}
	if !known || err != nil || endErr != nil || !end.After(start) {
		refuse(w, http.StatusBadRequest, "invalid_request_error", "bucket_width, starting_at, ending_at or page: invalid")
		return
	}
	var data []map[string]any
	n := from
	for ; n < from+width.page && start.Add(time.Duration(n)*width.each).Before(end); n++ {
		at := start.Add(time.Duration(n) * width.each)
		data = append(data, map[string]any{
			"starting_at": stamp(at), "ending_at": stamp(at.Add(width.each)), "results": s.results(at, at.Add(width.each), q["api_key_ids[]"], slices.Contains(q["group_by[]"], "api_key_id"), slices.Contains(q["group_by[]"], "model")),
		})
	}
	body := map[string]any{"data": data, "has_more": false, "next_page": nil}
	if start.Add(time.Duration(n) * width.each).Before(end) {
		body["has_more"], body["next_page"] = true, base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(n)))
	}
	wire.JSON(w, http.StatusOK, body)
}

func (s *Server) results(from, to time.Time, keys []string, grouped, byModel bool) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	requests := map[string]int{}
	for _, u := range s.uses {
		if u.minute.Before(from) || !u.minute.Before(to) || len(keys) > 0 && !slices.Contains(keys, u.key) {
			continue
		}
		name := ""
		if grouped {
			name = u.key
		}
		requests[name] += u.requests
	}
	all := []map[string]any{}
	for key, n := range requests {
		m := map[string]any{"uncached_input_tokens": 8 * n, "output_tokens": 4 * n, "api_key_id": nil, "model": nil}
		if key != "" {
			m["api_key_id"] = key
		}
		if byModel {
			m["model"] = Model
		}
		all = append(all, m)
	}
	return all
}
