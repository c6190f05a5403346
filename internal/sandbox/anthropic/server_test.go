package anthropic_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox/anthropic"
)

// desk is a server with one who asks it.
type desk struct {
	*testing.T
	*anthropic.Server
	url string
}

func open(t *testing.T, o anthropic.Options) desk {
	t.Helper()
	s := anthropic.New(o)
	h := httptest.NewServer(s.Handler())
	t.Cleanup(h.Close)
	return desk{t, s, h.URL}
}

// ask makes one request and returns status and body.
func (d desk) ask(key, call, body string, header ...string) (int, map[string]any) {
	d.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	req.Header.Set("anthropic-version", anthropic.Version)
	req.Header.Set("x-api-key", key)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		d.Fatal(err)
	}
	var out map[string]any
	if err := json.Unmarshal(text, &out); err != nil {
		d.Fatalf("%s: %s", call, text)
	}
	return res.StatusCode, out
}

const hello = `{"model":"claude-sandbox-1","max_tokens":4,"messages":[{"role":"user","content":"hi"}]}`

// TestWhoMayWhat: each kind of key works where it should and nowhere else, and
// every refusal has the documented shape.
func TestWhoMayWhat(t *testing.T) {
	d := open(t, anthropic.Options{})
	one := d.Create(anthropic.Order{Name: "one", Workspace: "wrkspc_01A", Account: "svac_01A"})
	many := d.Create(anthropic.Order{Name: "many", Account: "svac_01A"})
	off := d.Create(anthropic.Order{Name: "off", Workspace: "wrkspc_01A"})
	d.Set(off.ID, anthropic.Inactive)
	over := d.Create(anthropic.Order{Name: "over", Workspace: "wrkspc_01A", Expires: time.Now().Add(-time.Minute)})
	for name, c := range map[string]struct {
		key, call, body string
		header          []string
		status          int
		kind            string
	}{
		"an ordinary key writes":           {one.Value, "POST /v1/messages", hello, nil, 200, "message"},
		"and lists models":                 {one.Value, "GET /v1/models?limit=1", "", nil, 200, ""},
		"and administers nothing":          {one.Value, "GET /v1/organizations/api_keys", "", nil, 403, "permission_error"},
		"one of all needs a workspace":     {many.Value, "POST /v1/messages", hello, nil, 400, "invalid_request_error"},
		"and takes a named one":            {many.Value, "POST /v1/messages", hello, []string{"anthropic-workspace-id", "wrkspc_01A"}, 200, "message"},
		"inactive":                         {off.Value, "GET /v1/models", "", nil, 401, "authentication_error"},
		"expired":                          {over.Value, "GET /v1/models", "", nil, 401, "authentication_error"},
		"never issued":                     {"sk-ant-api03-nobody", "GET /v1/models", "", nil, 401, "authentication_error"},
		"the admin key is none for models": {d.AdminKey(), "GET /v1/models", "", nil, 401, "authentication_error"},
		"who am I":                         {d.AdminKey(), "GET /v1/organizations/me", "", nil, 200, "organization"},
		"no version":                       {one.Value, "GET /v1/models", "", []string{"anthropic-version", ""}, 400, "invalid_request_error"},
		"nobody creates":                   {d.AdminKey(), "POST /v1/organizations/api_keys", `{"name":"x"}`, nil, 405, ""},
		"nobody deletes":                   {d.AdminKey(), "DELETE /v1/organizations/api_keys/" + one.ID, "", nil, 405, ""},
		"another state":                    {d.AdminKey(), "POST /v1/organizations/api_keys/" + one.ID, `{"status":"expired"}`, nil, 400, "invalid_request_error"},
		"no such key":                      {d.AdminKey(), "GET /v1/organizations/api_keys/apikey_none", "", nil, 404, "not_found_error"},
	} {
		t.Run(name, func(t *testing.T) {
			d := desk{t, d.Server, d.url}
			if c.status == http.StatusMethodNotAllowed {
				if got := d.status(c.key, c.call, c.body); got != http.StatusMethodNotAllowed && got != http.StatusNotFound {
					t.Errorf("status %d", got)
				}
				return
			}
			status, got := d.ask(c.key, c.call, c.body, c.header...)
			kind, _ := got["type"].(string)
			if e, refused := got["error"].(map[string]any); refused {
				kind, _ = e["type"].(string)
				if got["type"] != "error" || got["request_id"] == "" {
					t.Errorf("the refusal has another shape: %v", got)
				}
			}
			if status != c.status || kind != c.kind {
				t.Errorf("%d %q, want %d %q", status, kind, c.status, c.kind)
			}
		})
	}
}

func (d desk) status(key, call, body string) int {
	d.Helper()
	method, path, _ := strings.Cut(call, " ")
	req, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	req.Header.Set("anthropic-version", anthropic.Version)
	req.Header.Set("x-api-key", key)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		d.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode
}

// TestList: pages of what was asked for, archived keys included, the value
// never, and no last use.
func TestList(t *testing.T) {
	d := open(t, anthropic.Options{MaxPage: 2})
	var made []string
	for range 5 {
		made = append(made, d.Create(anthropic.Order{Name: "same", Workspace: "wrkspc_01A", User: "user_01Ann"}).ID)
	}
	d.Set(made[0], anthropic.Archived)
	var seen []string
	path := "/v1/organizations/api_keys?limit=100"
	for range 5 {
		_, page := d.ask(d.AdminKey(), "GET "+path, "")
		for _, k := range page["data"].([]any) {
			k := k.(map[string]any)
			seen = append(seen, k["id"].(string))
			if _, told := k["last_used_at"]; told || k["value"] != nil {
				t.Errorf("it tells too much: %v", k)
			}
			if full, _ := d.Key(k["id"].(string)); !strings.HasPrefix(full.Value, strings.Split(k["partial_key_hint"].(string), "...")[0]) {
				t.Errorf("the hint %v is of another key", k["partial_key_hint"])
			}
		}
		if page["has_more"] != true {
			break
		}
		path = "/v1/organizations/api_keys?limit=100&after_id=" + page["last_id"].(string)
	}
	slices.Reverse(seen)
	if !slices.Equal(seen, made) {
		t.Errorf("listed %v, made %v", seen, made)
	}
	_, gone := d.ask(d.AdminKey(), "GET /v1/organizations/api_keys?status=archived", "")
	if n := len(gone["data"].([]any)); n != 1 {
		t.Errorf("%d archived", n)
	}
}

// TestLife: off, on, archived; what is archived stays so.
func TestLife(t *testing.T) {
	d := open(t, anthropic.Options{})
	var told []anthropic.Status
	d.OnWrite(func(w anthropic.Write) { told = append(told, w.Status) })
	k := d.Create(anthropic.Order{Name: "one", Workspace: "wrkspc_01A"})
	for _, step := range []struct {
		status string
		want   int
		models int
	}{{"inactive", 200, 401}, {"inactive", 200, 401}, {"active", 200, 200}, {"archived", 200, 401}, {"active", 400, 401}, {"archived", 400, 401}} {
		status, _ := d.ask(d.AdminKey(), "POST /v1/organizations/api_keys/"+k.ID, `{"status":"`+step.status+`"}`)
		models, _ := d.ask(k.Value, "GET /v1/models", "")
		if status != step.want || models != step.models {
			t.Errorf("%s: %d and then %d, want %d and %d", step.status, status, models, step.want, step.models)
		}
	}
	if len(told) != 4 {
		t.Errorf("told of %v", told)
	}
}

// TestUsageTellsByKey: the minutes in which a key was used, and no others.
func TestUsageTellsByKey(t *testing.T) {
	d := open(t, anthropic.Options{})
	used, idle := d.Create(anthropic.Order{Name: "a", Workspace: "wrkspc_01A"}), d.Create(anthropic.Order{Name: "b", Workspace: "wrkspc_01A"})
	d.ask(used.Value, "POST /v1/messages", hello)
	for key, want := range map[string]int{used.ID: 1, idle.ID: 0} {
		now := time.Now().UTC()
		_, report := d.ask(d.AdminKey(), "GET /v1/organizations/usage_report/messages?bucket_width=1m&group_by[]=api_key_id&api_key_ids[]="+key+
			"&starting_at="+now.Add(-5*time.Minute).Format(time.RFC3339)+"&ending_at="+now.Add(2*time.Minute).Format(time.RFC3339), "")
		n := 0
		for _, b := range report["data"].([]any) {
			n += len(b.(map[string]any)["results"].([]any))
		}
		if n != want {
			t.Errorf("%s: %d results, want %d: %v", key, n, want, report)
		}
	}
}

// TestAdminRate: too many questions at once are refused with a time to wait.
func TestAdminRate(t *testing.T) {
	d := open(t, anthropic.Options{AdminRate: 1})
	refused := 0
	for range 12 {
		if status, _ := d.ask(d.AdminKey(), "GET /v1/organizations/me", ""); status == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused == 0 {
		t.Error("none was refused")
	}
}
