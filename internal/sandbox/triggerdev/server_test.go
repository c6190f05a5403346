package triggerdev

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

const ref = "proj_shop"

type bench struct {
	*testing.T
	s     *Server
	token string
}

func newBench(t *testing.T, o Options) bench {
	s := New(o)
	s.AddProject(ref, time.Now(), "staging", "prod")
	return bench{t, s, s.AddToken(true)}
}

// do asks and returns the status and the body as text.
func (b bench) do(method, path, with string) (int, string) {
	b.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(`{}`))
	r.Header.Set("Authorization", "Bearer "+with)
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	if !json.Valid(w.Body.Bytes()) {
		b.Fatalf("%s %s: not JSON", method, path)
	}
	return w.Code, string(bytes.TrimSpace(w.Body.Bytes()))
}

const (
	staging = "/api/v1/projects/" + ref + "/staging"
	prod    = "/api/v1/projects/" + ref + "/prod"
)

func TestWhoMayWhat(t *testing.T) {
	b := newBench(t, Options{})
	own := b.s.Create(Order{Project: ref, Environment: "staging", Name: "shop"})
	narrow := b.s.Create(Order{Project: ref, Environment: "staging", Name: "starts", StartsOnly: true})
	reader, root := b.s.AddToken(false), func() string { k, _ := b.s.Root(ref, "staging"); return k.Value }()
	for name, c := range map[string]struct {
		method, path, with string
		status             int
	}{
		"an own key":                  {"GET", staging, own.Value, 200},
		"a root key":                  {"GET", staging, root, 200},
		"a narrow key":                {"GET", staging, narrow.Value, 200},
		"elsewhere":                   {"GET", prod, own.Value, 400},
		"in another project":          {"GET", "/api/v1/projects/proj_other/staging", own.Value, 400},
		"nobody's":                    {"GET", staging, "tr_stg_sk_" + strings.Repeat("0", 24), 401},
		"a person":                    {"GET", staging, b.token, 200},
		"a person in another project": {"GET", "/api/v1/projects/proj_other/staging", b.token, 404},
		"no person":                   {"GET", staging, "tr_pat_0", 401},
		"the list":                    {"GET", "/api/v1/projects/" + ref + "/environments", b.token, 200},
		"the list with a key":         {"GET", "/api/v1/projects/" + ref + "/environments", own.Value, 401},
		"runs":                        {"GET", "/api/v1/runs?page[size]=10", own.Value, 200},
		"a page too small":            {"GET", "/api/v1/runs?page[size]=1", own.Value, 400},
		"runs with a narrow key":      {"GET", "/api/v1/runs?page[size]=10", narrow.Value, 403},
		"a task":                      {"POST", "/api/v1/tasks/resize/trigger", narrow.Value, 200},
		"a task with nobody's":        {"POST", "/api/v1/tasks/resize/trigger", "tr_stg_0", 401},
		"regenerating with a key":     {"POST", staging + "/regenerate-api-key", root, 401},
		"regenerating without right":  {"POST", staging + "/regenerate-api-key", reader, 403},
		"by another method":           {"GET", staging + "/regenerate-api-key", b.token, 404},
		"regenerating nowhere":        {"POST", "/api/v1/projects/" + ref + "/preview/regenerate-api-key", b.token, 404},
		"no route makes keys":         {"POST", "/api/v1/projects/" + ref + "/staging/api-keys", b.token, 404},
		"ending a grace":              {"POST", "/admin/api/v1/revoked-api-keys/1", b.token, 403},
		"whoami with a narrow key":    {"GET", "/api/v1/whoami", narrow.Value, 403},
		"whoami with an own key":      {"GET", "/api/v1/whoami", own.Value, 401},
	} {
		if status, _ := b.do(c.method, c.path, c.with); status != c.status {
			t.Errorf("%s: %d, want %d", name, status, c.status)
		}
	}
	if b.s.Refused() != 1 {
		t.Errorf("%d tasks were refused", b.s.Refused())
	}
}

// TestAdditional: made and revoked by people, and dead at once.
func TestAdditional(t *testing.T) {
	b := newBench(t, Options{})
	k := b.s.Create(Order{Project: ref, Environment: "prod", Name: "shop"})
	if !strings.HasPrefix(k.Value, "tr_prod_sk_") || len(k.Value) != len("tr_prod_sk_")+24 {
		t.Errorf("a key has %d characters", len(k.Value))
	}
	if !b.s.Revoke(k.ID) || b.s.Revoke(k.ID) {
		t.Error("a key is revoked once")
	}
	if status, said := b.do("GET", prod, k.Value); status != 401 || said != `{"error":"Invalid API key"}` {
		t.Errorf("%d %s", status, said)
	}
	root, _ := b.s.Root(ref, "prod")
	if b.s.Revoke(root.ID) {
		t.Error("a root key was revoked")
	}
}

// TestGrace: regenerating leaves the old root key alive for its time, told its
// successor by whoami, and replaces the public key; another regeneration leaves
// two.
func TestGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		old, _ := b.s.Root(ref, "prod")
		public := b.s.Public(ref, "prod")
		var told []Write
		b.s.OnWrite(func(w Write) { told = append(told, w) })
		_, said := b.do("POST", prod+"/regenerate-api-key", b.token)
		now, _ := b.s.Root(ref, "prod")
		if said != fmt.Sprintf(`{"apiKey":%q}`, now.Value) || now.Value == old.Value || len(now.Value) != len("tr_prod_")+24 || b.s.Public(ref, "prod") == public {
			t.Error("nothing was regenerated")
		}
		if _, said := b.do("GET", "/api/v1/whoami", old.Value); !strings.Contains(said, now.Value) {
			t.Error("the old key is not told the new one")
		}
		if _, said := b.do("GET", prod, b.token); !strings.Contains(said, now.Value) {
			t.Error("the present key cannot be read back")
		}
		<-time.After(12 * time.Hour)
		b.do("POST", prod+"/regenerate-api-key", b.token)
		<-time.After(12*time.Hour - time.Second)
		for _, k := range []Key{old, now} {
			if status, _ := b.do("GET", prod, k.Value); status != 200 {
				t.Errorf("%d within the grace", status)
			}
		}
		<-time.After(time.Second)
		if status, _ := b.do("GET", prod, old.Value); status != 401 {
			t.Errorf("%d after the grace", status)
		}
		if status, _ := b.do("GET", prod, now.Value); status != 200 {
			t.Errorf("%d: the second has its own time", status)
		}
		if len(told) != 2 || told[0].Old.ID != old.ID || told[0].New.ID != now.ID {
			t.Errorf("told of %d regenerations", len(told))
		}
	})
}

func TestOldServerAndRate(t *testing.T) {
	b := newBench(t, Options{Old: true})
	if status, _ := b.do("POST", prod+"/regenerate-api-key", b.token); status != 404 {
		t.Errorf("%d", status)
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Rate: 60})
		for range 60 {
			b.do("GET", prod, b.token)
		}
		if status, _ := b.do("GET", prod, b.token); status != 429 {
			t.Errorf("%d, want 429", status)
		}
		<-time.After(time.Second)
		if status, _ := b.do("GET", prod, b.token); status != 200 {
			t.Errorf("%d after the pause", status)
		}
	})
}

// TestRunsOfAProject: one environment at a time, by the name it is stored under
// (staging is stg).
func TestRunsOfAProject(t *testing.T) {
	b := newBench(t, Options{})
	root, _ := b.s.Root(ref, "staging")
	_, started := b.do("POST", "/api/v1/tasks/resize/trigger", root.Value)
	var run struct{ ID string }
	if err := json.Unmarshal([]byte(started), &run); err != nil || run.ID == "" {
		t.Fatalf("%s, %v", started, err)
	}
	if status, _ := b.do("GET", "/api/v3/runs/"+run.ID, root.Value); status != 200 {
		t.Errorf("%d", status)
	}
	other, _ := b.s.Root(ref, "prod")
	if status, _ := b.do("GET", "/api/v3/runs/"+run.ID, other.Value); status != 404 {
		t.Errorf("%d in another environment", status)
	}
	for env, listed := range map[string]bool{"stg": true, "staging": false, "prod": false, "": false} {
		if _, said := b.do("GET", "/api/v1/projects/"+ref+"/runs?filter[env]="+env, b.token); strings.Contains(said, run.ID) != listed {
			t.Errorf("%q lists %s", env, said)
		}
	}
}
