package supabase_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/providertest"
	"rekey/providers/supabase"
)

const (
	stagingRef    = "aaaabbbbccccddddeeee"
	productionRef = "ffffgggghhhhiiiijjjj"
	apiPath       = "/api" // of the Management API; projects are beside it
	variable      = "SUPABASE_SERVICE_ROLE_KEY"
	token         = "sbp_0f1e2d3c4b5a69788796a5b4c3d2e1f001122334"
)

// fakeKey is a secret or publishable key as the fake service knows it.
type fakeKey struct {
	ID, Ref, Name, Type, Text, Prefix string
	Made                              time.Time
}

func (k fakeKey) value() secret.Value { return secret.New(k.Text) }

// use is a request that the edge logs show.
type use struct {
	ref, prefix, role string
	at                time.Time
	ip, agent, path   string
	status            string
}

// fake behaves as the vendor documents, and counts what it was asked.
type fake struct {
	mu      sync.Mutex
	keys    []fakeKey
	ever    []secret.Value // every value it issued
	legacy  map[string]bool
	uses    []use
	paused  map[string]bool
	rights  []string
	column  string   // what the logs call their source
	calls   []string // method and path, in order
	queries []string // raw queries of deletions and logs
	headers []http.Header

	noHash   bool
	override func(w http.ResponseWriter, r *http.Request) bool // answers instead; for traps
	signers  fakeSigners
}

func (f *fake) add(ref, kind, name string) fakeKey {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.addLocked(ref, kind, name)
}

func (f *fake) addLocked(ref, kind, name string) fakeKey {
	n := len(f.ever) + 1
	sum := sha256.Sum256(fmt.Appendf(nil, "key %d", n))
	text := "sb_" + kind + "_" + base64.RawURLEncoding.EncodeToString(sum[:])
	k := fakeKey{
		ID:  fmt.Sprintf("%08x-aaaa-4bbb-8ccc-%012x", n*7919, n),
		Ref: ref, Name: name, Type: kind, Text: text, Prefix: text[:len("sb_"+kind+"_")+5],
		Made: time.Date(2026, 11, 1, 12, n%60, 0, 0, time.UTC),
	}
	f.keys = append(f.keys, k)
	f.ever = append(f.ever, k.value())
	return k
}

func (f *fake) issued() []secret.Value {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append(slices.Clone(f.ever), secret.New(token))
}

func (f *fake) seen() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // the client may have gone
}

func refuse(w http.ResponseWriter, status int, message string) {
	answer(w, status, map[string]any{"message": message})
}

var browser = regexp.MustCompile(`Mozilla|Chrome|Safari`)

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r.URL.Path = strings.TrimPrefix(r.URL.Path, apiPath)
	f.calls = append(f.calls, r.Method+" "+r.URL.Path)
	f.headers = append(f.headers, r.Header.Clone())
	if f.override != nil && f.override(w, r) {
		return
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	switch {
	case len(parts) == 4 && parts[1] == "rest":
		f.table(w, r, parts[0])
	case len(parts) == 3 && parts[1] == "rest":
		f.root(w, r, parts[0])
	case r.Header.Get("Authorization") != "Bearer "+token:
		refuse(w, http.StatusUnauthorized, "Unauthorized")
	case len(parts) < 4 || parts[1] != "projects" || (parts[2] != stagingRef && parts[2] != productionRef):
		refuse(w, http.StatusNotFound, "Project not found")
	default:
		f.manage(w, r, parts[2], strings.Join(parts[3:], "/"))
	}
}

// root is a project's own gateway: secret keys are taken in apikey alone and
// from no browser.
func (f *fake) root(w http.ResponseWriter, r *http.Request, ref string) {
	given := r.Header.Get("Apikey")
	known := slices.ContainsFunc(f.keys, func(k fakeKey) bool { return k.Ref == ref && k.Text == given && k.Type == "secret" })
	for _, role := range []string{"anon", "service_role"} {
		if given == jwt(ref, role).Reveal() {
			f.uses = append(f.uses, use{ref: ref, role: role, at: time.Now(), agent: r.UserAgent()})
			if known = f.legacy[ref]; !known {
				answer(w, http.StatusUnauthorized, map[string]any{"message": "Legacy API keys are disabled", "hint": "They were on 2026-11-01."})
				return
			}
		}
	}
	switch {
	case f.paused[ref], browser.MatchString(r.UserAgent()), r.Header.Get("Authorization") != "", !known:
		answer(w, http.StatusUnauthorized, map[string]any{"message": "Invalid API key", "hint": "Double check your API key."})
	default:
		answer(w, http.StatusOK, map[string]any{"swagger": "2.0", "paths": map[string]any{}})
	}
}

func (f *fake) manage(w http.ResponseWriter, r *http.Request, ref, what string) {
	id, one := strings.CutPrefix(what, "api-keys/")
	need := map[bool]string{true: "api_gateway_keys_read", false: "api_gateway_keys_write"}[r.Method == http.MethodGet]
	if what == "analytics/endpoints/logs" {
		need = "analytics_logs_read"
	}
	if f.signing(w, r, ref, what) {
		return
	}
	switch {
	case !slices.Contains(f.rights, need):
		answer(w, http.StatusForbidden, map[string]any{"message": "no", "missing_permissions": []string{need, "sb_secret_nonsense"}})
	case r.Method == "GET" && what == "api-keys/legacy":
		answer(w, http.StatusOK, map[string]any{"enabled": f.legacy[ref]})
	case r.Method == "PUT" && what == "api-keys/legacy":
		f.legacy[ref] = r.URL.Query().Get("enabled") == "true"
		answer(w, http.StatusOK, map[string]any{"enabled": f.legacy[ref]})
	case r.Method == "GET" && what == "api-keys":
		f.list(w, ref)
	case r.Method == "POST" && what == "api-keys":
		f.create(w, r, ref)
	case r.Method == "DELETE" && one:
		f.remove(w, r, ref, id)
	case r.Method == "GET" && what == "analytics/endpoints/logs":
		f.logs(w, r, ref)
	default:
		refuse(w, http.StatusNotFound, "Not found")
	}
}

func (f *fake) shown(k fakeKey) map[string]any {
	sum := sha256.Sum256([]byte(k.Text))
	m := map[string]any{
		"id": k.ID, "name": k.Name, "type": k.Type, "prefix": k.Prefix, "description": nil, "hash": hex.EncodeToString(sum[:]),
		"api_key": k.Prefix + "···", "secret_jwt_template": map[string]any{"role": "service_role"},
		"inserted_at": k.Made.Format(time.RFC3339), "updated_at": k.Made.Format(time.RFC3339),
	}
	if f.noHash {
		m["hash"] = nil
	}
	return m
}

func (f *fake) list(w http.ResponseWriter, ref string) {
	all := []any{}
	for _, name := range []string{"anon", "service_role"} {
		all = append(all, map[string]any{"id": name, "name": name, "type": "legacy", "prefix": nil, "hash": nil})
	}
	for _, k := range f.keys {
		if k.Ref == ref {
			all = append(all, f.shown(k))
		}
	}
	answer(w, http.StatusOK, all)
}

var fakeName = regexp.MustCompile(`^[a-z_][a-z0-9_]{3,63}$`)

func (f *fake) create(w http.ResponseWriter, r *http.Request, ref string) {
	var body struct{ Type, Name string }
	if json.NewDecoder(r.Body).Decode(&body) != nil || !fakeName.MatchString(body.Name) || body.Type != "secret" {
		refuse(w, http.StatusBadRequest, "bad name")
		return
	}
	k := f.addLocked(ref, "secret", body.Name)
	m := f.shown(k)
	if r.URL.Query().Get("reveal") == "true" {
		m["api_key"] = k.Text
	}
	answer(w, http.StatusCreated, m)
}

func (f *fake) remove(w http.ResponseWriter, r *http.Request, ref, id string) {
	f.queries = append(f.queries, r.URL.RawQuery)
	at := slices.IndexFunc(f.keys, func(k fakeKey) bool { return k.Ref == ref && k.ID == id })
	if at < 0 {
		refuse(w, http.StatusNotFound, "API key not found")
		return
	}
	gone := f.keys[at]
	f.keys = slices.Delete(f.keys, at, at+1)
	answer(w, http.StatusOK, f.shown(gone))
}

var (
	prefixAsked = regexp.MustCompile(`apikey\.prefix'\] = '([^']*)'`)
	columnAsked = regexp.MustCompile(`(?:where |select )(source\w*)`)
)

// logs answers the questions that are asked here, at most a day at a time.
func (f *fake) logs(w http.ResponseWriter, r *http.Request, ref string) {
	q := r.URL.Query()
	f.queries = append(f.queries, r.URL.RawQuery)
	start, err1 := time.Parse(time.RFC3339, q.Get("iso_timestamp_start"))
	end, err2 := time.Parse(time.RFC3339, q.Get("iso_timestamp_end"))
	column := columnAsked.FindStringSubmatch(q.Get("sql"))
	switch {
	case err1 != nil || err2 != nil || end.Sub(start) > 24*time.Hour:
		refuse(w, http.StatusBadRequest, "the range is too long")
		return
	case column == nil || column[1] != f.column:
		answer(w, http.StatusOK, map[string]any{"result": []any{}, "error": map[string]any{"code": 400, "errors": []any{}, "message": "Unknown identifier", "status": "INVALID_ARGUMENT"}})
		return
	case strings.HasPrefix(q.Get("sql"), "select source"):
		answer(w, http.StatusOK, map[string]any{"result": []any{map[string]any{f.column: "edge_logs"}}})
		return
	}
	if strings.Contains(q.Get("sql"), " group by ") {
		prefix, role := "", "service_role"
		if asked := prefixAsked.FindStringSubmatch(q.Get("sql")); asked != nil {
			prefix, role = asked[1], ""
		}
		answer(w, http.StatusOK, map[string]any{"result": f.grouped(ref, prefix, role, start, end)})
		return
	}
	prefix, count, last := prefixAsked.FindStringSubmatch(q.Get("sql")), 0, time.Unix(0, 0).UTC()
	for _, u := range f.uses {
		asked := u.ref == ref && !u.at.Before(start) && u.at.Before(end)
		switch {
		case prefix != nil:
			asked = asked && u.prefix == prefix[1]
		case !strings.Contains(q.Get("sql"), " and "): // any request at all
		case strings.Contains(q.Get("sql"), "= 'service_role'"):
			asked = asked && u.role == "service_role"
		default:
			asked = asked && u.role != ""
		}
		if strings.Contains(q.Get("sql"), "user_agent'] != 'rekey'") {
			asked = asked && u.agent != "rekey"
		}
		if asked {
			count++
			if u.at.After(last) {
				last = u.at
			}
		}
	}
	row := map[string]any{"requests": count, "last": last.Format("2006-01-02 15:04:05.000")}
	answer(w, http.StatusOK, map[string]any{"result": []any{row}})
}

// jwt is a legacy key of a project.
func jwt(ref, role string) secret.Value {
	part := func(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
	return secret.New(part(`{"alg":"HS256","typ":"JWT"}`) + "." +
		part(fmt.Sprintf(`{"iss":"supabase","ref":%q,"role":%q,"iat":1700000000,"exp":2015576000}`, ref, role)) + "." + part("a signature of the project's"))
}

// world is the fake with two projects, neighbours and two environments.
type world struct {
	*fake
	url                 string
	client              *http.Client
	staging, production fakeKey
}

func newFake() (*fake, world) {
	f := &fake{
		column: "source", legacy: map[string]bool{stagingRef: true, productionRef: true}, paused: map[string]bool{},
		rights: []string{"api_gateway_keys_read", "api_gateway_keys_write", "analytics_logs_read"},
	}
	w := world{fake: f}
	for _, ref := range []string{stagingRef, productionRef} {
		f.add(ref, "publishable", "default")
		f.add(ref, "secret", "default")
		f.add(ref, "secret", "worker")
	}
	w.staging = f.add(stagingRef, "secret", "app_staging")
	w.production = f.add(productionRef, "secret", "app_production")
	return f, w
}

func newWorld(t testing.TB) world {
	f, w := newFake()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	w.url, w.client = s.URL, s.Client()
	return w
}

func (w world) current() map[string]providers.Values {
	return map[string]providers.Values{"staging": {variable: w.staging.value()}, "production": {variable: w.production.value()}}
}

// provider with some configuration changed.
func (w world) provider(t testing.TB, change ...func(*supabase.Config)) *supabase.Provider {
	t.Helper()
	c := supabase.Config{
		BaseURL: w.url + apiPath, ProjectURL: w.url + "/{ref}", HTTP: w.client, Token: fixed(secret.New(token)),
		Projects: map[string]string{"staging": stagingRef, "production": productionRef},
	}
	for _, ch := range change {
		ch(&c)
	}
	p, err := supabase.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// kind is what a survey of the current values finds.
func (w world) kind(t testing.TB, change ...func(*supabase.Config)) providers.Kind {
	t.Helper()
	kind, err := w.provider(t, change...).Survey(t.Context(), w.current())
	if err != nil {
		t.Fatal(err)
	}
	return kind
}

func TestConformance(t *testing.T) {
	providertest.Run(t, providertest.Subject{Profiles: supabase.Profiles(), Open: func(t testing.TB) providertest.World {
		f, w := newFake()
		faults := providertest.Before(f)
		s := httptest.NewServer(faults)
		t.Cleanup(s.Close)
		w.url, w.client = s.URL, s.Client()
		return providertest.World{
			Provider: w.provider(t),
			Current:  w.current(),
			Unknown:  providers.Values{variable: secret.New("sb_secret_" + strings.Repeat("z", 43))},
			Malformed: []providers.Values{
				{variable: secret.New("sb_secret_short")},
				{variable: secret.New(w.production.Text + "\n")},
				{variable: secret.New("Bearer " + w.production.Text)},
				{variable: f.keys[0].value()}, // publishable
				{"OTHER": w.production.value()},
				{},
			},
			Secrets: f.issued,
			Faults:  faults,
		}
	}})
}

// fixed returns the same token each time.
func fixed(v secret.Value) func(context.Context) (secret.Value, error) {
	return func(context.Context) (secret.Value, error) { return v, nil }
}
