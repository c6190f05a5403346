package rest

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// ParseBase accepts https URLs, and http ones on loopback, made of scheme,
// host and path only. Its errors name the host at most: what else a person
// put there may be a credential.
func ParseBase(base string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimSuffix(base, "/"))
	if err != nil {
		return nil, errors.New("the base URL is malformed")
	}
	if u.Host == "" || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return nil, fmt.Errorf("the base URL of host %q must be scheme, host and path only", u.Host)
	}
	if u.Scheme == "https" || (u.Scheme == "http" && loopback(u.Hostname())) {
		return u, nil
	}
	return nil, fmt.Errorf("the base URL of host %q must be https; http is for loopback only", u.Host)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}

// sameHostOnly copies the client with a rule against being sent elsewhere: a
// redirect would carry our credentials along. A redirected write is not
// followed at all: net/http would turn it into a GET, whose 200 says nothing
// about the write. With stay none is.
func sameHostOnly(c *http.Client, stay bool) *http.Client {
	const most = 3
	var own http.Client
	if c != nil {
		own = *c
	}
	own.CheckRedirect = func(next *http.Request, via []*http.Request) error {
		first := via[0]
		same := next.URL.Host == first.URL.Host && next.URL.Scheme == first.URL.Scheme
		if stay || !same || first.Method != http.MethodGet || len(via) > most {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &own
}
