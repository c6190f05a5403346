package supabase

import (
	"net"
	"net/http"
	"regexp"
	"slices"
	"time"
)

// groupedAsked is the question that an audit asks: requests of one key that are
// alike, the rarest first.
var groupedAsked = regexp.MustCompile(`^select toString\(min\(timestamp\)\) as first, toString\(max\(timestamp\)\) as last, count\(\*\) as requests, ` +
	`log_attributes\['request\.headers\.cf_connecting_ip'\] as ip, log_attributes\['request\.headers\.user_agent'\] as agent, ` +
	`log_attributes\['request\.method'\] as method, log_attributes\['request\.path'\] as path, log_attributes\['response\.status_code'\] as status ` +
	`from logs where (\w+) = 'edge_logs' and (.+) group by ip, agent, method, path, status order by requests, first limit \d+$`)

// request is what the edge logs hold of one beside its key.
type request struct{ ip, method, path, status string }

// said reads it off a request.
func said(r *http.Request, ref string, refused bool) request {
	status := "200"
	if refused {
		status = "401"
	}
	path := r.URL.Path
	if at := len("/" + ref); len(path) > at {
		path = path[at:]
	}
	return request{from(r), r.Method, path, status}
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

// grouped answers it.
func (s *Server) grouped(ref string, meant func(line) bool, start, end time.Time) []any {
	type alike struct {
		request
		agent string
	}
	type span struct {
		first, last time.Time
		n           int
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	all, order := map[alike]*span{}, []alike{}
	for _, l := range s.projects[ref].lines {
		if !meant(l) || l.at.Before(start) || !l.at.Before(end) {
			continue
		}
		k := alike{l.request, l.agent}
		if all[k] == nil {
			all[k], order = &span{first: l.at}, append(order, k)
		}
		all[k].last, all[k].n = l.at, all[k].n+1
	}
	slices.SortStableFunc(order, func(a, b alike) int { return all[a].n - all[b].n })
	const stamp = "2006-01-02 15:04:05.000000"
	rows := []any{}
	for _, k := range order {
		rows = append(rows, map[string]any{
			"first": all[k].first.UTC().Format(stamp), "last": all[k].last.UTC().Format(stamp), "requests": all[k].n,
			"ip": k.ip, "agent": k.agent, "method": k.method, "path": k.path, "status": k.status,
		})
	}
	return rows
}
