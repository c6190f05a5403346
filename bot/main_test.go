package main

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/bot/config"
	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/providers"
	"rekey/rotation"
)

var update = flag.Bool("update", false, "write the golden files")

func golden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", path, diff)
	}
}

// variables is an environment.
type variables map[string]string

func (v variables) lookup(name string) (string, bool) {
	value, found := v[name]
	return value, found
}

// everything that testdata/rekey.yaml reads, with values that can be looked
// for.
func everything() variables {
	v := variables{}
	for _, name := range []string{"FINGERPRINT_KEY", "SLACK_APP_TOKEN", "SLACK_BOT_TOKEN", "INFISICAL_ID", "INFISICAL_SECRET",
		"DEPLOY_SECRET", "ATTEST_KEY", "FAL_ADMIN", "THUMBNAIL_ADMIN", "ANTHROPIC_ADMIN"} {
		v[name] = "value-of-" + name + "-Zq7Rw2Xk9Lm4Tn8V"
	}
	v["REDIS_URL"] = "redis://:Zq7Rw2Xk9Lm4Tn8V@127.0.0.1:1"
	return v
}

func (v variables) values() []secret.Value {
	var all []secret.Value
	for _, text := range v {
		all = append(all, secret.New(text))
	}
	return all
}

// ran runs a command line inside the test.
func ran(t *testing.T, env variables, args ...string) (code int, out, err string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = run(t.Context(), args, process{in: strings.NewReader(""), out: &stdout, err: &stderr, env: env.lookup})
	return code, stdout.String(), stderr.String()
}

func TestCommandLine(t *testing.T) {
	const token = "xoxb-1111111111-2222222222-AbCdEfGhIjKl"
	for name, test := range map[string]struct {
		args []string
		code int
		out  string
		err  string
	}{
		"nothing":           {args: nil, code: exitUsage, err: "a command is missing"},
		"help":              {args: []string{"help"}, code: exitDone, out: "Exit codes"},
		"help asked":        {args: []string{"serve", "-h"}, code: exitDone, out: "Exit codes"},
		"version":           {args: []string{"version"}, code: exitDone, out: "rekey "},
		"unknown":           {args: []string{token}, code: exitUsage, err: "no command of that name"},
		"no file":           {args: []string{"serve"}, code: exitUsage, err: "--config and a file are missing"},
		"other option":      {args: []string{"check", "--token=" + token}, code: exitUsage, err: "the only option is --config"},
		"left over":         {args: []string{"check", "--config", "x", token}, code: exitUsage, err: "the only option is --config"},
		"absent file":       {args: []string{"check", "--config", "testdata/absent.yaml"}, code: exitUsage, err: "no such file"},
		"faulty file":       {args: []string{"serve", "--config", "config/testdata/unknown-keys.bad.yaml"}, code: exitUsage, err: "faults in the configuration; nothing was started"},
		"adapter":           {args: []string{"check", "--config", "testdata/refused.yaml"}, code: exitUsage, err: "configuration: wiring THUMBNAIL_KEY"},
		"no replica":        {args: []string{"status"}, code: exitUsage, err: "is missing"},
		"no secret":         {args: []string{"approve", "--to", "unix:/x", "--key=x", "--installation", "acme"}, code: exitUsage, err: "the name of a secret is missing"},
		"no value":          {args: []string{"status", "--to"}, code: exitUsage, err: "an option has no value"},
		"pasted":            {args: []string{"emergency", "--to=unix:/x", "--key=x", "--installation=acme", "FAL_KEY", token}, code: exitFailed, err: "treat it as leaked"},
		"unsigned":          {args: []string{"rotate", "--to=unix:/x", "--key=x", "--installation=acme", "FAL_KEY"}, code: exitFailed, out: "You ask for a rotation: FAL_KEY.", err: "nothing was signed"},
		"a long story":      {args: []string{"emergency", "--to=unix:/x", "--key=x", "--installation=acme", "FAL_KEY", strings.Repeat("and then ", 300), "--since", "3d"}, code: exitFailed, out: "and then --since 3d. At the installation", err: "nothing was signed"},
		"told so":           {args: []string{"emergency", "--to=unix:/x", "--key=x", "--installation=acme", "FAL_KEY", strings.Repeat("and then ", 300)}, code: exitFailed, out: "no more is signed than a statement takes", err: "nothing was signed"},
		"not here":          {args: []string{"rotate", "FAL_KEY", "--local-journal", "x", "--config=x", "--key=x"}, code: exitUsage, err: "--local-journal is for emergencies"},
		"no way to decide":  {args: []string{"emergency", "FAL_KEY", "--local-journal", "x", "--config=testdata/rekey.yaml", "--key=x"}, code: exitUsage, err: "command_line: it is needed"},
		"nothing to import": {args: []string{"import-journal", "--config", "x"}, code: exitUsage, err: "a journal and --config are needed"},
		"unset secrets":     {args: []string{"serve", "--config", "testdata/rekey.yaml"}, code: exitFailed, err: "reading slack.bot_token from variable SLACK_BOT_TOKEN: the variable is not set"},
	} {
		code, out, err := ran(t, variables{}, test.args...)
		if code != test.code || !strings.Contains(out, test.out) || !strings.Contains(err, test.err) {
			t.Errorf("%s: code %d\nstdout: %s\nstderr: %s", name, code, out, err)
		}
		secrettest.NoLeak(t, []secret.Value{secret.New(token)}, out, err)
	}
}

// TestMissingSecretsTogether: all that is missing is told at once.
func TestMissingSecretsTogether(t *testing.T) {
	_, _, err := ran(t, variables{}, "serve", "--config", "testdata/rekey.yaml")
	for _, path := range []string{"fingerprint_key", "slack.app_token", "slack.bot_token", "redis.url", "infisical.client_id",
		"environments.staging.attest.key", "environments.production.deploy.webhook.secret", "secrets.FAL_KEY.admin.key"} {
		if !strings.Contains(err, "reading "+path+" from") {
			t.Errorf("%s is not named in:\n%s", path, err)
		}
	}
}

func TestCheck(t *testing.T) {
	env := everything()
	code, out, err := ran(t, env, "check", "--config", "testdata/rekey.yaml")
	if code != exitDone || err != "" {
		t.Fatalf("code %d: %s", code, err)
	}
	golden(t, "testdata/check.txt", out)
	secrettest.NoLeak(t, env.values(), out)
}

// TestCheckLenient: who weakens the proofs is told so, each time.
func TestCheckLenient(t *testing.T) {
	code, out, err := ran(t, everything(), "check", "--config", "config/testdata/lenient.yaml")
	if code != exitDone || err != "" {
		t.Fatalf("code %d: %s", code, err)
	}
	_, known, _ := strings.Cut(out, "Worth knowing:\n")
	for _, want := range []string{
		"watch: it sees less than a usual one",
		"environments.production.checks: no log is required",
		"secrets.FAL_KEY.affected: none (it costs too much)",
		"secrets.FAL_KEY.waits.hold: 0s, where fal.ai has 10m0s",
		"secrets.FAL_KEY.waits.settle: 1s, where fal.ai has 30s",
		"secrets.FAL_KEY.waits.probe_for: 1ms, where fal.ai has 1m0s",
	} {
		if !strings.Contains(known, "  "+want) {
			t.Errorf("%q is not among what is worth knowing:\n%s", want, known)
		}
	}
	if strings.Contains(out, "MY_FAL.waits") {
		t.Errorf("a service's own waits are complained of:\n%s", known)
	}
}

// TestShortFingerprintKey: what is readable and unusable is told like what is
// missing.
func TestShortFingerprintKey(t *testing.T) {
	env := everything()
	env["FINGERPRINT_KEY"] = "too-short-a-key"
	code, _, err := ran(t, env, "serve", "--config", "testdata/rekey.yaml")
	if code != exitFailed || !strings.Contains(err, "shorter than 32 bytes") {
		t.Errorf("code %d: %s", code, err)
	}
	secrettest.NoLeak(t, env.values(), err)
}

func TestLogLevel(t *testing.T) {
	for own, want := range map[string]string{"": "info", "debug": "debug", "loud": ""} {
		var out bytes.Buffer
		env := variables{"REKEY_LOG_LEVEL": own}
		log, err := logger(process{err: &out, env: env.lookup}, config.Log{Level: "info"})
		if (err != nil) != (want == "") {
			t.Errorf("%q: %v", own, err)
			continue
		}
		if err == nil {
			log.Debug("seen")
			if got := strings.Contains(out.String(), "seen"); got != (want == "debug") {
				t.Errorf("%q: debug lines written: %v", own, got)
			}
		}
	}
}

// TestServices: every service that the catalogue calls built has an adapter
// here, and the other way round.
func TestServices(t *testing.T) {
	built := map[string]bool{}
	for _, e := range rotation.Catalogue() {
		if _, wired := services()[e.Service]; e.Built != wired {
			t.Errorf("%s: built in the catalogue %v, wired %v", e.Service, e.Built, wired)
		}
		built[e.Service] = true
	}
	for name, s := range services() {
		if !built[name] {
			t.Errorf("%s is wired and not in the catalogue", name)
		}
		if s.waits == (providers.Waits{}) {
			t.Errorf("%s: check does not know its own waits, and so not which are too short", name)
		}
	}
}

// TestServicesTellTheSkew: a service that holds when a key was made against
// when it was asked for is told how far its clock may be off.
func TestServicesTellTheSkew(t *testing.T) {
	s := *loaded(t).Secrets["ANTHROPIC_API_KEY"]
	for skew, taken := range map[time.Duration]bool{time.Hour: true, -time.Hour: false} {
		s.Skew = &skew
		if _, err := buildAnthropic(&s, nil); (err == nil) != taken {
			t.Errorf("%s: %v", skew, err)
		}
	}
}

// loaded is a configuration with the whole environment.
func loaded(t *testing.T) *config.Config {
	t.Helper()
	c, err := config.Load(filepath.Join("testdata", "rekey.yaml"), everything().lookup)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
