package supabase

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

const ref = "abcdefghijklmnopqrst"

type bench struct {
	*testing.T
	s     *Server
	token string
	old   Key
}

func newBench(t *testing.T, o Options) *bench {
	s := New(o)
	s.AddProject(ref)
	return &bench{t, s, s.AddToken(ReadKeys, WriteKeys, ReadLogs), s.Seed(ref, Secret, "shop", time.Now().Add(-time.Hour))}
}

// do makes a request; header is name, value and so on.
func (b *bench) do(method, path, body string, header ...string) (int, http.Header, string) {
	b.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	return w.Code, w.Header(), w.Body.String()
}

func (b *bench) manage(method, path, body string) (int, string) {
	b.Helper()
	status, _, text := b.do(method, "/v1/projects/"+ref+path, body, "Authorization", "Bearer "+b.token)
	return status, text
}

func (b *bench) root(header ...string) (int, string) {
	b.Helper()
	status, _, text := b.do("GET", "/"+ref+"/rest/v1/", "", header...)
	return status, text
}

func (b *bench) made(name string) Key {
	b.Helper()
	status, text := b.manage("POST", "/api-keys?reveal=true", `{"type":"secret","name":"`+name+`"}`)
	var k struct {
		ID    string
		Value string `json:"api_key"`
	}
	if err := json.Unmarshal([]byte(text), &k); err != nil || status != http.StatusCreated {
		b.Fatalf("creating: %d, %v", status, err)
	}
	return Key{ID: k.ID, Value: k.Value}
}

func TestLifeOfAKey(t *testing.T) {
	b := newBench(t, Options{})
	var wrote []Act
	b.s.OnWrite(func(w Write) { wrote = append(wrote, w.Act) })
	k := b.made("shop")
	for _, v := range []string{k.Value, b.old.Value} {
		if status, _ := b.root("apikey", v); status != http.StatusOK {
			t.Errorf("a living key: %d", status)
		}
	}
	if _, text := b.manage("GET", "/api-keys", ""); strings.Contains(text, k.Value) || strings.Count(text, `"type":"secret"`) != 2 || strings.Count(text, `"type":"legacy"`) != 2 {
		t.Errorf("the list: %s", text)
	}
	if status, _ := b.manage("DELETE", "/api-keys/"+b.old.ID, ""); status != http.StatusOK {
		t.Errorf("deleting: %d", status)
	}
	if status, _ := b.manage("DELETE", "/api-keys/"+b.old.ID, ""); status != http.StatusNotFound {
		t.Errorf("deleting again: %d", status)
	}
	if status, text := b.root("apikey", b.old.Value); status != http.StatusUnauthorized || !strings.Contains(text, "Invalid API key") {
		t.Errorf("a dead key: %d %s", status, text)
	}
	if len(wrote) != 2 || wrote[0] != Created || wrote[1] != Deleted {
		t.Errorf("wrote %v", wrote)
	}
}

func TestNames(t *testing.T) {
	b := newBench(t, Options{})
	for _, name := range []string{"Shop", "my-shop", "1shop", "abc", strings.Repeat("a", 65)} {
		if status, _ := b.manage("POST", "/api-keys", `{"type":"secret","name":"`+name+`"}`); status != http.StatusBadRequest {
			t.Errorf("%s: %d", name, status)
		}
	}
}

func TestTheGateTakesSecretKeysInApikeyAlone(t *testing.T) {
	b := newBench(t, Options{})
	for why, header := range map[string][]string{
		"Invalid JWT": {"apikey", b.old.Value, "Authorization", "Bearer " + b.old.Value},
		"in browser":  {"apikey", b.old.Value, "User-Agent", "Mozilla/5.0"},
		"Invalid API": {"Authorization", "Bearer " + b.old.Value},
	} {
		if status, text := b.root(header...); status != http.StatusUnauthorized || !strings.Contains(text, why) {
			t.Errorf("%s: %d %s", why, status, text)
		}
	}
}

func TestLegacyKeysLiveAndDieTogether(t *testing.T) {
	b := newBench(t, Options{})
	for _, on := range []bool{true, false, true} {
		if !on {
			b.manage("PUT", "/api-keys/legacy?enabled=false", "")
		} else {
			b.manage("PUT", "/api-keys/legacy?enabled=true", "")
		}
		for _, role := range []string{"anon", "service_role"} {
			if status, _ := b.root("apikey", b.s.LegacyKey(ref, role)); (status == http.StatusOK) != on {
				t.Errorf("%s while on is %t: %d", role, on, status)
			}
		}
	}
	if status, _ := b.root("apikey", b.old.Value); status != http.StatusOK {
		t.Error("the switch is none of a secret key's")
	}
}

func TestPermissions(t *testing.T) {
	b := newBench(t, Options{})
	b.token = b.s.AddToken(ReadKeys)
	if status, text := b.manage("POST", "/api-keys", `{"type":"secret","name":"shop"}`); status != http.StatusForbidden || !strings.Contains(text, `"missing_permissions":["`+WriteKeys+`"]`) {
		t.Errorf("%d %s", status, text)
	}
	b.token = "sbp_nobody"
	if status, _ := b.manage("GET", "/api-keys", ""); status != http.StatusUnauthorized {
		t.Errorf("nobody's token: %d", status)
	}
}

func TestRate(t *testing.T) {
	b := newBench(t, Options{Rate: 2})
	for range 2 {
		if status, _ := b.manage("GET", "/api-keys", ""); status != http.StatusOK {
			t.Fatal(status)
		}
	}
	status, header, _ := b.do("GET", "/v1/projects/"+ref+"/api-keys", "", "Authorization", "Bearer "+b.token)
	if status != http.StatusTooManyRequests || header.Get("X-RateLimit-Reset") == "" {
		t.Errorf("%d, reset in %q", status, header.Get("X-RateLimit-Reset"))
	}
}

// TestSpread: the gateways learn late, of new keys and of deleted ones.
func TestSpread(t *testing.T) {
	b := newBench(t, Options{Spread: time.Hour})
	b.s.Seed(ref, Secret, "older", time.Now().Add(-2*time.Hour))
	older := b.s.Keys()[1]
	if status, _ := b.root("apikey", b.made("shop").Value); status != http.StatusUnauthorized {
		t.Errorf("a key that is not spread: %d", status)
	}
	b.s.End(older.ID)
	if status, _ := b.root("apikey", older.Value); status != http.StatusOK {
		t.Errorf("a key whose end is not spread: %d", status)
	}
}

func TestLogs(t *testing.T) {
	b := newBench(t, Options{})
	b.root("apikey", b.old.Value)
	b.root("apikey", b.old.Value, "User-Agent", "Mozilla/5.0") // refused, and logged
	b.root("apikey", b.s.LegacyKey(ref, "anon"))
	ask := func(sql string, back time.Duration) string {
		now := time.Now().UTC().Truncate(time.Second).Add(time.Second)
		q := url.Values{"sql": {sql}, "iso_timestamp_start": {now.Add(-back).Format(time.RFC3339)}, "iso_timestamp_end": {now.Format(time.RFC3339)}}
		_, text := b.manage("GET", "/analytics/endpoints/logs?"+q.Encode(), "")
		return text
	}
	const count = "select count(*) as requests, toString(max(timestamp)) as last from logs where "
	for sql, want := range map[string]string{
		"select source from logs limit 1":      `"edge_logs"`,
		"select source_name from logs limit 1": `"error"`,
		count + "source = 'edge_logs' and log_attributes['request.sb.apikey.apikey.prefix'] = '" + b.old.Prefix() + "'":         `"requests":2`,
		count + "source = 'edge_logs' and log_attributes['request.sb.jwt.apikey.payload.role'] in ('anon', 'service_role')":     `"requests":1`,
		count + "source_name = 'edge_logs' and log_attributes['request.sb.jwt.apikey.payload.role'] in ('anon','service_role')": `"error"`,
	} {
		if text := ask(sql, time.Hour); !strings.Contains(text, want) {
			t.Errorf("%s: %s", sql, text)
		}
	}
	if text := ask("select source from logs limit 1", 25*time.Hour); !strings.Contains(text, "24 hours") {
		t.Errorf("more than a day: %s", text)
	}
}
