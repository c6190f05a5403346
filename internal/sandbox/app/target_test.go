package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rekey/internal/sandbox/infisical"
)

func jsonOf(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func sha(v string) string {
	sum := sha256.Sum256([]byte(v))
	return hex.EncodeToString(sum[:])
}

// platform is a target over a small application and a real vault.
type platform struct {
	*small
	t     *Target
	vault *infisical.Server
	prod  infisical.Place
}

func newPlatform(t *testing.T) *platform {
	p := &platform{small: newSmall(t), vault: infisical.New(infisical.Options{})}
	project := p.vault.AddProject("shop", "prod")
	p.prod = infisical.Place{Project: project, Environment: "prod"}
	if _, err := p.vault.Put(p.prod, FalKey, p.old.Value, "ann"); err != nil {
		t.Fatal(err)
	}
	me := p.vault.AddIdentity("platform", infisical.Grant{Project: project, Rights: []infisical.Right{infisical.Describe, infisical.ReadValue}})
	v := &Vault{
		URL: "http://vault.test", Project: project, ClientID: me.ClientID, ClientSecret: me.ClientSecret,
		Environments: map[string]string{"production": "prod"}, Client: &http.Client{Transport: direct{p.vault.Handler()}},
	}
	p.t = NewTarget(t.Context(), TargetOptions{Key: "hook", Apps: map[string]*App{"production": p.app}, Vault: v.Values, Build: time.Second})
	t.Cleanup(p.t.Close)
	return p
}

func sign(key, body string, at time.Time) string {
	h := hmac.New(sha256.New, []byte(key))
	_, _ = fmt.Fprintf(h, "%d.%s", at.Unix(), body)
	return fmt.Sprintf("t=%d,v1=%s", at.Unix(), hex.EncodeToString(h.Sum(nil)))
}

// post triggers a deployment, signed as it should be unless told otherwise.
func (p *platform) post(id, environment string, signature func(body string) string) (int, map[string]string) {
	body := fmt.Sprintf(`{"id":%q,"environment":%q,"reason":"rotation","secrets":["FAL_KEY"],"requested_by":"ann","attempt":1}`, id, environment)
	if signature == nil {
		signature = func(body string) string { return sign("hook", body, time.Now()) }
	}
	r := httptest.NewRequest("POST", "/deploy", strings.NewReader(body))
	r.Header.Set("X-Signature", signature(body))
	r.Header.Set("Idempotency-Key", id)
	return p.send(r)
}

func (p *platform) send(r *http.Request) (int, map[string]string) {
	w := httptest.NewRecorder()
	p.t.Handler().ServeHTTP(w, r)
	m := map[string]string{}
	if err := json.Unmarshal(w.Body.Bytes(), &m); err != nil {
		p.Fatalf("not JSON: %v", err)
	}
	return w.Code, m
}

func (p *platform) status(m map[string]string) map[string]string {
	_, got := p.send(httptest.NewRequest("GET", m["status_url"], nil))
	return got
}

func TestDeployBringsTheVaultsValue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		var accepted []Deployment
		p.t.OnDeploy(func(d Deployment) { accepted = append(accepted, d) })
		fresh := p.fal.AddKey("team", "new")
		if _, err := p.vault.Put(p.prod, FalKey, fresh.Value, "bot"); err != nil {
			t.Fatal(err)
		}
		code, m := p.post("rk-1", "production", nil)
		if code != 202 || m["deployment"] == "" || !strings.HasPrefix(m["status_url"], "http://example.com/deployments/") {
			t.Fatalf("trigger = %d %v", code, m)
		}
		<-time.After(4 * time.Second)
		if got := p.status(m); got["status"] != "running" || held(p.app, fresh.Value) == 3 {
			t.Errorf("while instances are replaced: %v, %d hold the new value", got, held(p.app, fresh.Value))
		}
		if code, again := p.post("rk-1", "production", nil); code != 202 || again["deployment"] != m["deployment"] {
			t.Errorf("the same key again = %d %v, want the first deployment %s", code, again, m["deployment"])
		}
		<-time.After(10 * time.Second)
		if got := p.status(m); got["status"] != "succeeded" || held(p.app, fresh.Value) != 3 || p.app.Deployment() != m["deployment"] {
			t.Errorf("at the end: %v, %d hold the new value, deployment %s", got, held(p.app, fresh.Value), p.app.Deployment())
		}
		if len(accepted) != 1 {
			t.Errorf("hook heard %d deployments, want 1", len(accepted))
		}
	})
}

func TestTriggerRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		with := func(key string, age time.Duration) func(string) string {
			return func(body string) string { return sign(key, body, time.Now().Add(-age)) }
		}
		for name, tt := range map[string]struct {
			id, env string
			sig     func(string) string
			want    int
		}{
			"no signature":        {"a", "production", func(string) string { return "" }, 401},
			"malformed":           {"a", "production", func(string) string { return "v1=00" }, 401},
			"another key":         {"a", "production", with("other", 0), 401},
			"another body":        {"a", "production", func(string) string { return sign("hook", "{}", time.Now()) }, 401},
			"too old":             {"a", "production", with("hook", 6*time.Minute), 401},
			"too new":             {"a", "production", with("hook", -6*time.Minute), 401},
			"no key":              {"", "production", nil, 400},
			"unknown environment": {"a", "moon", nil, 422},
		} {
			if code, m := p.post(tt.id, tt.env, tt.sig); code != tt.want || m["error"] == "" {
				t.Errorf("%s = %d %v, want %d", name, code, m, tt.want)
			}
		}
		if n := len(p.t.Deployments("production")); n != 0 {
			t.Errorf("refused triggers left %d deployments", n)
		}
		p.post("a", "production", nil)
		if code, _ := p.post("a", "staging", nil); code != 409 {
			t.Errorf("a key used for another environment = %d, want 409", code)
		}
		r := httptest.NewRequest("GET", "/deployments/none", nil)
		if code, _ := p.send(r); code != 404 {
			t.Errorf("status of nothing = %d, want 404", code)
		}
		byKey := httptest.NewRequest("GET", "/deployments/a", nil)
		byKey.Header.Set("X-Signature", sign("hook", "/deployments/a", time.Now()))
		if code, m := p.send(byKey); code != 200 || m["deployment"] == "" {
			t.Errorf("signed status by the trigger's key = %d %v, want 200", code, m)
		}
		r.Header.Set("X-Signature", "t=1,v1=x")
		if code, _ := p.send(r); code != 401 {
			t.Errorf("status with a wrong signature = %d, want 401", code)
		}
	})
}

func TestMischief(t *testing.T) {
	for name, tt := range map[string]struct {
		m     Mischief
		phase Phase
		fresh int // instances with the new value
	}{
		"build fails":   {Mischief{FailBuild: true}, Failed, 0},
		"second crash":  {Mischief{Crash: 2}, Failed, 1},
		"stale values":  {Mischief{Stale: true}, Succeeded, 0},
		"held for ever": {Mischief{Hold: make(chan struct{})}, Running, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "held for ever" {
				tt.m.Hold = nil // made inside the bubble below
			}
			synctest.Test(t, func(t *testing.T) {
				p := newPlatform(t)
				if tt.phase == Running {
					tt.m.Hold = make(chan struct{})
				}
				if _, err := p.vault.Put(p.prod, FalKey, "fresh", "bot"); err != nil {
					t.Fatal(err)
				}
				p.t.Misbehave("production", tt.m)
				id, err := p.t.Deploy("production")
				if err != nil {
					t.Fatal(err)
				}
				<-time.After(time.Minute)
				d, _ := p.t.Deployment(id)
				if d.Phase != tt.phase || held(p.app, "fresh") != tt.fresh {
					t.Errorf("= %s %q with %d new instances, want %s with %d", d.Phase, d.Detail, held(p.app, "fresh"), tt.phase, tt.fresh)
				}
				p.t.Close()
				if d, _ = p.t.Deployment(id); tt.phase == Running && d.Phase != Cancelled {
					t.Errorf("after the end: %s, want cancelled", d.Phase)
				}
			})
		})
	}
}

// The values are those of the time the build began, one build after another.
func TestDeploymentsQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		first, _ := p.t.Deploy("production")
		synctest.Wait()
		if _, err := p.vault.Put(p.prod, FalKey, "fresh", "bot"); err != nil {
			t.Fatal(err)
		}
		second, _ := p.t.Deploy("production")
		synctest.Wait()
		if d, _ := p.t.Deployment(second); d.Phase != Queued {
			t.Errorf("the second while the first runs: %s, want queued", d.Phase)
		}
		if d, err := p.t.Wait(t.Context(), first); err != nil || d.Phase != Succeeded || held(p.app, "fresh") != 0 {
			t.Errorf("the first: %s with %d new values", d.Phase, held(p.app, "fresh"))
		}
		if d, err := p.t.Wait(t.Context(), second); err != nil || d.Phase != Succeeded || held(p.app, "fresh") != 3 {
			t.Errorf("the second: %s with %d new values", d.Phase, held(p.app, "fresh"))
		}
	})
}

// The queue is bounded, and closing ends what waits in it.
func TestQueueIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.t.Misbehave("production", Mischief{Hold: make(chan struct{})})
		var last string
		for i := range maxWaiting + 1 {
			id, err := p.t.Deploy("production")
			if err != nil {
				t.Fatalf("deployment %d: %v", i, err)
			}
			last = id
			synctest.Wait()
		}
		if _, err := p.t.Deploy("production"); err == nil {
			t.Error("no end to the queue")
		}
		p.t.Close()
		if d, err := p.t.Wait(t.Context(), last); err != nil || d.Phase != Cancelled {
			t.Errorf("the last after the end: %+v, %v", d, err)
		}
		if _, err := p.t.Deploy("production"); err == nil {
			t.Error("a closed platform deploys")
		}
	})
}

func TestVaultThatRefuses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPlatform(t)
		p.t.o.Vault = func(context.Context, string) (map[string]string, error) {
			return nil, fmt.Errorf("asking the vault: status 403")
		}
		id, _ := p.t.Deploy("production")
		synctest.Wait()
		if d, _ := p.t.Deployment(id); d.Phase != Failed || !strings.Contains(d.Detail, "403") || held(p.app, p.old.Value) != 3 {
			t.Errorf("= %+v, want failed and nothing changed", d)
		}
	})
}
