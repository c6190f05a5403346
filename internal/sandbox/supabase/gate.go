package supabase

import (
	"net/http"
	"regexp"
	"slices"
	"time"

	"rekey/internal/sandbox/wire"
)

// LegacyKey is a project's legacy key of a role: anon or service_role.
func (s *Server) LegacyKey(ref, role string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.projects[ref]
	if p == nil {
		return ""
	}
	return jwt("", map[string]any{"iss": "supabase", "ref": ref, "role": role, "iat": 1700000000, "exp": 2015576000}, p.signing)
}

// caller is who a request to a gateway comes from.
type caller struct {
	prefix string // of a new key
	role   string // of a legacy one
	agent  string // what it calls itself
	why    string // it is refused; "" when it is not
	request
}

var browser = regexp.MustCompile(`Mozilla/|Chrome/|Safari/`)

// caller finds the key behind a request: secret keys in the header apikey
// alone and from no browser, legacy keys while they are switched on.
func (s *Server) caller(r *http.Request, ref string) caller {
	given, now := r.Header.Get("apikey"), time.Now()
	for _, role := range []string{"anon", "service_role"} {
		if given != "" && given == s.LegacyKey(ref, role) {
			if !s.LegacyOn(ref) {
				return caller{role: role, why: "Legacy API keys are disabled"}
			}
			return caller{role: role}
		}
	}
	keys := s.Keys()
	at := slices.IndexFunc(keys, func(k Key) bool { return k.Project == ref && k.Value == given })
	if at < 0 {
		return caller{why: "Invalid API key"}
	}
	k := keys[at]
	c := caller{prefix: k.Prefix()}
	switch {
	case now.Before(k.Created.Add(s.o.Spread)), !k.Live() && now.After(k.Deleted.Add(s.o.Spread)):
		c.why = "Invalid API key"
	case k.Type != Secret:
		c.why = "Forbidden use of publishable API key"
	case r.Header.Get("Authorization") != "":
		c.why = "Invalid JWT"
	case browser.MatchString(r.UserAgent()):
		c.why = "Forbidden use of secret API key in browser"
	}
	return c
}

// gate stands before everything a project serves.
func (s *Server) gate(h http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ref := r.PathValue("ref")
		c := s.caller(r, ref)
		c.agent, c.request = r.UserAgent(), said(r, ref, c.why != "")
		s.log(ref, c)
		if c.why != "" {
			wire.JSON(w, http.StatusUnauthorized, map[string]string{"message": c.why, "hint": "Double check your Supabase API key."})
			return
		}
		h(w, r)
	}
}

// root describes the tables.
func root(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, map[string]any{
		"swagger": "2.0", "info": map[string]string{"title": "standard public schema", "version": "13.0.5"},
		"paths": map[string]any{"/": map[string]any{}, "/products": map[string]any{}},
	})
}

// products is the one table, which row level security closes to anybody else.
func products(w http.ResponseWriter, _ *http.Request) {
	wire.JSON(w, http.StatusOK, []map[string]any{{"id": 1, "name": "lighthouse"}})
}
