//go:build !release

package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rekey/internal/finding"
	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/infisical"
	"rekey/internal/sandbox/loki"
	"rekey/internal/sandbox/wire"
	"rekey/state/statetest"
)

// faulty makes some requests to a service go wrong.
func faulty(service, path string, do wire.Action) func(*testing.T, *sandbox.World) {
	return func(_ *testing.T, w *sandbox.World) {
		w.Faults(service).Inject("ill", wire.Fault{Match: wire.Match{Path: path}, Do: do})
	}
}

func answers200(body string) wire.Action {
	return wire.Answer(http.StatusOK, http.Header{"Content-Type": {"application/json"}}, body)
}

// granted gives the bot's identity these rights instead of its own.
func granted(rights ...infisical.Right) func(*testing.T, *sandbox.World) {
	return func(_ *testing.T, w *sandbox.World) {
		w.Infisical.SetGrants(w.Credentials().InfisicalID, infisical.Grant{Project: w.Project(), Rights: rights})
	}
}

// holds puts a value into production's place.
func holds(value string) func(*testing.T, *sandbox.World) {
	return func(t *testing.T, w *sandbox.World) {
		if _, err := w.Infisical.Put(w.Place(sandbox.Production), app.FalKey, value, "ann"); err != nil {
			t.Fatal(err)
		}
	}
}

// imported lets the value come from another folder.
func imported(t *testing.T, w *sandbox.World) {
	at := w.Place(sandbox.Production)
	from := infisical.Place{Project: at.Project, Environment: at.Environment, Path: "/shared"}
	w.Infisical.AddFolder(from)
	value, _ := w.Infisical.Read(at, app.FalKey)
	w.Infisical.Remove(at, app.FalKey)
	if _, err := w.Infisical.Seed(from, app.FalKey, value.Value, time.Now()); err != nil {
		t.Fatal(err)
	}
	if err := w.Infisical.AddImport(at, from); err != nil {
		t.Fatal(err)
	}
}

// noted is an entry as Rekey leaves it: the metadata's form is the vault's.
func noted(_ *testing.T, w *sandbox.World) {
	w.Infisical.Faults.Inject("note", wire.Fault{Match: wire.Match{Path: "/api/v4/secrets/FAL_KEY"}, Do: rewritten(`"secretMetadata":[]`, `"secretMetadata":[{"key":"rekey-rotated-at","value":"2026-01-02T03:04:05Z"}]`)})
}

func policies(list string) func(*testing.T, *sandbox.World) {
	return faulty("infisical", "/api/v2/secret-approvals", answers200(`{"approvals":`+list+`}`))
}

func sickVault() []illness {
	at := "FAL_KEY in Infisical, production"
	held := "Change policy for production"
	return []illness{
		{name: "wrong client secret", files: map[string]string{"infisical-secret": "another"},
			looked: "Login at Infisical", verdict: finding.Wrong, found: "the credential was refused"},
		{name: "no Infisical", config: moved("infisical:\n  url: "), looked: "Clock of Infisical", verdict: finding.Wrong, found: "could not be reached"},
		{name: "a page in the place of Infisical's list", world: policies(`null`), looked: held, verdict: finding.Unclear, found: "to people only"},
		{name: "another clock at Infisical", world: faulty("infisical", "/api/status", altered(anHourAgo)),
			looked: "Clock of Infisical", verdict: finding.Wrong, found: "from ours"},
		{name: "policy holds", world: policies(`[{"name":"two  eyes","secretPath":"/","environments":[{"slug":"prod"}]}]`),
			looked: held, verdict: finding.Wrong, found: `The policy "two eyes" holds every write`},
		{name: "policy holds by a glob", world: policies(`[{"name":"all","secretPath":"/**","environment":{"slug":"prod"}}]`),
			looked: held, verdict: finding.Wrong, found: "holds every write"},
		{name: "policies elsewhere", world: policies(`[{"name":"a","environment":{"slug":"dev"}},{"name":"b","secretPath":"/other","environment":{"slug":"prod"}},{"name":"c","environment":{"slug":"prod"},"bypassForMachineIdentities":true},{"name":"d","environment":{"slug":"prod"},"deletedAt":"2026-01-01T00:00:00Z"}]`),
			looked: held, verdict: finding.OK, found: "No policy holds writes."},
		{name: "not in the project", world: func(_ *testing.T, w *sandbox.World) { w.Infisical.SetGrants(w.Credentials().InfisicalID) },
			looked: at, verdict: finding.Wrong, found: "not a member"},
		{name: "values hidden", world: granted(infisical.Describe), looked: at, verdict: finding.Wrong, found: "hidden from the machine identity"},
		{name: "syncs not shown", world: faulty("infisical", "/api/v1/secret-syncs", wire.Answer(http.StatusForbidden, http.Header{"Content-Type": {"application/json"}}, `{"statusCode":403,"error":"PermissionDenied"}`)),
			looked: at, verdict: finding.Wrong, found: "may not list secret syncs"},
		{name: "absent", world: func(_ *testing.T, w *sandbox.World) { w.Infisical.Remove(w.Place(sandbox.Production), app.FalKey) },
			looked: at, verdict: finding.Wrong, found: "FAL_KEY is not in prod (/)"},
		{name: "imported", world: imported, looked: at, verdict: finding.Wrong, found: "comes through an import from prod (/shared)"},
		{name: "reference", world: holds("${SESSION_SECRET}"), looked: at, verdict: finding.Wrong, found: "is a reference to SESSION_SECRET"},
		{name: "rotated by the vault", world: func(_ *testing.T, w *sandbox.World) {
			w.Infisical.SetRotated(w.Place(sandbox.Production), app.FalKey, "r-1")
		}, looked: at, verdict: finding.Wrong, found: "rotated by Infisical itself"},
		{name: "synced", world: func(_ *testing.T, w *sandbox.World) {
			w.Infisical.AddSync(infisical.Sync{Name: "web", Destination: "vercel", At: w.Place(sandbox.Production)})
		}, looked: at, verdict: finding.Wrong, found: `the secret sync "web" carries prod (/) to "vercel"`},
		{name: "an inbox that is synced", world: func(_ *testing.T, w *sandbox.World) {
			w.Infisical.AddSync(infisical.Sync{Name: "web", Destination: "vercel", At: w.Inbox(sandbox.Production)})
		}, looked: "Inbox for ANTHROPIC_API_KEY, production", verdict: finding.Wrong, found: `the secret sync "web" carries prod (/rekey-inbox) to "vercel"`},
		{name: "a forgotten value", world: func(t *testing.T, w *sandbox.World) {
			if _, err := w.Infisical.Put(w.Inbox(sandbox.Staging), app.AnthropicKey, "somebody's old paste", "ann"); err != nil {
				t.Fatal(err)
			}
		}, looked: "Inbox for ANTHROPIC_API_KEY, staging", verdict: finding.Unclear, found: "A value lies there."},
		{name: "never written", looked: at, verdict: finding.Unclear, found: "Whether it may be written"},
		{name: "never emptied", looked: "Inbox for ANTHROPIC_API_KEY, staging", verdict: finding.Unclear, found: "Whether Rekey may delete there"},
		{name: "empty", world: holds(""), looked: at, verdict: finding.Wrong, found: "FAL_KEY is empty."},
		{name: "written before", world: noted, looked: at, verdict: finding.OK, found: "Rekey has written it before"},
		{name: "vault down", world: faulty("infisical", "/api/v4/secrets/FAL_KEY", wire.Answer(http.StatusInternalServerError, nil, `{}`)),
			looked: "Admin credential for FAL_KEY", verdict: finding.Unclear, found: "The service was not asked"},
	}
}

// rewritten lets a server answer and changes a piece of its body.
func rewritten(old, text string) wire.Action {
	return func(t wire.Turn) {
		got := httptest.NewRecorder()
		t.Next.ServeHTTP(got, t.R)
		wire.Answer(got.Code, got.Header(), strings.Replace(got.Body.String(), old, text, 1))(t)
	}
}

// moved points an address of the configuration, given by what stands before
// it, to where nobody listens.
func moved(before string) func(string) string {
	form := regexp.MustCompile(regexp.QuoteMeta(before) + `http://[^/,}\s]+`)
	return func(config string) string {
		if !form.MatchString(config) {
			panic("the sandbox's configuration has no " + before)
		}
		return form.ReplaceAllLiteralString(config, before+closedPort)
	}
}

// followed names the status address of the platform.
func followed(config string) string {
	form := regexp.MustCompile(`(webhook: \{url: )(http://[^/]+)(/deploy, )`)
	if !form.MatchString(config) {
		panic("the sandbox's configuration has no webhook")
	}
	return form.ReplaceAllString(config, `${1}${2}${3}status_url: "${2}/deployments/{id}", `)
}

// silent is a log in which nobody said anything.
func silent(_ *testing.T, w *sandbox.World) { w.Loki.Store = loki.NewServer(nil).Store }

func sickApplication() []illness {
	admin := "Admin credential for FAL_KEY at fal.ai"
	both := []illness{
		{name: "another admin credential", files: map[string]string{"fal-admin": "00000000-0000-4000-8000-000000000000:" + strings.Repeat("0", 32)},
			looked: admin, verdict: finding.Wrong, found: "the credential was refused"},
		{name: "an admin credential without its right", world: faulty("fal", "/v1/keys", wire.Answer(http.StatusForbidden, http.Header{"Content-Type": {"application/json"}}, `{"error":{"type":"authorization_error"}}`)),
			looked: admin, verdict: finding.Wrong, found: "lacks a right"},
		{name: "no admin credential", say: func(t *testing.T, dir string) {
			if err := os.Remove(filepath.Join(dir, "fal-admin")); err != nil {
				t.Fatal(err)
			}
		}, looked: "Files and variables with secrets", verdict: finding.Wrong, found: "no such file"},
		{name: "open file", say: func(t *testing.T, dir string) {
			if err := os.Chmod(filepath.Join(dir, "slack-bot"), 0o644); err != nil { //nolint:gosec // what the test is about
				t.Fatal(err)
			}
		}, looked: "Files and variables with secrets", verdict: finding.Wrong, found: "may be read by others"},
		{name: "key gone at the service", world: func(_ *testing.T, w *sandbox.World) { w.Fal.End(w.OldKey()) },
			looked: admin, verdict: finding.Wrong, found: "is not among the"},
		{name: "an admin credential that ends soon", config: replaced("fal-admin}", "fal-admin, expires: 2020-02-29}"),
			looked: "Expiry of the admin credential for FAL_KEY", verdict: finding.Wrong, found: "It ends on 2020-02-29."},
		{name: "an admin credential that ends late", config: replaced("fal-admin}", "fal-admin, expires: 2199-02-28}"),
			looked: "Expiry of the admin credential for FAL_KEY", verdict: finding.OK, found: "It ends on 2199-02-28."},
		{name: "no service", config: moved("base_url: "), looked: admin, verdict: finding.Wrong, found: "could not be reached"},
		{name: "service down", world: faulty("fal", "/v1/keys", wire.Answer(http.StatusBadGateway, nil, "")), looked: admin, verdict: finding.Unclear, found: "an error of its own (status 502)"},

		{name: "target cannot be asked", looked: "Deploy target of staging", verdict: finding.Unclear, found: "takes connections"},
		{name: "no target", config: moved("webhook: {url: "), looked: "Deploy target of staging", verdict: finding.Wrong, found: "No connection to 127.0.0.1:1"},
		{name: "target with another key", config: followed, files: map[string]string{"deploy": "another-key-of-this-length"},
			looked: "Deploy target of production", verdict: finding.Wrong, found: "the credential was refused"},
		{name: "target down", config: followed, world: faulty("deploy", "/deployments/*", wire.Answer(http.StatusServiceUnavailable, nil, "")),
			looked: "Deploy target of production", verdict: finding.Unclear, found: "an error of its own (status 503)"},

		{name: "sick application", world: faulty(sandbox.Production, "/healthz", wire.Answer(http.StatusServiceUnavailable, nil, "")),
			looked: "Check health of production", verdict: finding.Wrong, found: "answered 503"},
		{name: "own check fails", world: faulty(sandbox.Staging, "/api/generate", wire.Answer(http.StatusBadGateway, nil, "")),
			looked: "Own check of FAL_KEY in staging", verdict: finding.Wrong, found: "answered 502"},
		{name: "no log", config: moved("loki:\n          url: "), looked: "Check errors of production", verdict: finding.Wrong, found: "unreachable"},
		{name: "no log and none needed", config: func(config string) string {
			return moved("loki:\n          url: ")(mustReplace(config, "- name: errors\n", "- name: errors\n        required: false\n"))
		}, looked: "Check errors of production", verdict: finding.Unclear, found: "unreachable"},
		{name: "silent log", world: silent, looked: "Check errors of production", verdict: finding.Unclear, found: "has no line of this deployment"},
		{name: "a log that cannot be asked about a deployment", files: map[string]string{"attest-production": "another-key-of-this-length-0123456789"},
			looked: "Check errors of production", verdict: finding.Unclear, found: "did not say which one runs"},
		{name: "another attestation key", files: map[string]string{"attest-production": "another-key-of-this-length-0123456789"},
			looked: "FAL_KEY in the application, production", verdict: finding.Wrong, found: "it does not exist (status 404)"},
		{name: "not deployed since", world: func(t *testing.T, w *sandbox.World) {
			key := w.Fal.AddKey("team", "another").Value
			holds(key)(t, w)
			if _, err := w.Infisical.Put(w.Place(sandbox.Staging), app.FalKey, key, "ann"); err != nil {
				t.Fatal(err)
			}
		}, looked: "FAL_KEY in the application, production", verdict: finding.Wrong, found: "0 answers were for the value of FAL_KEY in the vault"},
	}
	return append(append(both, sickRedis()...), sickCommand()...)
}

func sickRedis() []illness {
	elsewhere := func(args ...string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			server := statetest.NewServer(t, args...)
			if err := os.WriteFile(filepath.Join(dir, "redis-url"), []byte("redis://"+server.Addr+"/0"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return []illness{
		{name: "a Redis that evicts", say: elsewhere("--maxmemory-policy", "allkeys-lru"),
			looked: "Redis, eviction", verdict: finding.Wrong, found: "maxmemory-policy allkeys-lru"},
		{name: "a Redis without a file", say: elsewhere("--appendonly", "no"),
			looked: "Redis, append-only", verdict: finding.Wrong, found: "keeps no append-only file"},
		{name: "a replica", say: elsewhere("--replicaof", "127.0.0.1", "1"),
			looked: "Redis, role", verdict: finding.Wrong, found: "is a replica"},
		{name: "a Redis as it must be", say: elsewhere(), looked: "Redis, role", verdict: finding.OK, found: "As it must be."},
		{name: "a Redis that tells nothing", config: replaced("  durability: accepted # the embedded server does not tell its settings\n", ""),
			looked: "Redis, eviction", verdict: finding.Wrong, found: "so Rekey does not start."},
		{name: "settings accepted unseen", looked: "Redis, eviction", verdict: finding.Unclear, found: "that was accepted."},
		{name: "no Redis", files: map[string]string{"redis-url": "redis://:Zq7Rw2Xk9Lm4Tn8V@127.0.0.1:1/0"},
			looked: "Redis", verdict: finding.Wrong, found: "connection refused"},
	}
}

func sickCommand() []illness {
	script := func(status string) func(string) string {
		return func(config string) string {
			return hook.ReplaceAllLiteralString(config, `command: {run: [/bin/false], status: [/bin/sh, -c, "`+status+`"]}`)
		}
	}
	return []illness{
		{name: "a deploy command", config: script("echo none"), looked: "Deploy target of staging", verdict: finding.OK, found: "The status command answers."},
		{name: "a broken deploy command", config: script("echo broken >&2; exit 3"), looked: "Deploy target of staging", verdict: finding.Unclear, found: "the status command ended with 3."},
		{name: "a deploy command that is there", config: script("echo none"), looked: "Deploy target of staging, run command", verdict: finding.Unclear, found: "Its program is there and may be run."},
		{name: "a deploy command that is not there", config: func(config string) string {
			return hook.ReplaceAllLiteralString(config, `command: {run: [/nowhere/deploy], status: [/bin/sh, -c, "echo none"]}`)
		}, looked: "Deploy target of staging, run command", verdict: finding.Wrong, found: "Its program is not there"},
		{name: "a deploy command that guesses", config: script("echo succeeded"), looked: "Deploy target of staging", verdict: finding.Wrong, found: `must say "none"`},
	}
}
