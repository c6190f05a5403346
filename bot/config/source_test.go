package config

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

func fileWith(t *testing.T, text string, mode fs.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestSourceRead(t *testing.T) {
	env := func(name string) (string, bool) {
		v, found := map[string]string{"SET": "from the environment", "EMPTY": ""}[name]
		return v, found
	}
	for name, test := range map[string]struct {
		source Source
		want   string
		err    error
	}{
		"file":           {source: Source{File: fileWith(t, "value", 0o600)}, want: "value"},
		"one newline":    {source: Source{File: fileWith(t, "value\n\n", 0o600)}, want: "value\n"},
		"windows":        {source: Source{File: fileWith(t, "value\r\n", 0o600)}, want: "value"},
		"variable":       {source: Source{Env: "SET", env: env}, want: "from the environment"},
		"empty variable": {source: Source{Env: "EMPTY", env: env}, err: errEmpty},
		"unset":          {source: Source{Env: "UNSET", env: env}, err: errUnset},
		"absent file":    {source: Source{File: filepath.Join(t.TempDir(), "no")}, err: fs.ErrNotExist},
		"empty file":     {source: Source{File: fileWith(t, "\n", 0o600)}, err: errEmpty},
		"long file":      {source: Source{File: fileWith(t, strings.Repeat("x", maxSecret+1), 0o600)}, err: errLong},
		"nothing":        {source: Source{}, err: errAbsent},
	} {
		test.source.Path = "slack.bot_token"
		got, err := test.source.Read()
		if !errors.Is(err, test.err) || !got.Equal(secret.New(test.want)) {
			t.Errorf("%s: error %v, right value: %v", name, err, got.Equal(secret.New(test.want)))
		}
		if err != nil && !strings.Contains(err.Error(), "slack.bot_token") {
			t.Errorf("%s: the error does not name the key: %v", name, err)
		}
	}
}

func TestSourceReadsAnew(t *testing.T) {
	path := fileWith(t, "first-value", 0o600)
	s := Source{File: path}
	if _, err := s.Read(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte("second-value"), 0o600); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Read(); err != nil || !v.Equal(secret.New("second-value")) {
		t.Errorf("a mounted file that changed was not read again: %v", err)
	}
}

func TestSourceWarning(t *testing.T) {
	for mode, warned := range map[fs.FileMode]bool{0o600: false, 0o400: false, 0o640: true, 0o604: true, 0o666: true} {
		s := Source{File: fileWith(t, "value", mode), Path: "slack.bot_token"}
		if got := s.Warning(); (got != "") != warned {
			t.Errorf("mode %04o: %q", mode, got)
		}
	}
	if got := (Source{Env: "A"}).Warning(); got != "" {
		t.Errorf("a variable: %q", got)
	}
}

func TestSourceLeaksNothing(t *testing.T) {
	value := "q1w2e3r4t5y6u7i8o9p0-the-value"
	s := Source{File: fileWith(t, value, 0o644), Path: "a.b"}
	v, err := s.Read()
	if err != nil {
		t.Fatal(err)
	}
	long := Source{File: fileWith(t, value+strings.Repeat("x", maxSecret), 0o600), Path: "a.b"}
	_, tooLong := long.Read()
	secrettest.NoLeak(t, []secret.Value{secret.New(value)}, v, s, s.Warning(), tooLong)
}

func TestSources(t *testing.T) {
	c, err := Load("testdata/minimal.good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	own, admin := c.sources()
	if len(own) != 10 || len(admin) != 1 || admin[0].Path != "secrets.FAL_KEY.admin.key" {
		t.Errorf("own: %v\nadmin: %v", own, admin)
	}
}

func TestFindings(t *testing.T) {
	env := func(string) (string, bool) { return "a value", true }
	c, err := Load("testdata/full.good.yaml", env)
	if err != nil {
		t.Fatal(err)
	}
	c.Environments.Staging.Checks[0].Loki.Query = `{app="web"}`
	found := strings.Join(c.Findings(), "\n")
	for _, want := range []string{
		"reading slack", // must not be there: see below
		"reading redis.password from file /run/rekey/redis-password: no such file",
		"redis.durability: accepted",
		"environments.staging.checks, errors: a query without {{deployment}}",
		"secrets.FAL_KEY: whoever asks",
	} {
		if got := strings.Contains(found, want); got != (want != "reading slack") {
			t.Errorf("%q found: %v, in:\n%s", want, got, found)
		}
	}
	want := []Host{
		{"slack.api_url", "http://127.0.0.1:8065/api/"},
		{"infisical.url", "https://eu.infisical.com"},
		{"secrets.ANTHROPIC_API_KEY.console_url", "https://console.example.com/keys"},
		{"secrets.FAL_KEY.base_url", "http://localhost:9000/v1"},
		{"secrets.LANGFUSE_SECRET_KEY.base_url", "https://langfuse.example.com/traces"},
		{"secrets.LANGFUSE_SECRET_KEY.langfuse.sites.production.base_url", "https://us.cloud.langfuse.com"},
		{"secrets.MEM0_API_KEY.mem0.servers.staging.base_url", "https://memory.staging.example.com"},
		{"secrets.MEM0_API_KEY.mem0.servers.production.base_url", "https://memory.example.com"},
		{"secrets.R2_ACCESS_KEY_ID.r2.endpoint", "https://media.example.com"},
		{"secrets.SUPABASE_SERVICE_ROLE_KEY.project_url", "https://{ref}.db.example.com"},
		{"secrets.UPSTASH_REDIS_REST_TOKEN.upstash.production.url", "https://redis.example.com/shop"},
		{"secrets.UPSTASH_REDIS_REST_TOKEN.upstash.production.redis", "redis.example.com:6380"},
	}
	if diff := cmp.Diff(want, c.Hosts()); diff != "" {
		t.Errorf("hosts (-want +got):\n%s", diff)
	}
}

// TestLenient holds what is said of a file that weakens every proof, and that
// nothing is said of one that weakens none.
func TestLenient(t *testing.T) {
	c, err := Load("testdata/lenient.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "testdata/lenient.txt", strings.Join(c.lenient(), "\n")+"\n")
	if c, err = Load("../../deploy/packaging/rekey.example.yaml", nil); err != nil {
		t.Fatal(err)
	}
	if found := c.lenient(); len(found) > 0 {
		t.Errorf("of the example is said:\n%s", strings.Join(found, "\n"))
	}
}
