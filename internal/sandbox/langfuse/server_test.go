package langfuse

import (
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

type bench struct {
	*testing.T
	s *Server
}

func (b bench) do(method, path, public, secret, body string) (int, map[string]any) {
	b.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if secret != "" {
		r.SetBasicAuth(public, secret)
	}
	w := httptest.NewRecorder()
	b.s.Handler().ServeHTTP(w, r)
	m := map[string]any{}
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		b.Fatalf("%s %s: not JSON: %v", method, path, err)
	}
	return w.Code, m
}

// admin asks with the organisation's pair.
func (b bench) admin(method, path, body string) (int, map[string]any) {
	b.Helper()
	return b.do(method, path, b.s.public, b.s.priv, body)
}

// probe asks with a pair whose project it is.
func (b bench) probe(k Key) int {
	b.Helper()
	status, _ := b.do("GET", "/api/public/projects", k.Public, k.Secret, "")
	return status
}

const keys = "/api/public/projects/p1/apiKeys"

func newBench(t *testing.T, o Options) bench { return bench{t, New(o, "p1", "p2")} }

func TestKinds(t *testing.T) {
	b := newBench(t, Options{})
	k := b.s.Create("p1", "shop")
	for name, c := range map[string]struct {
		method, path, public, secret string
		want                         int
	}{
		"a pair's own project":         {"GET", "/api/public/projects", k.Public, k.Secret, 200},
		"any public key":               {"GET", "/api/public/projects", "pk-lf-other", k.Secret, 200},
		"nobody's":                     {"GET", "/api/public/projects", k.Public, "sk-lf-other", 401},
		"no pair":                      {"GET", "/api/public/projects", "", "", 401},
		"the organisation's there":     {"GET", "/api/public/projects", b.s.public, b.s.priv, 403},
		"a project's for keys":         {"GET", keys, k.Public, k.Secret, 403},
		"nobody's for keys":            {"GET", keys, k.Public, "sk-lf-other", 401},
		"the organisation's":           {"GET", keys, b.s.public, b.s.priv, 200},
		"of another organisation":      {"GET", "/api/public/projects/p9/apiKeys", b.s.public, b.s.priv, 404},
		"a key that is not there":      {"DELETE", keys + "/cm1", b.s.public, b.s.priv, 404},
		"a key of another project":     {"DELETE", "/api/public/projects/p2/apiKeys/" + k.ID, b.s.public, b.s.priv, 404},
		"health, for anybody":          {"GET", "/api/public/health", "", "", 200},
		"looking up one is not served": {"GET", keys + "/" + k.ID, b.s.public, b.s.priv, 404},
	} {
		if status, _ := b.do(c.method, c.path, c.public, c.secret, ""); status != c.want && !(c.want == 404 && status == 405) {
			t.Errorf("%s: %d, want %d", name, status, c.want)
		}
	}
}

func TestLife(t *testing.T) {
	b := newBench(t, Options{})
	status, made := b.admin("POST", keys, `{"note":"rk_1"}`)
	k, known := b.s.Key(made["publicKey"].(string))
	if status != 201 || !known || made["secretKey"] != k.Secret || k.Project != "p1" || b.probe(k) != 200 {
		t.Fatalf("made %v, %d", known, status)
	}
	_, page := b.admin("GET", keys, "")
	list := page["apiKeys"].([]any)
	first := list[0].(map[string]any)
	if len(list) != 1 || first["note"] != "rk_1" || first["secretKey"] != nil || first["lastUsedAt"] != nil {
		t.Errorf("listed: %v", list)
	}
	if status, _ := b.admin("DELETE", keys+"/"+k.ID, ""); status != 200 || b.probe(k) != 401 {
		t.Errorf("deleted with %d", status)
	}
	if _, page := b.admin("GET", keys, ""); len(page["apiKeys"].([]any)) != 0 {
		t.Error("it is still listed")
	}
}

// TestMemory: what was looked up is remembered, found or not, for as long as
// somebody asks.
func TestMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{})
		k := b.s.Create("p1", "shop")
		b.s.Halfway(func(k Key) { b.probe(k) })
		b.s.End(k.Public)
		for range 10 {
			<-time.After(DefaultMemory - time.Second)
			if b.probe(k) != 200 {
				t.Fatal("a dead pair that is asked about stays alive")
			}
		}
		<-time.After(DefaultMemory)
		if b.s.Accepts(k.Public) || b.probe(k) != 401 {
			t.Error("left alone, it dies")
		}
		early := Key{Public: "pk-lf-x", Secret: "sk-lf-chosen"}
		b.probe(early)
		b.s.keys = append(b.s.keys, &Key{ID: "cm9", Public: early.Public, Secret: early.Secret, Project: "p1"})
		if b.probe(early) != 401 {
			t.Error("a pair that was asked about too early is not known yet")
		}
		<-time.After(DefaultMemory)
		if b.probe(early) != 200 {
			t.Error("and is known later")
		}
	})
}

func TestPlanAndRate(t *testing.T) {
	b := newBench(t, Options{NoAPI: true})
	if status, said := b.admin("GET", keys, ""); status != 403 || !strings.Contains(said["message"].(string), "current plan") {
		t.Errorf("%d %v", status, said)
	}
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Rate: 0.5})
		for range 30 {
			if status, _ := b.admin("GET", keys, ""); status != 200 {
				t.Fatal("the minute is not over")
			}
		}
		if status, _ := b.admin("GET", keys, ""); status != 429 {
			t.Errorf("%d, want 429", status)
		}
		<-time.After(2 * time.Second)
		if status, _ := b.admin("GET", keys, ""); status != 200 {
			t.Errorf("%d after the pause", status)
		}
	})
}

func TestIngestion(t *testing.T) {
	b := newBench(t, Options{})
	k := b.s.Create("p1", "shop")
	status, said := b.do("POST", "/api/public/ingestion", k.Public, k.Secret, `{"batch":[{"id":"1","type":"trace-create"},{"id":"2"}]}`)
	if status != 207 || len(said["errors"].([]any)) != 1 || b.s.Events(k.Public) != 1 {
		t.Errorf("%d %v", status, said)
	}
	b.s.End(k.Public)
	if status, _ := b.do("POST", "/api/public/ingestion", k.Public, k.Secret, `{"batch":[{"id":"3","type":"trace-create"}]}`); status != 401 || b.s.Refused() != 1 {
		t.Errorf("%d, %d refused", status, b.s.Refused())
	}
}
