package page

import (
	"mime"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// Guard keeps other web pages out of a server on loopback. A browser sends
// their requests, too, so being local proves nothing:
//
//   - the Host must be a loopback name, or a foreign name that was pointed at
//     127.0.0.1 could read everything (DNS rebinding);
//   - what changes something must come from a page of the same origin, or from
//     no page at all, as the browser itself says in Sec-Fetch-Site or Origin;
//   - a body must be declared to be JSON, which no HTML form can do.
//
// https://cheatsheetseries.owasp.org/cheatsheets/Cross-Site_Request_Forgery_Prevention_Cheat_Sheet.html
func Guard(next http.Handler) http.Handler {
	return http.NewCrossOriginProtection().Handler(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		switch {
		case !loopback(r.Host):
			http.Error(out, "this server is for this machine only", http.StatusForbidden)
		case r.Method == http.MethodPost && !isJSON(r):
			http.Error(out, "the body must be application/json", http.StatusUnsupportedMediaType)
		default:
			next.ServeHTTP(out, r)
		}
	}))
}

// loopback reports whether a Host header names this machine.
func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]") // no port
	}
	if name == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(name)
	return err == nil && ip.IsLoopback()
}

func isJSON(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == "application/json"
}
