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
	at                  time.Time
	prefix, role, agent string
	request
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
	p.lines = append(p.lines, line{time.Now(), c.prefix, c.role, c.agent, c.request})
}

// The questions that these logs understand.
var (
	columnAsked = regexp.MustCompile(`^select (\w+) from logs limit 1$`)
	countAsked  = regexp.MustCompile(`^select count\(\*\) as requests, toString\(max\(timestamp\)\) as last from logs where (\w+) = 'edge_logs' and (.+)$`)
	anyAsked    = regexp.MustCompile(`^select count\(\*\) as requests, toString\(max\(timestamp\)\) as last from logs where (\w+) = 'edge_logs'$`)
	prefixAsked = regexp.MustCompile(`^log_attributes\['request\.sb\.apikey\.apikey\.prefix'\] = '([A-Za-z0-9_-]+)'$`)
	roleAsked   = regexp.MustCompile(`^log_attributes\['request\.sb\.jwt\.apikey\.payload\.role'\] (?:in \(('anon', 'service_role')\)|= ('service_role'))$`)
	agentAsked  = regexp.MustCompile(` and log_attributes\['request\.headers\.user_agent'\] != '([A-Za-z0-9]+)'$`)
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
	column, all, count := columnAsked.FindStringSubmatch(sql), anyAsked.FindStringSubmatch(sql), countAsked.FindStringSubmatch(sql)
	if asked := groupedAsked.FindStringSubmatch(sql); asked != nil && asked[1] == s.o.Column && meant(asked[2]) != nil {
		wire.JSON(w, http.StatusOK, map[string]any{"result": s.grouped(ref, meant(asked[2]), start, end)})
		return
	}
	if all != nil {
		count = append(all, "")
	}
	switch {
	case column != nil && column[1] == s.o.Column:
		wire.JSON(w, http.StatusOK, map[string]any{"result": []any{map[string]string{s.o.Column: "edge_logs"}}})
	case count != nil && count[1] == s.o.Column && meant(count[2]) != nil:
		wire.JSON(w, http.StatusOK, map[string]any{"result": []any{s.count(ref, meant(count[2]), start, end)}})
	default:
		wire.JSON(w, http.StatusOK, map[string]any{"result": []any{}, "error": "Code: 47. DB::Exception: Unknown expression or identifier"})
	}
}

// meant picks the lines that a condition is about; nil where it is not
// understood.
func meant(where string) func(line) bool {
	but := ""
	if agent := agentAsked.FindStringSubmatch(where); agent != nil {
		where, but = strings.TrimSuffix(where, agent[0]), agent[1]
	}
	prefix, roles := prefixAsked.FindStringSubmatch(where), roleAsked.FindStringSubmatch(where)
	others := func(l line) bool { return but == "" || l.agent != but }
	switch {
	case where == "":
		return others
	case prefix != nil:
		return func(l line) bool { return l.prefix == prefix[1] && others(l) }
	case roles != nil:
		return func(l line) bool {
			return l.role != "" && strings.Contains(roles[1]+roles[2], "'"+l.role+"'") && others(l)
		}
	}
	return nil
}

// count answers a question about some requests.
func (s *Server) count(ref string, meant func(line) bool, start, end time.Time) map[string]any {
	n, last := 0, time.Unix(0, 0)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.projects[ref].lines {
		if meant(l) && !l.at.Before(start) && l.at.Before(end) {
			n++
			last = l.at
		}
	}
	return map[string]any{"requests": n, "last": last.UTC().Format("2006-01-02 15:04:05.000000")}
}

// Hush makes the logs of all projects as if legacy keys had been asked with
// for the last time so long ago, while others went on.
func (s *Server) Hush(ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.projects {
		for i := range p.lines {
			if p.lines[i].role != "" {
				p.lines[i].at = p.lines[i].at.Add(-ago)
			}
		}
		p.lines = append(p.lines, line{at: time.Now().Add(-ago).Add(36 * time.Hour), prefix: "sb_secret_worker"})
	}
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
