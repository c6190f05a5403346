package infisical_test

import (
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/deploy/infisical"
	"rekey/internal/finding"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

// examined finds one finding.
func (b *bench) examined(t *testing.T, looked string) finding.Finding {
	t.Helper()
	found := b.vault.Examine(t.Context(), time.Minute)
	secrettest.NoLeak(t, []secret.Value{secret.New(clientSecret), secret.New(firstSecret)}, found)
	at := slices.IndexFunc(found, func(f finding.Finding) bool { return strings.HasPrefix(f.Looked, looked) })
	if at < 0 {
		t.Fatalf("nothing about %q in %+v", looked, found)
	}
	return found[at]
}

// TestExamineInbox: an inbox that others read is wrong.
func TestExamineInbox(t *testing.T) {
	const looked = "Inbox of staging in Infisical, staging (/rekey-inbox)"
	b := inboxBench(t)
	if f := b.examined(t, looked); f.Verdict != finding.OK {
		t.Errorf("%+v", f)
	}
	b.set(func() { b.imports[staging] = inboxPlace })
	if f := b.examined(t, looked); f.Verdict != finding.Wrong || !strings.Contains(f.Found, "imports") || f.Do == "" {
		t.Errorf("%+v", f)
	}
	b.set(func() { delete(b.folders, inboxPlace) })
	if f := b.examined(t, looked); f.Verdict != finding.Wrong || !strings.Contains(f.Found, "make the folder") {
		t.Errorf("%+v", f)
	}
}

// TestExaminePolicies: what holds a write holds the emptying of an inbox too.
func TestExaminePolicies(t *testing.T) {
	const values, inbox = "Change policy for staging in Infisical", "Change policy for the inbox of staging in Infisical"
	for path, want := range map[string]map[string]finding.Verdict{
		inboxPlace.Path: {inbox: finding.Wrong, values: finding.OK},
		staging.Path:    {inbox: finding.OK, values: finding.Wrong},
		"/**":           {inbox: finding.Wrong, values: finding.Wrong},
		"/elsewhere/**": {inbox: finding.OK, values: finding.OK},
	} {
		b := inboxBench(t)
		b.policies(`[{"name":"two eyes","secretPath":"` + path + `","environments":[{"slug":"staging"}]}]`)
		for looked, verdict := range want {
			if f := b.examined(t, looked); f.Verdict != verdict {
				t.Errorf("a policy for %s: %+v", path, f)
			}
		}
	}
	if f := inboxBench(t).examined(t, inbox); f.Verdict != finding.Unclear {
		t.Errorf("a server that shows policies to people only: %+v", f)
	}
}

// policies is a server that shows its change policies.
func (b *bench) policies(list string) {
	b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.URL.Path != "/api/v2/secret-approvals" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"approvals":`+list+`}`)
	})
}

// TestExamineOnlyReads, and logs in once however often it is asked.
func TestExamineOnlyReads(t *testing.T) {
	b := inboxBench(t)
	for range 3 {
		b.examined(t, "Login at Infisical")
	}
	logins := 0
	for _, asked := range b.asked {
		switch method, path, _ := strings.Cut(asked, " "); {
		case strings.HasSuffix(path, "/login"):
			logins++
		case method != http.MethodGet:
			t.Errorf("it sent %s", asked)
		}
	}
	if logins != 1 {
		t.Errorf("%d logins", logins)
	}
}

// TestExamineRefusedLogin: three refused logins lock the identity, so asking
// again must not log in again.
func TestExamineRefusedLogin(t *testing.T) {
	b := newBench(t, func(c *infisical.Config) { c.ClientSecret = infisical.Fixed(secret.New("another")) })
	for range 5 {
		if f := b.examined(t, "Login at Infisical"); f.Verdict != finding.Wrong || !strings.Contains(f.Do, "client secret") {
			t.Errorf("%+v", f)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.badLogin != 1 {
		t.Errorf("%d logins were refused", b.badLogin)
	}
}
