package infisical_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy/infisical"
	"rekey/internal/fault"
	"rekey/internal/secret"
)

// capture is one file of exchanges recorded from a running server.
type capture struct {
	Shows     string
	Exchanges []exchange
}

type exchange struct {
	Step    string
	Request struct {
		Method, Path  string
		Query         map[string]string
		Authorization string
		Body          map[string]any
	}
	Response struct {
		Status int
		Body   json.RawMessage
	}
}

// captures reads the recorded exchanges, or skips the test.
func captures(t *testing.T) map[string]capture {
	t.Helper()
	root := os.Getenv("REKEY_CAPTURES")
	if root == "" {
		t.Skip("REKEY_CAPTURES names no folder of recorded exchanges (with a folder infisical in it)")
	}
	files, err := filepath.Glob(filepath.Join(root, "infisical", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded exchanges below %s (%v)", root, err)
	}
	all := map[string]capture{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var c capture
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		all[filepath.Base(file)] = c
	}
	return all
}

// recorded finds one exchange by the number it has in its file.
func recorded(t *testing.T, all map[string]capture, file string, n int) exchange {
	t.Helper()
	if len(all[file].Exchanges) <= n {
		t.Fatalf("%s has no exchange %d", file, n)
	}
	return all[file].Exchanges[n]
}

// replaying answers every request of one kind with a recorded answer.
func replaying(prefix string, x exchange) injection {
	return func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if !strings.HasPrefix(r.Method+" "+r.URL.Path, prefix) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.WriteHeader(x.Response.Status)
		_, _ = w.Write(x.Response.Body)
	}
}

// What the real server answered to a read must come out of the adapter, or be
// refused for the reason that was recorded.
func TestRecordedReads(t *testing.T) {
	all := captures(t)
	for _, c := range []struct {
		file    string
		n       int
		version int    // 0: the current one
		value   string // expected, where there is no reason
		reason  fault.Reason
	}{
		{"secret-retrieve.json", 1, 0, "padded", ""},
		{"secret-import-defaults.json", 3, 0, "", fault.Managed},
		{"secret-import-write.json", 6, 0, "shadow", fault.Managed}, // recorded in prod, asked for in staging
		{"secret-reference-dangling.json", 2, 0, "", fault.Managed},
		{"secret-retrieve-hidden.json", 0, 0, "", fault.Managed},
		{"secret-retrieve-missing.json", 2, 0, "", fault.NotFound},
		{"secret-retrieve-missing.json", 4, 0, "", fault.NotFound},
		{"secret-update-empty-v4.json", 1, 0, "", ""},
		{"auth-token-bad-or-absent.json", 0, 0, "", fault.Unauthorized},
		{"auth-token-bad-or-absent.json", 1, 0, "", fault.Unauthorized},
		{"auth-token-expiry-and-renew.json", 3, 0, "", fault.Unauthorized},
		{"auth-token-revoked.json", 2, 0, "", fault.Unauthorized},
		{"auth-client-secret-revoked.json", 2, 0, "", fault.Unauthorized},
		{"permission-denied.json", 6, 0, "", fault.Forbidden},
		{"server-database-down.json", 0, 0, "", fault.ServerError},
		{"server-database-down.json", 3, 0, "scoped", ""},
		{"secret-retrieve-version.json", 0, 1, "value-one", ""},
		{"secret-retrieve-version.json", 1, 1, "", fault.NotFound},
		{"versions-redact.json", 3, 5, "", fault.NotFound},
	} {
		t.Run(fmt.Sprintf("%s %d", c.file, c.n), func(t *testing.T) {
			b := newBench(t)
			x := recorded(t, all, c.file, c.n)
			name := x.Request.Path[strings.LastIndex(x.Request.Path, "/")+1:]
			b.inject(replaying("GET /api/v4/secrets/", x))
			var value secret.Value
			var err error
			if c.version == 0 {
				got, readErr := b.vault.Read(t.Context(), "staging", []string{name})
				value, err = got[name].Value, readErr
			} else {
				got, readErr := b.vault.ReadVersion(t.Context(), "staging", name, c.version)
				value, err = got.Value, readErr
			}
			switch {
			case c.reason != "" && !fault.Is(err, c.reason):
				t.Errorf("got %v, want %s", err, c.reason)
			case c.reason == "" && (err != nil || value.Reveal() != c.value):
				t.Errorf("got %v, or another value", err)
			}
		})
	}
}

// What the real server answered to an update, while ours did or did not write.
func TestRecordedUpdates(t *testing.T) {
	all := captures(t)
	for _, c := range []struct {
		file   string
		n      int
		reason fault.Reason
	}{
		{"secret-update-v4.json", 0, fault.NotWritten}, // an echo, of another entry at that
		{"secret-update-missing.json", 0, fault.NotFound},
		{"secret-update-missing.json", 1, fault.NotFound},
		{"batch-update.json", 0, fault.NotWritten},
		{"batch-update-one-missing.json", 0, fault.NotFound},
		{"permission-denied.json", 2, fault.Forbidden},
		{"permission-scoped-privilege.json", 2, fault.Forbidden},
		{"server-database-down.json", 1, fault.ServerError},
		{"validation-error.json", 0, fault.Invalid},
		{"rename-clash.json", 1, fault.Invalid},
	} {
		t.Run(fmt.Sprintf("%s %d", c.file, c.n), func(t *testing.T) {
			b := newBench(t)
			b.inject(replaying("PATCH ", recorded(t, all, c.file, c.n)))
			if _, err := writeOne(t.Context(), t, b); !fault.Is(err, c.reason) {
				t.Errorf("got %v, want %s", err, c.reason)
			}
		})
	}
}

func TestRecordedLogins(t *testing.T) {
	all := captures(t)
	for file, refusal := range map[string]bool{"auth-login.json": false, "auth-login-refused.json": true} {
		b := newBench(t)
		b.inject(replaying(loginRoute, recorded(t, all, file, 0)))
		err := b.read(t.Context())
		sticky := b.read(t.Context())
		if refusal && (!fault.Is(err, fault.Unauthorized) || b.count(loginRoute) != 1) {
			t.Errorf("%s: got %v after %d logins", file, err, b.count(loginRoute))
		}
		// The recorded token is a placeholder that the local server refuses.
		if !refusal && (!fault.Is(sticky, fault.Unauthorized) || fault.Of(err).Status != http.StatusForbidden) {
			t.Errorf("%s: got %v, want the token refused, not the login", file, err)
		}
	}
	b := newBench(t)
	b.inject(replaying(loginRoute, recorded(t, all, "auth-lockout.json", 4)))
	if err := b.read(t.Context()); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("lockout: got %v", err)
	}
}

func TestRecordedList(t *testing.T) {
	b := newBench(t)
	b.inject(replaying("GET /api/v4/secrets", recorded(t, captures(t), "secret-list-etag.json", 2)))
	got, err := b.vault.All(t.Context(), "staging")
	if err != nil || len(got) == 0 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	for _, e := range got {
		if e.ID == "" || e.Version == 0 || e.Name == "" {
			t.Errorf("%q: version %d", e.Name, e.Version)
		}
	}
}

// The local server stands in for the real one in all other tests, so its
// answers must have the recorded members and kinds.
func TestTheLocalServerAnswersAsRecorded(t *testing.T) {
	all := captures(t)
	b := newBench(t)
	b.put(staging, "FAL_KEY", "value-one")
	b.put(staging, "FAL_KEY", "value-two")
	b.put(shared, "IMPORTED_KEY", "imp-1")
	b.set(func() {
		b.imports[production] = shared
		b.folders[staging]["UNRELATED"].metadata = []any{map[string]any{"key": "k", "value": "v", "isEncrypted": false}}
	})
	token := b.login(t)
	place := func(p infisical.Place, more ...string) url.Values {
		q := url.Values{"projectId": {projectID}, "workspaceId": {projectID}, "environment": {p.Environment}, "secretPath": {p.Path}}
		for i := 0; i < len(more); i += 2 {
			q.Set(more[i], more[i+1])
		}
		return q
	}
	patch := func(more ...any) map[string]any {
		m := map[string]any{"projectId": projectID, "environment": "staging", "secretPath": "/", "secretValue": "v4-value"}
		for i := 0; i < len(more); i += 2 {
			m[more[i].(string)] = more[i+1]
		}
		return m
	}
	item := func(name string) map[string]any { return map[string]any{"secretKey": name, "secretValue": "new"} }
	for _, c := range []struct {
		file         string
		n            int
		method, path string
		query        url.Values
		body         any
		token        string
	}{
		{"auth-login.json", 0, "POST", "/api/v1/auth/universal-auth/login", nil, map[string]any{"clientId": clientID, "clientSecret": clientSecret}, ""},
		{"auth-login-refused.json", 0, "POST", "/api/v1/auth/universal-auth/login", nil, map[string]any{"clientId": clientID, "clientSecret": "wrong"}, ""},
		{"auth-token-bad-or-absent.json", 0, "GET", "/api/v3/secrets/raw/FAL_KEY", place(staging), nil, "malformed"},
		{"auth-token-bad-or-absent.json", 1, "GET", "/api/v4/secrets/FAL_KEY", place(staging), nil, ""},
		{"secret-retrieve.json", 0, "GET", "/api/v3/secrets/raw/FAL_KEY", place(staging), nil, token},
		{"secret-retrieve.json", 1, "GET", "/api/v4/secrets/FAL_KEY", place(staging), nil, token},
		{"secret-retrieve-missing.json", 0, "GET", "/api/v3/secrets/raw/NOT_THERE", place(staging), nil, token},
		{"secret-retrieve-missing.json", 3, "GET", "/api/v4/secrets", place(infisical.Place{Environment: "staging", Path: "/nope"}), nil, token},
		{"secret-retrieve-hidden.json", 0, "GET", "/api/v4/secrets/FAL_KEY", place(staging, "viewSecretValue", "false"), nil, token},
		{"secret-retrieve-version.json", 0, "GET", "/api/v3/secrets/raw/FAL_KEY", place(staging, "version", "1"), nil, token},
		{"secret-retrieve-version.json", 1, "GET", "/api/v3/secrets/raw/FAL_KEY", place(staging, "version", "99"), nil, token},
		{"secret-import-defaults.json", 0, "GET", "/api/v3/secrets/raw/IMPORTED_KEY", place(production), nil, token},
		{"secret-import-defaults.json", 2, "GET", "/api/v4/secrets/IMPORTED_KEY", place(production, "includeImports", "false"), nil, token},
		{"secret-import-defaults.json", 3, "GET", "/api/v4/secrets/IMPORTED_KEY", place(production, "include_imports", "false"), nil, token},
		{"secret-list-etag.json", 2, "GET", "/api/v4/secrets", place(staging), nil, token},
		{"secret-update-v4.json", 0, "PATCH", "/api/v4/secrets/FAL_KEY", nil, patch(), token},
		{"batch-update.json", 0, "PATCH", "/api/v4/secrets/batch", nil, patch("secrets", []any{item("R2_ACCESS_KEY_ID"), item("R2_SECRET_ACCESS_KEY")}), token},
		{"batch-update-one-missing.json", 0, "PATCH", "/api/v4/secrets/batch", nil, patch("secrets", []any{item("R2_ACCESS_KEY_ID"), item("ABSENT_KEY")}), token},
		{"validation-error.json", 0, "PATCH", "/api/v4/secrets/FAL_KEY", nil, map[string]any{"environment": "staging"}, token},
	} {
		x := recorded(t, all, c.file, c.n)
		status, got := b.raw(t, c.method, c.path+"?"+c.query.Encode(), c.token, c.body)
		if status != x.Response.Status {
			t.Errorf("%s %d: status %d, recorded %d", c.file, c.n, status, x.Response.Status)
		}
		if diff := cmp.Diff(shape(t, x.Response.Body), shape(t, got)); diff != "" {
			t.Errorf("%s %d: members (-recorded +local):\n%s", c.file, c.n, diff)
		}
	}
}

// shape lists the members of an answer with their kinds, those of an array's
// elements together, issues of a validation apart: their set is open.
func shape(t *testing.T, body []byte) []string {
	t.Helper()
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		t.Fatal(err)
	}
	var members []string
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for name, inner := range v {
				walk(path+"."+name, inner)
			}
		case []any:
			members = append(members, path+" array")
			for _, inner := range v {
				if path != ".message" {
					walk(path+"[]", inner)
				}
			}
		default:
			members = append(members, fmt.Sprintf("%s %T", path, v))
		}
	}
	walk("", v)
	slices.Sort(members)
	return slices.Compact(members)
}

// raw makes a request as it is.
func (b *bench) raw(t *testing.T, method, target, token string, body any) (int, []byte) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, b.URL+target, strings.NewReader(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := b.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	var raw json.RawMessage
	if err := json.NewDecoder(resp.Body).Decode(&raw); err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return resp.StatusCode, raw
}

func (b *bench) login(t *testing.T) string {
	t.Helper()
	_, body := b.raw(t, http.MethodPost, "/api/v1/auth/universal-auth/login", "", map[string]any{"clientId": clientID, "clientSecret": clientSecret})
	var got struct{ AccessToken string }
	if err := json.Unmarshal(body, &got); err != nil || got.AccessToken == "" {
		t.Fatalf("no token: %v", err)
	}
	return got.AccessToken
}
