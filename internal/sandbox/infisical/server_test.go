package infisical

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox/wire"
)

// bench is a server with one project and one identity that may do everything.
type bench struct {
	*testing.T
	s       *Server
	project string
	bot     Identity
	token   string
}

func newBench(t *testing.T) *bench {
	s := New(Options{})
	b := &bench{T: t, s: s, project: s.AddProject("shop", "staging", "prod")}
	b.bot = s.AddIdentity("bot", Grant{Project: b.project, Rights: All()})
	b.token = b.login(b.bot)
	return b
}

func (b *bench) at(environment string) Place { return Place{b.project, environment, "/"} }

func (b *bench) login(i Identity) string {
	b.Helper()
	status, m := b.do("POST", "/api/v1/auth/universal-auth/login", "", map[string]any{"clientId": i.ClientID, "clientSecret": i.ClientSecret})
	if status != 200 {
		b.Fatalf("login: %d %v", status, m)
	}
	return as[string](m["accessToken"])
}

// do sends a request straight into the handler and decodes what comes back.
func (b *bench) do(method, path, token string, body any) (int, map[string]any) {
	b.Helper()
	var text string
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			b.Fatal(err)
		}
		text = string(data)
	}
	r := httptest.NewRequest(method, path, strings.NewReader(text))
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	m := map[string]any{}
	if w.Body.Len() > 0 {
		if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
			b.Fatalf("%s %s: not JSON: %v", method, path, err)
		}
	}
	return w.Code, m
}

// v3 and v4 read one secret; extra is more of the query.
func (b *bench) v3(environment, name, extra string) (int, map[string]any) {
	b.Helper()
	return b.do("GET", "/api/v3/secrets/raw/"+name+"?workspaceId="+b.project+"&environment="+environment+"&secretPath=%2F"+extra, b.token, nil)
}

func (b *bench) v4(environment, name, extra string) (int, map[string]any) {
	b.Helper()
	return b.do("GET", "/api/v4/secrets/"+name+"?projectId="+b.project+"&environment="+environment+"&secretPath=%2F"+extra, b.token, nil)
}

func (b *bench) patch(environment, name string, more map[string]any) (int, map[string]any) {
	b.Helper()
	body := map[string]any{"projectId": b.project, "environment": environment, "secretPath": "/"}
	for k, v := range more {
		body[k] = v
	}
	return b.do("PATCH", "/api/v4/secrets/"+name, b.token, body)
}

func (b *bench) put(environment, name, value string) {
	b.Helper()
	if _, err := b.s.Put(b.at(environment), name, value, "ann"); err != nil {
		b.Fatal(err)
	}
}

func secretOf(m map[string]any) map[string]any {
	s, _ := m["secret"].(map[string]any)
	return s
}

// envelope is what must be right about a refusal.
func (b *bench) refused(status int, m map[string]any, want int, word, message string) {
	b.Helper()
	if status != want || m["error"] != word || m["message"] != message || m["reqId"] == nil || m["statusCode"] != float64(want) {
		b.Errorf("refusal = %d %v, want %d %s %q", status, m, want, word, message)
	}
}

func TestLoginRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		try := func(id, secret string) (int, map[string]any) {
			return b.do("POST", "/api/v1/auth/universal-auth/login", "", map[string]any{"clientId": id, "clientSecret": secret})
		}
		status, m := try("nobody", "x")
		b.refused(status, m, 401, "UnauthorizedError", "Invalid credentials")
		for range 3 {
			status, m = try(b.bot.ClientID, "wrong")
			b.refused(status, m, 401, "UnauthorizedError", "Invalid credentials")
		}
		const locked = "This identity auth method is temporarily locked, please try again later"
		status, m = try(b.bot.ClientID, b.bot.ClientSecret)
		b.refused(status, m, 401, "UnauthorizedError", locked)
		<-time.After(299 * time.Second)
		status, m = try(b.bot.ClientID, b.bot.ClientSecret)
		b.refused(status, m, 401, "UnauthorizedError", locked)
		<-time.After(2 * time.Second)
		if status, _ = try(b.bot.ClientID, b.bot.ClientSecret); status != 200 {
			t.Errorf("login after the lock = %d, want 200", status)
		}
	})
}

// Two wrong secrets are forgotten after a while, so that the next ones do not lock.
func TestLoginFailuresFade(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		for range 3 {
			for range 2 {
				b.do("POST", "/api/v1/auth/universal-auth/login", "", map[string]any{"clientId": b.bot.ClientID, "clientSecret": "wrong"})
			}
			<-time.After(31 * time.Second)
		}
		b.login(b.bot)
	})
}

func TestTokens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		b.put("staging", "FAL_KEY", "value-one")
		read := func(token string) (int, map[string]any) {
			return b.do("GET", "/api/v4/secrets/FAL_KEY?environment=staging&projectId="+b.project, token, nil)
		}
		status, m := read("")
		b.refused(status, m, 401, "UnauthorizedError", "Token missing")
		status, m = read("nonsense")
		b.refused(status, m, 403, "TokenError", "The provided access token is malformed. Please use a valid token or generate a new one and try again.")

		b.s.ExpireTokens(b.bot.ClientID)
		status, m = read(b.token)
		b.refused(status, m, 403, "TokenError", "Your token has expired. Please re-authenticate.")

		b.token = b.login(b.bot)
		<-time.After(30*24*time.Hour + time.Second)
		status, m = read(b.token)
		b.refused(status, m, 403, "TokenError", "Your token has expired. Please re-authenticate.")
		status, m = b.do("POST", "/api/v1/auth/token/renew", "", map[string]any{"accessToken": b.token})
		b.refused(status, m, 403, "TokenError", "Your token has expired. Please re-authenticate.")

		b.token = b.login(b.bot)
		b.do("POST", "/api/v1/auth/token/revoke", "", map[string]any{"accessToken": b.token})
		status, m = read(b.token)
		b.refused(status, m, 401, "UnauthorizedError", "Failed to authorize: token has been revoked")

		b.token = b.login(b.bot)
		b.s.RevokeClientSecret(b.bot.ClientID)
		status, m = read(b.token)
		b.refused(status, m, 401, "UnauthorizedError", "Failed to authorize: client secret has been revoked")
	})
}

func TestUpdateCountsVersions(t *testing.T) {
	b := newBench(t)
	b.put("staging", "FAL_KEY", "one")
	b.s.OnWrite(nil)
	edits := []map[string]any{
		{"secretValue": "two"},
		{"secretValue": "two"}, // the same value again
		{"secretMetadata": []Metadata{{Key: "rotated-at", Value: "2026-11-22"}}}, // metadata alone
		{},                       // nothing at all: what the SDK sends for ""
		{"secretValue": " x \n"}, // white space
	}
	for i, e := range edits {
		status, m := b.patch("staging", "FAL_KEY", e)
		if got := secretOf(m)["version"]; status != 200 || got != float64(i+2) {
			t.Errorf("edit %d = %d, version %v, want %d", i, status, got, i+2)
		}
	}
	var values []string
	for _, v := range b.s.Versions(b.at("staging"), "FAL_KEY") {
		values = append(values, v.Value)
	}
	if diff := cmp.Diff([]string{"one", "two", "two", "two", "two", "x\n"}, values); diff != "" {
		t.Error(diff)
	}
	_, m := b.v4("staging", "FAL_KEY", "")
	want := []any{map[string]any{"key": "rotated-at", "value": "2026-11-22", "isEncrypted": false}}
	if diff := cmp.Diff(want, secretOf(m)["secretMetadata"]); diff != "" {
		t.Errorf("metadata on the current read: %s", diff)
	}
	_, m = b.v4("staging", "FAL_KEY", "&version=4")
	if _, shown := secretOf(m)["secretMetadata"]; shown {
		t.Error("metadata shown on a read by number")
	}
}

// An update answers with what was sent; only a read tells what is stored.
func TestUpdateEchoes(t *testing.T) {
	b := newBench(t)
	b.put("staging", "FAL_KEY", "one")
	_, m := b.patch("staging", "FAL_KEY", map[string]any{"secretComment": "why"})
	if s := secretOf(m); s["secretValue"] != "" || s["secretComment"] != "why" {
		t.Errorf("answer = %v, want the echo of what was sent", s)
	}
	_, m = b.v3("staging", "FAL_KEY", "")
	if s := secretOf(m); s["secretValue"] != "one" {
		t.Errorf("stored value = %v, want one", s["secretValue"])
	}
	b.patch("staging", "FAL_KEY", map[string]any{"secretValue": ""})
	if e, _ := b.s.Read(b.at("staging"), "FAL_KEY"); e.Value != "" || e.Version != 3 {
		t.Errorf("after an explicit empty value: %q version %d, want blank at 3", e.Value, e.Version)
	}
}

func TestReadByVersion(t *testing.T) {
	b := newBench(t)
	made := time.Date(2026, 8, 1, 0, 0, 0, 0, time.UTC)
	if _, err := b.s.Seed(b.at("prod"), "FAL_KEY", "old", made); err != nil {
		t.Fatal(err)
	}
	b.put("prod", "FAL_KEY", "new")
	_, m := b.v3("prod", "FAL_KEY", "&version=1")
	if s := secretOf(m); s["secretValue"] != "old" || s["createdAt"] != "2026-08-01T00:00:00.000Z" {
		t.Errorf("version 1 = %v", s)
	}
	_, m = b.v3("prod", "FAL_KEY", "&version=2")
	if s := secretOf(m); s["secretValue"] != "new" || s["createdAt"] == "2026-08-01T00:00:00.000Z" {
		t.Errorf("version 2 = %v, want its own time", s)
	}
	_, m = b.v3("prod", "FAL_KEY", "")
	if s := secretOf(m); s["createdAt"] != "2026-08-01T00:00:00.000Z" || s["updatedAt"] == s["createdAt"] {
		t.Errorf("current = %v, want the entry's age and a later update", s)
	}
	status, m := b.v3("prod", "FAL_KEY", "&version=99")
	b.refused(status, m, 404, "NotFound", "Secret with name 'FAL_KEY' not found")

	b.s.Redact(b.at("prod"), "FAL_KEY", 1)
	status, m = b.v3("prod", "FAL_KEY", "&version=1")
	if status != 200 || secretOf(m)["secretValue"] != "" {
		t.Errorf("redacted version = %d %v, want 200 and an empty value", status, m)
	}
}

func TestDeleteAndCreateStartsOver(t *testing.T) {
	b := newBench(t)
	b.put("staging", "GONE", "x")
	b.put("staging", "GONE", "y")
	before, _ := b.s.Read(b.at("staging"), "GONE")
	where := map[string]any{"workspaceId": b.project, "environment": "staging", "secretPath": "/", "secretValue": "z"}
	status, m := b.do("POST", "/api/v3/secrets/raw/GONE", b.token, where)
	b.refused(status, m, 400, "BadRequest", "Secret already exists")
	if status, _ := b.do("DELETE", "/api/v3/secrets/raw/GONE", b.token, where); status != 200 {
		t.Fatalf("delete = %d", status)
	}
	status, m = b.do("POST", "/api/v3/secrets/raw/GONE", b.token, where)
	if s := secretOf(m); status != 200 || s["version"] != 1.0 || s["id"] == before.ID {
		t.Errorf("created again = %d %v, want version 1 under another id than %s", status, s, before.ID)
	}
}

func TestRights(t *testing.T) {
	b := newBench(t)
	b.put("staging", "FAL_KEY", "s")
	b.put("prod", "FAL_KEY", "p")
	viewer := b.s.AddIdentity("viewer",
		Grant{Project: b.project, Rights: []Right{Describe}},
		Grant{Project: b.project, Environment: "staging", Rights: []Right{Edit}})
	outsider := b.s.AddIdentity("outsider")

	b.token = b.login(viewer)
	if status, _ := b.patch("staging", "FAL_KEY", map[string]any{"secretValue": "scoped"}); status != 200 {
		t.Errorf("edit where allowed = %d", status)
	}
	status, m := b.patch("prod", "FAL_KEY", map[string]any{"secretValue": "scoped"})
	b.refused(status, m, 403, "PermissionDenied", "You are not allowed to edit on secrets")
	if len(as[[]any](m["details"])) != 1 {
		t.Errorf("details = %v, want the rule that did not fit", m["details"])
	}
	_, m = b.v4("prod", "FAL_KEY", "")
	if s := secretOf(m); s["secretValue"] != hiddenText || s["secretValueHidden"] != true {
		t.Errorf("v4 read without the right to values = %v, want it hidden", s)
	}
	status, m = b.v3("prod", "FAL_KEY", "")
	b.refused(status, m, 403, "PermissionDenied", "You are not allowed to readValue on secrets")

	b.token = b.login(outsider)
	status, m = b.v4("prod", "FAL_KEY", "")
	b.refused(status, m, 403, "ProjectMembershipNotFound", "You are not a member of this project with ID "+b.project+
		". Please assign this identity to the project with the appropriate permissions, then try again.")
}

func TestNotFoundWords(t *testing.T) {
	b := newBench(t)
	b.put("staging", "FAL_KEY", "s")
	status, m := b.v3("nowhere", "FAL_KEY", "")
	b.refused(status, m, 404, "GetSecretByName", "Folder with path '/' in environment with slug 'nowhere' not found")
	status, m = b.do("GET", "/api/v4/secrets?environment=staging&secretPath=/nope&projectId="+b.project, b.token, nil)
	b.refused(status, m, 404, "SecretPathNotFound", "Folder with path '/nope' in environment 'staging' was not found. Please ensure the environment slug and secret path is correct.")
	status, m = b.patch("staging", "NOT_THERE", map[string]any{"secretValue": "x"})
	b.refused(status, m, 404, "NotFound", "Secret with name NOT_THERE not found")
	status, m = b.do("GET", "/api/v4/secrets/FAL_KEY?environment=staging&projectId=other", b.token, nil)
	b.refused(status, m, 404, "NotFound", "Project with ID 'other' not found during bot lookup. Are you sure you are using the correct project ID?")
	status, m = b.do("PATCH", "/api/v4/secrets/FAL_KEY", b.token, map[string]any{"environment": "staging"})
	if issues, list := m["message"].([]any); status != 422 || !list || len(issues) != 1 {
		t.Errorf("without a project = %d %v, want 422 with a list of issues", status, m)
	}
}

func TestReferencesAndImports(t *testing.T) {
	b := newBench(t)
	b.put("staging", "KEY", "k1")
	b.put("staging", "URL", "u?${KEY}&${NO_SUCH}&${staging.KEY}")
	shared := Place{b.project, "staging", "/shared"}
	b.s.AddFolder(shared)
	if _, err := b.s.Put(shared, "IMPORTED", "imp", "ann"); err != nil {
		t.Fatal(err)
	}
	if err := b.s.AddImport(b.at("prod"), shared); err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, got string
		read      func() (int, map[string]any)
		status    int
	}{
		{"v3 leaves references", "u?${KEY}&${NO_SUCH}&${staging.KEY}", func() (int, map[string]any) { return b.v3("staging", "URL", "") }, 200},
		{"v4 expands them", "u?k1&&k1", func() (int, map[string]any) { return b.v4("staging", "URL", "") }, 200},
		{"v4 told not to", "u?${KEY}&${NO_SUCH}&${staging.KEY}", func() (int, map[string]any) { return b.v4("staging", "URL", "&expandSecretReferences=false") }, 200},
		{"v3 leaves imports out", "", func() (int, map[string]any) { return b.v3("prod", "IMPORTED", "") }, 404},
		{"v3 told to include", "imp", func() (int, map[string]any) { return b.v3("prod", "IMPORTED", "&include_imports=true") }, 200},
		{"v4 includes imports", "imp", func() (int, map[string]any) { return b.v4("prod", "IMPORTED", "") }, 200},
		{"v4 ignores the v3 spelling", "imp", func() (int, map[string]any) { return b.v4("prod", "IMPORTED", "&include_imports=false") }, 200},
		{"v4 told not to", "", func() (int, map[string]any) { return b.v4("prod", "IMPORTED", "&includeImports=false") }, 404},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			status, m := tt.read()
			got, _ := secretOf(m)["secretValue"].(string)
			if status != tt.status || got != tt.got {
				t.Errorf("= %d %q, want %d %q", status, got, tt.status, tt.got)
			}
		})
	}
	_, m := b.v4("prod", "IMPORTED", "")
	if s := secretOf(m); s["environment"] != "staging" || s["secretPath"] != "/shared" {
		t.Errorf("an import reads as %v %v, want its source", s["environment"], s["secretPath"])
	}
	status, m := b.patch("prod", "IMPORTED", map[string]any{"secretValue": "over"})
	b.refused(status, m, 404, "NotFound", "Secret with name IMPORTED not found")
}

func TestBatch(t *testing.T) {
	b := newBench(t)
	b.put("staging", "ID", "a")
	b.put("staging", "SECRET", "b")
	pair := func(mode, other string) map[string]any {
		return map[string]any{"mode": mode, "secrets": []map[string]any{
			{"secretKey": "ID", "secretValue": "n-" + mode}, {"secretKey": other, "secretValue": "m-" + mode}}}
	}
	status, m := b.patch("staging", "batch", pair("", "ABSENT"))
	b.refused(status, m, 404, "NotFound", "Secret does not exist: ABSENT in path /")
	if e, _ := b.s.Read(b.at("staging"), "ID"); e.Version != 1 {
		t.Errorf("a refused batch wrote version %d", e.Version)
	}
	for i, tt := range []struct {
		mode, other string
		want        int
	}{{"failOnNotFound", "SECRET", 2}, {"ignore", "ABSENT", 1}, {"upsert", "MADE", 2}, {"upsert", "ID", 1}} {
		status, m := b.patch("staging", "batch", pair(tt.mode, tt.other))
		if got := len(as[[]any](m["secrets"])); status != 200 || got != tt.want {
			t.Errorf("%s = %d with %d secrets, want %d", tt.mode, status, got, tt.want)
		}
		if e, _ := b.s.Read(b.at("staging"), "ID"); e.Version != i+2 {
			t.Errorf("%s: version %d, want %d", tt.mode, e.Version, i+2)
		}
	}
	if _, ok := b.s.Read(b.at("staging"), "ABSENT"); ok {
		t.Error("mode ignore created an entry")
	}
}

func TestHeldWrite(t *testing.T) {
	b := newBench(t)
	b.put("prod", "FAL_KEY", "old")
	b.s.HoldWrites(b.project, "prod", true)
	var seen []Write
	b.s.OnWrite(func(w Write) { seen = append(seen, w) })

	status, m := b.patch("prod", "FAL_KEY", map[string]any{"secretValue": "new"})
	if status != 200 || m["secret"] != nil || m["approval"] == nil {
		t.Fatalf("held write = %d %v, want 200 with an approval and no secret", status, m)
	}
	if e, _ := b.s.Read(b.at("prod"), "FAL_KEY"); e.Value != "old" {
		t.Error("a held write was carried out")
	}
	waiting := b.s.Pending()
	if len(waiting) != 1 || len(seen) != 1 || !seen[0].Held {
		t.Fatalf("pending %d, hook %v", len(waiting), seen)
	}
	if err := b.s.Merge(waiting[0].ID); err != nil {
		t.Fatal(err)
	}
	if e, _ := b.s.Read(b.at("prod"), "FAL_KEY"); e.Value != "new" || e.Version != 2 {
		t.Errorf("after the merge: %+v", e)
	}
	if err := b.s.Merge(waiting[0].ID); err == nil {
		t.Error("an approval could be merged twice")
	}
}

// The hook runs after the effect and before the answer.
func TestWriteHookOrder(t *testing.T) {
	b := newBench(t)
	b.put("prod", "FAL_KEY", "old")
	var during string
	b.s.OnWrite(func(w Write) {
		e, _ := b.s.Read(w.Place, w.Names[0])
		during = e.Value
	})
	b.patch("prod", "FAL_KEY", map[string]any{"secretValue": "new"})
	if during != "new" {
		t.Errorf("value seen by the hook = %q, want new", during)
	}
}

func TestListAndETag(t *testing.T) {
	b := newBench(t)
	b.put("staging", "B", "2")
	b.put("staging", "A", "1")
	b.s.AddFolder(Place{b.project, "staging", "/deep"})
	if _, err := b.s.Put(Place{b.project, "staging", "/deep"}, "C", "3", "ann"); err != nil {
		t.Fatal(err)
	}
	path := "/api/v3/secrets/raw?workspaceSlug=shop&environment=staging&secretPath=/"
	names := func(p string) (got []string) {
		_, m := b.do("GET", p, b.token, nil)
		for _, s := range as[[]any](m["secrets"]) {
			got = append(got, as[string](as[map[string]any](s)["secretKey"]))
		}
		return got
	}
	if diff := cmp.Diff([]string{"A", "B"}, names(path)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"A", "B", "C"}, names(path+"&recursive=true")); diff != "" {
		t.Error(diff)
	}
	get := func(tag string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer "+b.token)
		r.Header.Set("If-None-Match", tag)
		w := httptest.NewRecorder()
		b.s.Handler().ServeHTTP(w, r)
		return w
	}
	tag := get("").Header().Get("ETag")
	if got := get(tag).Code; tag == "" || got != http.StatusNotModified {
		t.Errorf("list with its own tag %q = %d, want 304", tag, got)
	}
	b.put("staging", "A", "1b")
	if got := get(tag).Code; got != 200 {
		t.Errorf("list after a change = %d, want 200", got)
	}
}

func TestSyncs(t *testing.T) {
	b := newBench(t)
	list := "/api/v1/secret-syncs?projectId=" + url.QueryEscape(b.project)
	if _, m := b.do("GET", list, b.token, nil); len(as[[]any](m["secretSyncs"])) != 0 {
		t.Errorf("syncs at first = %v, want none", m)
	}
	id := b.s.AddSync(Sync{Name: "to vercel", Destination: "vercel", At: b.at("prod"), Auto: true})
	for path, want := range map[string]int{
		list: 1,
		"/api/v1/secret-syncs/vercel?projectId=" + b.project: 1,
		"/api/v1/secret-syncs/github?projectId=" + b.project: 0,
	} {
		if _, m := b.do("GET", path, b.token, nil); len(as[[]any](m["secretSyncs"])) != want {
			t.Errorf("%s = %v, want %d", path, m, want)
		}
	}
	_, m := b.do("POST", "/api/v1/secret-syncs/vercel/"+id+"/sync-secrets", b.token, nil)
	if as[map[string]any](m["secretSync"])["syncStatus"] != "pending" {
		t.Errorf("triggered sync = %v, want pending", m)
	}
	b.s.SetSync(id, "succeeded", "", time.Now())
	_, m = b.do("GET", "/api/v1/secret-syncs/vercel/"+id, b.token, nil)
	if y := as[map[string]any](m["secretSync"]); y["syncStatus"] != "succeeded" || y["lastSyncedAt"] == nil {
		t.Errorf("finished sync = %v", y)
	}
}

func TestClosedRoutes(t *testing.T) {
	b := newBench(t)
	for _, uri := range []string{"/api/v1/secret/x/secret-versions?offset=0", "/api/v1/secret-approval-requests/x"} {
		status, m := b.do("GET", uri, b.token, nil)
		b.refused(status, m, 403, "Forbidden access to "+uri, "You are not allowed to access this resource")
	}
	if _, m := b.do("GET", "/api/v1/organization/audit-logs", b.token, nil); len(as[[]any](m["auditLogs"])) != 0 {
		t.Errorf("audit logs = %v, want an empty list", m)
	}
}

func TestFaultsAndIssued(t *testing.T) {
	b := newBench(t)
	b.put("prod", "FAL_KEY", "old")
	b.s.Faults.Inject("proxy", wire.Fault{Match: wire.Match{Method: "PATCH"}, Limit: 1, Do: wire.Answer(500, nil, `{}`)})
	if status, _ := b.patch("prod", "FAL_KEY", map[string]any{"secretValue": "n1"}); status != 500 {
		t.Errorf("under a fault = %d", status)
	}
	b.patch("prod", "FAL_KEY", map[string]any{"secretValue": "n2"})
	issued := strings.Join(b.s.Issued(), "\n")
	for _, want := range []string{b.bot.ClientSecret, b.token, "old", "n2"} {
		if !strings.Contains(issued, want) {
			t.Errorf("issued values lack %q", want)
		}
	}
	if strings.Contains(issued, "n1") {
		t.Error("a value that a fault kept out counts as issued")
	}
}

// as is v if it has the type, else the type's zero value.
func as[T any](v any) T {
	t, _ := v.(T)
	return t
}
