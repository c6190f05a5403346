package infisical_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/deploy/infisical"
)

const (
	projectID    = "7b2c5f0e-0000-4000-8000-000000000001"
	clientID     = "0c1d2e3f-client-id-of-the-bot"
	clientSecret = "st-client-secret-of-the-bot"
)

// server is an Infisical that enforces what was recorded from a real one: the
// lockout, versions that only grow, answers that echo what was sent, the v4
// defaults that include imports and expand references, trimming, redaction
// without a mark, writes held for approval with status 200.
type server struct {
	*httptest.Server
	mu sync.Mutex

	// State. Tests change it under lock.
	secret   string                                                          // the right client secret
	ttl      int                                                             // seconds a token lives by its answer
	tokens   map[string]string                                               // state of each token: "", "expired", "revoked"
	badLogin int                                                             // refused in a row
	folders  map[infisical.Place]map[string]*row                             // by name
	imports  map[infisical.Place]infisical.Place                             // from → to
	syncs    []map[string]any                                                // secret syncs
	noSyncs  int                                                             // status of the list of syncs, 0 for 200
	held     map[infisical.Place]bool                                        // a change policy holds writes
	pending  []func()                                                        // what merging will do
	readOnly bool                                                            // the identity lacks the right to edit
	outsider bool                                                            // the identity is not in the project
	hide     bool                                                            // the identity lacks the right to read values
	claims   string                                                          // of every token, encoded
	log      []logged                                                        // what the audit log has
	muted    bool                                                            // there is no licence: the log is kept from everybody
	blinded  bool                                                            // the identity lacks the right to the log
	asked    []string                                                        // "METHOD path" in order
	between  func(w http.ResponseWriter, r *http.Request, next http.Handler) // a fault to inject
}

// row is one secret.
type row struct {
	id, name string
	versions []version
	created  time.Time
	metadata []any
	rotated  bool
}

type version struct {
	value   string
	created time.Time
}

func newServer(t *testing.T) *server {
	t.Helper()
	s := &server{
		secret: clientSecret, ttl: 2592000, tokens: map[string]string{},
		folders: map[infisical.Place]map[string]*row{staging: {}, production: {}},
		claims:  base64.RawURLEncoding.EncodeToString([]byte(`{"identityId":"` + botID + `","authTokenType":"identityAccessToken"}`)),
		imports: map[infisical.Place]infisical.Place{}, held: map[infisical.Place]bool{},
		syncs: []map[string]any{},
	}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	return s
}

var (
	staging    = infisical.Place{Environment: "staging", Path: "/"}
	production = infisical.Place{Environment: "prod", Path: "/app"}
	shared     = infisical.Place{Environment: "dev", Path: "/shared"}
)

// set changes the server's state.
func (s *server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// inject sets the fault; nil heals.
func (s *server) inject(f func(w http.ResponseWriter, r *http.Request, next http.Handler)) {
	s.set(func() { s.between = f })
}

// put writes as somebody else would, in the web page: no policy, no token.
func (s *server) put(p infisical.Place, name, value string) *row {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.putLocked(p, name, value)
}

func (s *server) putLocked(p infisical.Place, name, value string) *row {
	if s.folders[p] == nil {
		s.folders[p] = map[string]*row{}
	}
	r := s.folders[p][name]
	if r == nil {
		r = &row{id: rand.Text(), name: name, created: time.Now(), metadata: []any{}}
		s.folders[p][name] = r
	}
	r.versions = append(r.versions, version{trimmed(value), time.Now()})
	return r
}

func trimmed(value string) string {
	if strings.HasSuffix(value, "\n") {
		return strings.TrimSpace(value) + "\n"
	}
	return strings.TrimSpace(value)
}

// current is what is stored, for comparing behind the adapter's back.
func (s *server) current(p infisical.Place, name string) (value string, version int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.folders[p][name]
	return r.versions[len(r.versions)-1].value, len(r.versions)
}

// count tells how often something was asked, by the beginning of "METHOD path".
func (s *server) count(prefix string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, a := range s.asked {
		if strings.HasPrefix(a, prefix) {
			n++
		}
	}
	return n
}

const loginRoute = "POST /api/v1/auth/universal-auth/login"

func (s *server) serve(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.Path)
	between := s.between
	s.mu.Unlock()
	if between != nil {
		between(w, r, http.HandlerFunc(s.route))
		return
	}
	s.route(w, r)
}

// route holds the lock for the whole request: the real server's versions are
// strictly serial too.
func (s *server) route(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	body := map[string]any{}
	_ = json.NewDecoder(r.Body).Decode(&body)
	if r.Method+" "+r.URL.Path == loginRoute {
		s.login(w, body)
		return
	}
	if !s.admitted(w, r) {
		return
	}
	switch path := r.URL.Path; {
	case path == "/api/v1/secret-syncs":
		s.listSyncs(w)
	case path == "/api/v1/organization/audit-logs":
		s.audit(w, r)
	case path == "/api/v4/secrets/batch" && r.Method == http.MethodPatch:
		s.batch(w, body)
	case path == "/api/v4/secrets":
		s.list(w, r)
	case strings.HasPrefix(path, "/api/v4/secrets/") && r.Method == http.MethodPatch:
		s.update(w, body, strings.TrimPrefix(path, "/api/v4/secrets/"))
	case strings.HasPrefix(path, "/api/v4/secrets/") && r.Method == http.MethodDelete:
		s.remove(w, body, strings.TrimPrefix(path, "/api/v4/secrets/"))
	case strings.HasPrefix(path, "/api/v4/secrets/"):
		s.read(w, r, strings.TrimPrefix(path, "/api/v4/secrets/"), true)
	case strings.HasPrefix(path, "/api/v3/secrets/raw/"):
		s.read(w, r, strings.TrimPrefix(path, "/api/v3/secrets/raw/"), false)
	default:
		refuse(w, http.StatusNotFound, "Not Found", "Route not found")
	}
}

func (s *server) login(w http.ResponseWriter, body map[string]any) {
	const lockedOut = 3
	switch {
	case s.badLogin >= lockedOut:
		refuse(w, http.StatusUnauthorized, "UnauthorizedError", "This identity auth method is temporarily locked, please try again later")
	case body["clientId"] != clientID || body["clientSecret"] != s.secret:
		s.badLogin++
		refuse(w, http.StatusUnauthorized, "UnauthorizedError", "Invalid credentials")
	default:
		s.badLogin = 0
		token := "jwt." + s.claims + "." + rand.Text()
		s.tokens[token] = ""
		answer(w, map[string]any{"accessToken": token, "expiresIn": s.ttl, "accessTokenMaxTTL": s.ttl, "tokenType": "Bearer"})
	}
}

func (s *server) admitted(w http.ResponseWriter, r *http.Request) bool {
	state, known := s.tokens[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
	switch {
	case r.Header.Get("Authorization") == "":
		refuse(w, http.StatusUnauthorized, "UnauthorizedError", "Token missing")
	case !known:
		refuse(w, http.StatusForbidden, "TokenError", "The provided access token is malformed. Please use a valid token or generate a new one and try again.")
	case state == "expired":
		refuse(w, http.StatusForbidden, "TokenError", "Your token has expired. Please re-authenticate.")
	case state == "revoked":
		refuse(w, http.StatusUnauthorized, "UnauthorizedError", "Failed to authorize: token has been revoked")
	case s.outsider:
		refuse(w, http.StatusForbidden, "ProjectMembershipNotFound", "You are not a member of this project with ID "+projectID)
	default:
		return true
	}
	return false
}

// endTokens makes every token that was issued bad in the given way.
func (s *server) endTokens(state string) {
	s.set(func() {
		for token := range s.tokens {
			s.tokens[token] = state
		}
	})
}

func (s *server) listSyncs(w http.ResponseWriter) {
	switch s.noSyncs {
	case http.StatusForbidden:
		refuse(w, http.StatusForbidden, "PermissionDenied", "You are not allowed to read on secret-syncs")
	case http.StatusNotFound:
		refuse(w, http.StatusNotFound, "Not Found", "Route GET:/api/v1/secret-syncs not found")
	default:
		answer(w, map[string]any{"secretSyncs": s.syncs})
	}
}

// names in order, for a listing that does not change.
func names(rows map[string]*row) []string {
	var all []string
	for name := range rows {
		all = append(all, name)
	}
	slices.Sort(all)
	return all
}

func answer(w http.ResponseWriter, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(body)
}

func refuse(w http.ResponseWriter, status int, word string, message any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	body := map[string]any{"reqId": "req-0123456789", "statusCode": status, "message": message, "error": word}
	if word == "PermissionDenied" {
		body["details"] = []any{}
	}
	_ = json.NewEncoder(w).Encode(body)
}
