package r2

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// logged is an entry of the account's audit log.
type logged struct {
	at                              time.Time
	token, name                     string
	method, uri, agent, ip, subject string
	status                          int
}

// maxLogged bounds the log; the oldest half goes when it is full.
const maxLogged = 20_000

// note writes what a token asked of the API into the account's log. Requests for
// objects are never in it.
func (s *Server) note(t *Token, r *http.Request, status int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.log) >= maxLogged {
		s.log = append([]logged(nil), s.log[maxLogged/2:]...)
	}
	_, subject, _ := strings.Cut(r.URL.Path, "/tokens/")
	s.log = append(s.log, logged{time.Now(), t.ID, t.Name, r.Method, r.URL.RequestURI(), r.UserAgent(), from(r), subject, status})
}

// from is where a request comes from; people of the sandbox may say where.
func from(r *http.Request) string {
	if ip := r.Header.Get("Cf-Connecting-Ip"); ip != "" {
		return ip
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// audit is GET /accounts/{id}/logs/audit: both ends are required, the newest come
// first where that is asked for, and a cursor leads on
// (https://developers.cloudflare.com/fundamentals/account/account-security/audit-logs).
func (s *Server) audit(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	since, err1 := time.Parse(time.RFC3339, q.Get("since"))
	before, err2 := time.Parse(time.RFC3339, q.Get("before"))
	limit, start := number(q.Get("limit"), 100), number(q.Get("cursor"), 0)
	if err1 != nil || err2 != nil || limit < 1 || start < 0 {
		refuse(w, http.StatusBadRequest, 1001, "since and before are required")
		return
	}
	s.mu.Lock()
	var fit []any
	for i := range s.log {
		e := s.log[i]
		if q.Get("direction") == "desc" {
			e = s.log[len(s.log)-1-i]
		}
		if !e.at.Before(since) && e.at.Before(before) {
			fit = append(fit, e.json())
		}
	}
	s.mu.Unlock()
	page := append([]any{}, fit[min(start, len(fit)):min(start+limit, len(fit))]...)
	info := map[string]any{"count": len(page)}
	if start+limit < len(fit) {
		info["cursors"] = map[string]string{"after": strconv.Itoa(start + limit)}
	}
	answer(w, page, info)
}

func (e logged) json() map[string]any {
	result, act := "success", map[string]string{http.MethodPost: "create", http.MethodPut: "update", http.MethodDelete: "delete", http.MethodGet: "view"}[e.method]
	if e.status >= http.StatusBadRequest {
		result = "failure"
	}
	return map[string]any{
		"id": e.token + e.at.Format("150405.000000"), "account": map[string]string{"id": Account, "name": "shop"},
		"action":   map[string]any{"description": act, "result": result, "time": e.at.UTC().Format(time.RFC3339Nano), "type": act},
		"actor":    map[string]any{"id": e.token, "context": "api_token", "ip_address": e.ip, "token_id": e.token, "token_name": e.name, "type": "account"},
		"raw":      map[string]any{"cf_ray_id": "0", "method": e.method, "status_code": e.status, "uri": e.uri, "user_agent": e.agent},
		"resource": map[string]any{"id": e.subject, "product": "iam", "type": "token"},
		"zone":     map[string]any{},
	}
}
