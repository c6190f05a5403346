package infisical

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// event is an entry of the organisation's audit log.
type event struct {
	at        time.Time
	place     Place
	kind, key string // key is "" for a reading of a whole folder
	who       Identity
	ip, agent string
}

// maxEvents bounds the log; the oldest half goes when it is full.
const maxEvents = 50_000

// kinds are the events of requests about one secret, by method.
var kinds = map[string]string{http.MethodGet: "get-secret", http.MethodPost: "create-secret", http.MethodPatch: "update-secret", http.MethodDelete: "delete-secret"}

// noted writes a request that was answered into the audit log. A list is one
// event without names.
func (s *Server) noted(a ask) {
	e := event{at: time.Now(), place: a.at, kind: kinds[a.raw.Method], key: a.name, who: a.who.Identity, ip: origin(a.raw), agent: a.raw.UserAgent()}
	switch {
	case a.name == "" && a.raw.Method == http.MethodGet:
		e.kind = "get-secrets"
	case a.name == "":
		e.kind = "update-secrets"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.events) >= maxEvents {
		s.events = append([]event(nil), s.events[maxEvents/2:]...)
	}
	s.events = append(s.events, e)
}

// origin is where a request comes from, through whatever proxies say so.
func origin(r *http.Request) string {
	if ip, _, _ := strings.Cut(r.Header.Get("X-Forwarded-For"), ","); ip != "" {
		return strings.TrimSpace(ip)
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// Auditors may read the audit log: an identity needs that right in the
// organisation, whatever it may do in projects.
func (s *Server) Auditors(clientIDs ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range clientIDs {
		if i := s.identities[id]; i != nil {
			i.audits = true
		}
	}
}

// Began adds an event from before the server's time, as of a log that reaches
// further back than this world.
func (s *Server) Began(at Place, who Identity, when time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append([]event{{at: when, place: at.clean(), kind: "get-secrets", who: who, ip: "198.51.100.10", agent: "cli"}}, s.events...)
}

// auditLogs answers from the log, newest first. Without a licence nothing is
// kept, and nothing says so. The start is last midnight unless it is said
// (https://infisical.com/docs/api-reference/endpoints/audit-logs/export-audit-log).
func (s *Server) auditLogs(who *identity, r *http.Request) (any, *refusal) {
	none := map[string]any{"auditLogs": []any{}}
	if !s.o.Licensed {
		return none, nil
	}
	if !who.audits {
		return nil, &refusal{status: http.StatusForbidden, word: "PermissionDenied", message: "You are not allowed to read on audit-logs", details: []any{}}
	}
	p, ok := paged(r.URL.Query())
	if !ok {
		return nil, invalid(issue{Code: "custom", Path: []string{"startDate"}, Message: "Invalid query"})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	fit := []any{}
	for _, e := range slices.Backward(s.events) {
		if e.asked(r.URL.Query().Get) && !e.at.Before(p.start) && !e.at.After(p.end) {
			fit = append(fit, e.json())
		}
	}
	return map[string]any{"auditLogs": append([]any{}, fit[min(p.offset, len(fit)):min(p.offset+p.limit, len(fit))]...)}, nil
}

// part of the log that is asked for.
type part struct {
	start, end    time.Time
	offset, limit int
}

// paged reads it; false where the server would refuse.
func paged(q url.Values) (part, bool) {
	now := time.Now().UTC()
	p := part{start: moment(q.Get("startDate"), now.Truncate(24*time.Hour)), end: moment(q.Get("endDate"), now), limit: 20}
	if text := q.Get("limit"); text != "" {
		p.limit, _ = strconv.Atoi(text) // what is no number is refused as 0 is
	}
	p.offset, _ = strconv.Atoi(q.Get("offset"))
	placed := q.Get("environment") != "" || q.Get("secretPath") != "" || q.Get("secretKey") != ""
	return p, p.limit >= 1 && p.limit <= 1000 && p.offset >= 0 && p.end.Sub(p.start) <= 92*24*time.Hour && (!placed || q.Get("projectId") != "")
}

func (e event) asked(q func(string) string) bool {
	is := func(name, value string) bool { return q(name) == "" || q(name) == value }
	return is("projectId", e.place.Project) && is("environment", e.place.Environment) && is("secretPath", e.place.Path) && is("secretKey", e.key) &&
		(q("eventType") == "" || slices.Contains(strings.Split(q("eventType"), ","), e.kind))
}

func moment(text string, missing time.Time) time.Time {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at
	}
	return missing
}

func (e event) json() map[string]any {
	about := map[string]any{"environment": e.place.Environment, "secretPath": e.place.Path}
	if e.key != "" {
		about["secretKey"] = e.key
	} else {
		about["numberOfSecrets"] = 1
	}
	return map[string]any{
		"id": newID(), "createdAt": stamp(e.at), "ipAddress": e.ip, "userAgent": e.agent, "userAgentType": "other", "projectId": e.place.Project,
		"event": map[string]any{"type": e.kind, "metadata": about},
		"actor": map[string]any{"type": "identity", "metadata": map[string]string{"identityId": e.who.ID, "name": e.who.Name}},
	}
}
