package supabase

import (
	"net/http"
	"regexp"
	"strings"
	"time"

	"rekey/internal/sandbox/wire"
)

// line of the edge logs.
type line struct {
	at           time.Time
	prefix, role string
}

// maxLines bounds the memory of a project's logs; the oldest half goes when it
// is full.
const maxLines = 100_000

func (s *Server) log(ref string, c caller) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[ref]
	if p == nil {
		return
	}
	if len(p.lines) >= maxLines {
		p.lines = append([]line(nil), p.lines[maxLines/2:]...)
	}
	p.lines = append(p.lines, line{time.Now(), c.prefix, c.role})
}

// The questions that these logs understand.
var (
	columnAsked = regexp.MustCompile(`^select (\w+) from logs limit 1$`)
	countAsked  = regexp.MustCompile(`^select count\(\*\) as requests, toString\(max\(timestamp\)\) as last from logs where (\w+) = 'edge_logs' and (.+)$`)
	prefixAsked = regexp.MustCompile(`^log_attributes\['request\.sb\.apikey\.apikey\.prefix'\] = '([A-Za-z0-9_-]+)'$`)
	roleAsked   = regexp.MustCompile(`^log_attributes\['request\.sb\.jwt\.apikey\.payload\.role'\] in \('anon', 'service_role'\)$`)
)

// longest is the greatest range of a question.
const longest = 24 * time.Hour

func (s *Server) logs(w http.ResponseWriter, r *http.Request, ref string) {
	q := r.URL.Query()
	start, end, ok := stretch(q.Get("iso_timestamp_start"), q.Get("iso_timestamp_end"))
	if !ok {
		refuse(w, http.StatusBadRequest, "iso_timestamp_start and iso_timestamp_end: at most 24 hours apart")
		return
	}
	sql := strings.TrimSpace(q.Get("sql"))
	column, count := columnAsked.FindStringSubmatch(sql), countAsked.FindStringSubmatch(sql)
	switch {
	case column != nil && column[1] == s.o.Column:
		wire.JSON(w, http.StatusOK, map[string]any{"result": []any{map[string]string{s.o.Column: "edge_logs"}}})
	case count != nil && count[1] == s.o.Column && (prefixAsked.MatchString(count[2]) || roleAsked.MatchString(count[2])):
		wire.JSON(w, http.StatusOK, map[string]any{"result": []any{s.count(ref, count[2], start, end)}})
	default:
		wire.JSON(w, http.StatusOK, map[string]any{"result": []any{}, "error": "Code: 47. DB::Exception: Unknown expression or identifier"})
	}
}

// count answers a question about the requests of some keys.
func (s *Server) count(ref, where string, start, end time.Time) map[string]any {
	prefix := prefixAsked.FindStringSubmatch(where)
	n, last := 0, time.Unix(0, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.projects[ref].lines {
		meant := l.role != ""
		if prefix != nil {
			meant = l.prefix == prefix[1]
		}
		if meant && !l.at.Before(start) && l.at.Before(end) {
			n++
			last = l.at
		}
	}
	return map[string]any{"requests": n, "last": last.UTC().Format("2006-01-02 15:04:05.000000")}
}

// stretch reads the two ends; without them it is the last minute.
func stretch(from, to string) (start, end time.Time, ok bool) {
	if from == "" && to == "" {
		now := time.Now()
		return now.Add(-time.Minute), now, true
	}
	start, err1 := time.Parse(time.RFC3339, from)
	end, err2 := time.Parse(time.RFC3339, to)
	return start, end, err1 == nil && err2 == nil && end.After(start) && end.Sub(start) <= longest
}
