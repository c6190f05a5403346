package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestOwnRedisByName: a name under which Rekey reads its own Redis may be a
// variable of the service that has Redis: it has a second path, and whoever reads
// the file's report is told. No other secret may.
func TestOwnRedisByName(t *testing.T) {
	text, err := os.ReadFile("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	at := strings.Index(string(text), "\nredis:\n")
	end := at + len("\nredis:\n")
	for strings.HasPrefix(string(text[end:]), "  ") {
		end += strings.Index(string(text[end:]), "\n") + 1
	}
	load := func(variable string) (*Config, error) {
		file := filepath.Join(t.TempDir(), "rekey.yaml")
		body := string(text[:at]) + "\nredis:\n  url_env: " + variable + "\n" + string(text[end:])
		if err := os.WriteFile(file, []byte(body), 0o600); err != nil {
			t.Fatal(err)
		}
		return Load(file, nil)
	}
	c, err := load("SEARCH_REST_TOKEN")
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Secrets["SEARCH_REDIS"].Stands; got != "SEARCH_REST_TOKEN, for redis.url" {
		t.Errorf("it stands on %q", got)
	}
	if c.Secrets["UPSTASH_REDIS_REST_TOKEN"].Stands != "" {
		t.Error("another one is taken for it")
	}
	if !slices.ContainsFunc(c.Findings(), func(f string) bool {
		return strings.Contains(f, "secrets.SEARCH_REDIS: Rekey itself reads SEARCH_REST_TOKEN")
	}) {
		t.Errorf("nobody is told: %v", c.Findings())
	}
	if _, err := load("MY_FAL_KEY"); err == nil || !strings.Contains(err.Error(), "would lock itself out") {
		t.Errorf("a key of another service: %v", err)
	}
}
