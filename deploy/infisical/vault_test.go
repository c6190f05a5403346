package infisical_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/deploy/deploytest"
	"rekey/deploy/infisical"
	"rekey/internal/fault"
	"rekey/internal/secret"
)

// bench is a server with a vault before it.
type bench struct {
	*server
	vault *infisical.Vault
	heard *safeBuffer
}

type safeBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// The values the bench starts with.
const (
	firstID     = "r2-access-key-id-0001"
	firstSecret = "r2-secret-access-key-0001-abcdefgh"
)

func newBench(t *testing.T, change ...func(*infisical.Config)) *bench {
	t.Helper()
	b := &bench{server: newServer(t), heard: &safeBuffer{}}
	for _, p := range []infisical.Place{staging, production} {
		b.put(p, "R2_ACCESS_KEY_ID", firstID)
		b.put(p, "R2_SECRET_ACCESS_KEY", firstSecret)
		b.put(p, "UNRELATED", "does-not-concern-us")
	}
	c := infisical.Config{
		SiteURL: b.URL, ProjectID: projectID,
		ClientID: infisical.Fixed(secret.New(clientID)), ClientSecret: infisical.Fixed(secret.New(clientSecret)),
		Environments: map[string]infisical.Place{"staging": staging, "production": production},
		HTTP:         b.Client(),
		Log:          slog.New(slog.NewTextHandler(b.heard, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, f := range change {
		f(&c)
	}
	vault, err := infisical.New(c)
	if err != nil {
		t.Fatal(err)
	}
	b.vault = vault
	return b
}

func TestConformance(t *testing.T) {
	deploytest.Vault(t, func(t *testing.T) deploytest.VaultBed {
		b := newBench(t)
		return deploytest.VaultBed{
			Vault: b.vault, Environment: "production", Absent: "FAL_KEY",
			Names: []string{"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"},
			Other: func(name, value string) { b.put(production, name, value) },
			Keys: func() (all []string) {
				b.set(func() { all = names(b.folders[production]) })
				return all
			},
			Heard: b.heard.String,
		}
	})
}

func TestReadRefusesWhatIsNotOurs(t *testing.T) {
	const name = "FAL_KEY"
	for what, c := range map[string]struct {
		arrange func(b *bench)
		reason  fault.Reason
		says    string
	}{
		"a reference to a key of the folder": {
			func(b *bench) { b.put(staging, name, "https://x/?k=${UNRELATED}") }, fault.Managed, "is a reference to UNRELATED"},
		"a reference to another environment": {
			func(b *bench) { b.put(staging, name, "${prod.app.FAL_KEY}") }, fault.Managed, "is a reference to prod.app.FAL_KEY"},
		"what looks like a reference and may be a password": {
			func(b *bench) { b.put(staging, name, "pa${ssword-part}") }, fault.Managed, "is a reference to another secret"},
		"an import": {
			func(b *bench) { b.put(shared, name, "imported-value"); b.imports[staging] = shared },
			fault.Managed, "FAL_KEY in staging (/) comes through an import from dev (/shared)"},
		"a value rotated by Infisical": {
			func(b *bench) { b.put(staging, name, "rotated-value").rotated = true }, fault.Managed, "is rotated by Infisical itself"},
		"a personal override": {
			func(b *bench) {
				b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if r.URL.Path != "/api/v4/secrets/"+name {
						next.ServeHTTP(w, r)
						return
					}
					answer(w, map[string]any{"secret": map[string]any{"id": "x", "version": 1, "secretKey": name,
						"secretValue": "my-own-value", "environment": "staging", "secretPath": "/", "type": "personal"}})
				})
			}, fault.Managed, "is a personal override"},
		"a hidden value": {
			func(b *bench) { b.put(staging, name, "hidden-value"); b.hide = true }, fault.Managed, "is hidden from the machine identity"},
		"a name that is nowhere": {
			func(*bench) {}, fault.NotFound, "FAL_KEY is not in staging (/)"},
		"a page in the place of the list of syncs": {
			func(b *bench) {
				b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
					if r.URL.Path != "/api/v1/secret-syncs" {
						next.ServeHTTP(w, r)
						return
					}
					answer(w, map[string]any{"ok": true})
				})
			}, fault.Garbled, "no list of secret syncs"},
		"a folder that is not there": {
			func(b *bench) { delete(b.folders, staging) }, fault.NotFound, "the environment or folder does not exist"},
		"a secret sync on the path": {
			func(b *bench) {
				b.put(staging, name, "some-good-value")
				b.syncs = append(b.syncs, syncOf("vercel-staging", staging))
			}, fault.Unsupported, `the secret sync "vercel-staging" carries staging (/) to "vercel"`},
	} {
		t.Run(what, func(t *testing.T) {
			b := newBench(t)
			c.arrange(b)
			_, err := b.vault.Read(t.Context(), "staging", []string{name})
			f := fault.Of(err)
			if f == nil || f.Reason != c.reason || f.Class != fault.Ask || !strings.Contains(f.Detail, c.says) {
				t.Errorf("got %v, want reason %s with %q", err, c.reason, c.says)
			}
		})
	}
}

func syncOf(name string, p infisical.Place) map[string]any {
	return map[string]any{
		"name": name, "destination": "vercel", "isAutoSyncEnabled": true,
		"environment": map[string]any{"slug": p.Environment}, "folder": map[string]any{"path": p.Path},
	}
}

func TestSyncsElsewhereDoNotMatter(t *testing.T) {
	b := newBench(t)
	deleted := syncOf("deleted-folder", staging)
	deleted["folder"], deleted["environment"] = nil, nil
	b.syncs = append(b.syncs, syncOf("production", production), deleted,
		syncOf("deeper", infisical.Place{Environment: "staging", Path: "/deeper"}))
	if _, err := b.vault.Read(t.Context(), "staging", []string{"UNRELATED"}); err != nil {
		t.Error(err)
	}
}

func TestSyncsThatCannotBeRead(t *testing.T) {
	for status, reason := range map[int]fault.Reason{
		http.StatusForbidden: fault.Forbidden,
		http.StatusNotFound:  fault.Unsupported, // not NotFound: that would read as an absent secret
	} {
		asking := newBench(t)
		asking.noSyncs = status
		_, err := asking.vault.Read(t.Context(), "staging", []string{"UNRELATED"})
		if !fault.Is(err, reason) || fault.Of(err).Class != fault.Ask {
			t.Errorf("status %d: got %v, want %s", status, err, reason)
		}
		accepting := newBench(t, func(c *infisical.Config) { c.SyncsUnread = infisical.SyncsAccepted })
		accepting.noSyncs = status
		if _, err := accepting.vault.Read(t.Context(), "staging", []string{"UNRELATED"}); err != nil {
			t.Errorf("status %d, accepted: %v", status, err)
		}
	}
}

func TestReadTellsTwoPlacesApart(t *testing.T) {
	b := newBench(t)
	b.put(production, "UNRELATED", "production-has-another")
	for environment, want := range map[string]string{"staging": "does-not-concern-us", "production": "production-has-another"} {
		got, err := b.vault.Read(t.Context(), environment, []string{"UNRELATED"})
		if err != nil {
			t.Fatal(err)
		}
		if !got["UNRELATED"].Value.Equal(secret.New(want)) {
			t.Errorf("%s shows the other environment's value", environment)
		}
	}
}

func TestReadGivesABlankedValueAsBlank(t *testing.T) {
	b := newBench(t)
	b.put(staging, "UNRELATED", "")
	got, err := b.vault.Read(t.Context(), "staging", []string{"UNRELATED"})
	if err != nil || !got["UNRELATED"].Value.IsZero() || got["UNRELATED"].Version != 2 {
		t.Errorf("got version %d, blank %t, %v", got["UNRELATED"].Version, got["UNRELATED"].Value.IsZero(), err)
	}
}

func TestNamesThatCannotBeManagedAreNeverSent(t *testing.T) {
	b := newBench(t)
	for _, name := range []string{"", "BAD KEY", "A/../B", "A?x=1", "9LIVES", "naïve", "batch", "A\n"} {
		_, err := b.vault.Read(t.Context(), "staging", []string{name})
		if f := fault.Of(err); f == nil || f.Class != fault.Never {
			t.Errorf("%q: got %v, want never", name, err)
		}
	}
	if n := b.count(""); n != 0 {
		t.Errorf("%d requests were made", n)
	}
}

func TestReadVersion(t *testing.T) {
	b := newBench(t)
	r := b.put(staging, "UNRELATED", "second-value")
	b.put(staging, "UNRELATED", "third-value")
	b.set(func() {
		r.versions[0] = version{"", r.created}
		r.versions[1].created = r.created.Add(42 * time.Hour)
		r.metadata = []any{map[string]any{"key": "rotated-at", "value": "2026-01-01"}}
	})
	second, err := b.vault.ReadVersion(t.Context(), "staging", "UNRELATED", 2)
	if err != nil {
		t.Fatal(err)
	}
	if !second.Made.Equal(r.created.Add(42*time.Hour)) || !second.Value.Equal(secret.New("second-value")) || second.Metadata != nil {
		t.Errorf("version 2: made %s, metadata %v", second.Made, second.Metadata)
	}
	if _, err := b.vault.ReadVersion(t.Context(), "staging", "UNRELATED", 1); !fault.Is(err, fault.NotFound) {
		t.Errorf("a redacted version: got %v, want not found", err)
	}
	if _, err := b.vault.ReadVersion(t.Context(), "staging", "UNRELATED", 0); fault.Of(err).Class != fault.Never {
		t.Errorf("version 0: got %v, want never", err)
	}
}

// A server or proxy that ignores the number would hand out the current value
// as the old one.
func TestReadVersionBelievesNoOtherVersion(t *testing.T) {
	b := newBench(t)
	b.put(staging, "UNRELATED", "second-value")
	b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		q := r.URL.Query()
		q.Del("version")
		r.URL.RawQuery = q.Encode()
		next.ServeHTTP(w, r)
	})
	if _, err := b.vault.ReadVersion(t.Context(), "staging", "UNRELATED", 1); !fault.Is(err, fault.Garbled) {
		t.Errorf("got %v, want garbled", err)
	}
}

func TestAllListsTheFolderOnly(t *testing.T) {
	b := newBench(t)
	b.put(shared, "IMPORTED", "imported-value")
	b.put(staging, "A NAME", "accepted-by-the-server")
	b.put(staging, "URL", "https://x/?k=${UNRELATED}")
	b.set(func() { b.imports[staging] = shared })
	got, err := b.vault.All(t.Context(), "staging")
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]string{}
	for _, e := range got {
		values[e.Name] = e.Value.Reveal()
		if e.ID == "" || e.Version == 0 || e.Made.IsZero() {
			t.Errorf("%s has version %d, made %s", e.Name, e.Version, e.Made)
		}
	}
	want := map[string]string{
		"A NAME": "accepted-by-the-server", "R2_ACCESS_KEY_ID": firstID, "R2_SECRET_ACCESS_KEY": firstSecret,
		"UNRELATED": "does-not-concern-us", "URL": "https://x/?k=${UNRELATED}",
	}
	if diff := cmp.Diff(want, values); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	b.set(func() { b.hide = true })
	if _, err := b.vault.All(t.Context(), "staging"); !fault.Is(err, fault.Managed) {
		t.Errorf("hidden values: got %v, want managed", err)
	}
}

// An HTML page with status 200 must not look like an empty folder.
func TestAllTakesNoPageForAList(t *testing.T) {
	for what, body := range map[string]string{"HTML": "<html>Sign in</html>", "other JSON": `{"ok":true}`} {
		b := newBench(t)
		b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.URL.Path != "/api/v4/secrets" {
				next.ServeHTTP(w, r)
				return
			}
			_, _ = w.Write([]byte(body))
		})
		if got, err := b.vault.All(t.Context(), "staging"); !fault.Is(err, fault.Garbled) {
			t.Errorf("%s: got %d entries and %v, want garbled", what, len(got), err)
		}
	}
}

// Servers before and after February 2026 have different defaults, so every
// request must say what it wants.
func TestReadsSayWhatHasDifferentDefaults(t *testing.T) {
	b := newBench(t)
	var mu sync.Mutex
	var faults []string
	b.inject(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		q := r.URL.Query()
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/secrets") {
			want := map[string]string{"expandSecretReferences": "false", "include_imports": "false"}
			if strings.HasPrefix(r.URL.Path, "/api/v4") {
				want["includeImports"] = "false"
			}
			for key, value := range want {
				if q.Get(key) != value {
					mu.Lock()
					faults = append(faults, r.URL.Path+" "+key)
					mu.Unlock()
				}
			}
		}
		next.ServeHTTP(w, r)
	})
	if _, err := b.vault.All(t.Context(), "staging"); err != nil {
		t.Fatal(err)
	}
	if _, err := writeOne(t.Context(), t, b); err != nil {
		t.Fatal(err)
	}
	slices.Sort(faults)
	if len(faults) > 0 {
		t.Errorf("not said explicitly: %v", faults)
	}
}
