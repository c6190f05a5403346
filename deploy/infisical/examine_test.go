package infisical_test

import (
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
