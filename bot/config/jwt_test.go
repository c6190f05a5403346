package config

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestVariablesOfTokens: the second variable is that of the value before, under
// a name of the catalogue and under one of somebody's own.
func TestVariablesOfTokens(t *testing.T) {
	text, err := os.ReadFile("testdata/full.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"JWT_SECRET", "OTHER_SECRET"} {
		own := strings.Replace(string(text), "  JWT_SECRET:\n", "  "+name+":\n    service: supabase-jwt\n    impact: everybody is signed out\n", 1)
		own = strings.Replace(own, "jwt_use: verify", "jwt_use: mint", 1)
		path := filepath.Join(t.TempDir(), "rekey.yaml")
		if err := os.WriteFile(path, []byte(own), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := Load(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if e := c.Secrets[name].Entry; e.Previous != "APP_JWT_SECRET_BEFORE" || e.Service != serviceOfSigningKeys {
			t.Errorf("%s: %+v", name, e)
		}
		if !slices.ContainsFunc(c.Findings(), func(f string) bool { return strings.Contains(f, name+".jwt_use: mint") }) {
			t.Errorf("%s: nobody is told that it is not rotated", name)
		}
	}
}
