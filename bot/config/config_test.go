package config

import (
	"errors"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
	"rekey/rotation"
	"rekey/rotation/watch"
)

var update = flag.Bool("update", false, "write the golden files")

// golden holds text against a file, or writes the file.
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

func files(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(found) == 0 {
		t.Fatalf("no test data %s: %v", pattern, err)
	}
	return found
}

// TestGood holds the whole effective configuration of each good file.
func TestGood(t *testing.T) {
	for _, path := range files(t, "*.good.yaml") {
		c, err := Load(path, nil)
		if err != nil {
			t.Errorf("%s:\n%v", path, err)
			continue
		}
		golden(t, strings.TrimSuffix(path, ".yaml")+".txt", strings.Join(flat(reflect.ValueOf(*c), ""), "\n")+"\n")
	}
}

// flat lists every key with its effective value, one a line.
func flat(v reflect.Value, path string) []string {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return flat(v.Elem(), path)
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		var lines []string
		for _, key := range keys {
			lines = append(lines, flat(v.MapIndex(key), join(path, key.String()))...)
		}
		return lines
	case reflect.Slice:
		var lines []string
		for i := range v.Len() {
			lines = append(lines, flat(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return lines
	case reflect.Struct:
		if v.Type() != sourceType {
			var lines []string
			for i := range v.NumField() {
				if key := v.Type().Field(i).Tag.Get("key"); key != "" {
					lines = append(lines, flat(v.Field(i), join(path, key))...)
				}
			}
			return lines
		}
	}
	return []string{fmt.Sprintf("%s = %v", path, v.Interface())}
}

// TestBad holds the faults of each bad file: all of them, each with its line.
func TestBad(t *testing.T) {
	for _, path := range files(t, "*.bad.yaml") {
		c, err := Load(path, nil)
		var faults Faults
		if !errors.As(err, &faults) {
			t.Errorf("%s: want faults, got %v", path, err)
			continue
		}
		if c != nil {
			t.Errorf("%s: a faulty file gave a configuration", path)
		}
		golden(t, strings.TrimSuffix(path, ".yaml")+".txt", err.Error()+"\n")
	}
}

// TestInlineTokens: a secret in the file is complained of and never repeated,
// wherever it stands: under a known key, an unknown one, as a key itself.
func TestInlineTokens(t *testing.T) {
	_, err := Load("testdata/inline-tokens.bad.yaml", nil)
	if err == nil {
		t.Fatal("no fault")
	}
	secrettest.NoLeak(t, []secret.Value{
		secret.New("xapp-1-A0000000000-1111111111-aaaabbbbccccdddd"),
		secret.New("xoxb-1111111111-2222222222-AbCdEfGhIjKlMnOp"),
		secret.New("xoxp-3333333333-4444444444-QrStUvWxYz"),
		secret.New("redis://:Sw0rdfishSw0rdfish@redis.example.com:6379"),
		secret.New("3f2a1b0c-aaaa-bbbb:0123456789abcdef0123456789abcdef"),
		secret.New("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"),
		secret.New("xoxb-5555555555-6666666666-KeyIsASecretToo"),
	}, err)
}

func TestLooksSecret(t *testing.T) {
	for text, want := range map[string]bool{
		"xoxb-1-2-abc":                                    true,
		"Bearer xoxe.xoxp-1-abc":                          true,
		"sk-ant-REDACTED":                                 true,
		"9d8e7f6a5b4c:q1w2e3r4t5y6u7i8o9":                 true,
		"https://u:pass@example.com":                      true,
		"https://x.example/?api-key=A1b2C3d4E5f6G7h8I9j0": true,
		"A1b2C3d4E5f6G7h8I9j0K1":                          true,
		"0123456789abcdef0123456789abcdef":                true,

		"":                                          false,
		"7b0e6d1c-9f1e-4a57-8f2e-52f2f6d0c1aa":      false,
		"/run/secrets/slack-app-token-2026":         false,
		"https://app.example.com/healthz?deep=1":    false,
		"redis-master.cache.svc.cluster.local:6379": false,
		"127.0.0.1:6379":                            false,
		"SUPABASE_SERVICE_ROLE_KEY":                 false,
		"supabase-service-role-key-production":      false,
		"C0123ABCDEF":                               false,
		`{app="web"} |= "error" != "0123456789abcdef0123456789"`: false,
	} {
		if got := looksSecret(text); got != want {
			t.Errorf("looksSecret(%q) = %v, want %v", text, got, want)
		}
	}
}

// TestInherited: a secret's own policy, watch and pace override single keys
// of the top ones, wherever in the file those stand.
func TestInherited(t *testing.T) {
	c, err := Load("testdata/full.good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	fal, mine := c.Secrets["FAL_KEY"], c.Secrets["MY_FAL"]
	want := c.Watch
	want.Window = 10 * time.Minute
	if diff := cmp.Diff(want, fal.Watch); diff != "" {
		t.Errorf("watch (-want +got):\n%s", diff)
	}
	if fal.Policy.Quorum != 1 || fal.Policy.Approvers.Group != "S0IMAGES" || len(fal.Policy.Approvers.Users) != 0 || !fal.Policy.SelfApproval || fal.Policy.Expiry != 60*time.Hour {
		t.Errorf("policy: %+v", fal.Policy)
	}
	if diff := cmp.Diff(c.Policy, mine.Policy); diff != "" {
		t.Errorf("policy without keys of its own (-want +got):\n%s", diff)
	}
	if fal.Pace.Fresh != 15*time.Second || fal.Pace.DeployPoll != 2*time.Second {
		t.Errorf("pace: %+v", fal.Pace)
	}
}

// TestDefaultsAgree: the watch of a file that says nothing is the one the
// leaf package documents.
func TestDefaultsAgree(t *testing.T) {
	c, err := Load("testdata/minimal.good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, w := range map[string]Watch{"watch": c.Watch, "watch_after": c.WatchAfter, "secret": c.Secrets["FAL_KEY"].Watch} {
		if diff := cmp.Diff(watch.Defaults(), w.Params()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestCatalogueEntries(t *testing.T) {
	c, err := Load("testdata/full.good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	want := rotation.Secret{
		Name: "MY_FAL", Service: "fal", Title: "fal.ai", Impact: "thumbnails stop",
		Variables: []string{"MY_FAL_KEY", "MY_FAL_COPY"}, Built: true,
	}
	if diff := cmp.Diff(want, c.Secrets["MY_FAL"].Entry); diff != "" {
		t.Errorf("an entry of one's own (-want +got):\n%s", diff)
	}
	fal := c.Secrets["FAL_KEY"].Entry
	if fal.Title != "fal.ai" || fal.Impact != "pictures stop" || fal.Period != 30*24*time.Hour || !fal.Built {
		t.Errorf("a catalogue entry with changes: %+v", fal)
	}
}

// TestTags: every tag is understood, and every default can be parsed.
func TestTags(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var visit func(reflect.Type)
	visit = func(typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Map {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == sourceType || seen[typ] {
			return
		}
		seen[typ] = true
		setDefaults(reflect.New(typ).Elem()) // panics on a default that cannot be parsed
		for i := range typ.NumField() {
			tag := tagsOf(typ.Field(i))
			if tag.key == "" {
				continue
			}
			if _, known := forms[tag.form]; tag.form != "" && !known {
				t.Errorf("%s.%s: there is no form %q", typ, typ.Field(i).Name, tag.form)
			}
			if tag.least != "" && typ.Field(i).Type.Kind() != reflect.Slice && typ.Field(i).Type.Kind() != reflect.Pointer {
				_ = tooSmall(reflect.New(typ.Field(i).Type).Elem(), tag.least) // panics likewise
			}
			visit(typ.Field(i).Type)
		}
	}
	visit(reflect.TypeFor[Config]())
	if len(seen) < 15 {
		t.Errorf("only %d structs were visited", len(seen))
	}
}

// TestKeysAreExplained: every key that holds a value has a comment, from which
// people learn what it means.
func TestKeysAreExplained(t *testing.T) {
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	keys := 0
	for _, path := range paths {
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			f, is := n.(*ast.Field)
			if !is || f.Tag == nil || !strings.Contains(f.Tag.Value, "key:") {
				return true
			}
			keys++
			if of, own := f.Type.(*ast.Ident); f.Doc == nil && (!own || !of.IsExported()) {
				if star, pointer := f.Type.(*ast.StarExpr); !pointer || !star.X.(*ast.Ident).IsExported() {
					t.Errorf("%s: %s has no comment", path, f.Names[0].Name)
				}
			}
			return true
		})
	}
	if keys < 100 {
		t.Errorf("only %d keys were seen", keys)
	}
}

func TestNearest(t *testing.T) {
	known := []string{"window", "interval", "initial_delay", "min_rate"}
	for word, want := range map[string]string{"windwo": "window", "intervall": "interval", "initialdelay": "initial_delay", "zebra": "", "": ""} {
		if got := nearest(word, known); got != want {
			t.Errorf("nearest(%q) = %q, want %q", word, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{"90d": 90 * 24 * time.Hour, "1d12h": 36 * time.Hour, "0": 0, "250ms": 250 * time.Millisecond} {
		if got, ok := duration(text); !ok || got != want {
			t.Errorf("duration(%q) = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "d", "1.5d", "1d-2h", "1dd", "5 minutes", "99999d", "10", "9999999h"} {
		if got, ok := duration(text); ok {
			t.Errorf("duration(%q) = %v", text, got)
		}
	}
}

func TestLoadFaultsOutsideTheFile(t *testing.T) {
	if _, err := Load(filepath.Join(t.TempDir(), "absent.yaml"), nil); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	big := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(big, []byte(strings.Repeat("#", maxFile+1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(big, nil); err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("big: %v", err)
	}
}

// FuzzParse: whatever the file holds, the answer is a configuration or faults
// with lines, never a panic; and no fault repeats a Slack token.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"*.good.yaml", "*.bad.yaml"} {
		found, _ := filepath.Glob(filepath.Join("testdata", pattern))
		for _, path := range found {
			body, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(body)
		}
	}
	f.Add([]byte("a: &a [*a]"))
	f.Add([]byte("secrets: &s {FAL_KEY: {watch: *s}}"))
	f.Add([]byte("{{{{"))
	f.Fuzz(func(t *testing.T, body []byte) {
		c, err := Parse("f.yaml", body, nil)
		if (c == nil) == (err == nil) {
			t.Fatalf("configuration %v with error %v", c, err)
		}
		var faults Faults
		if err != nil && (!errors.As(err, &faults) || len(faults) == 0) {
			t.Fatalf("an error without faults: %v", err)
		}
		for _, one := range faults {
			if one.Line < 1 {
				t.Errorf("a fault without a line: %v", one)
			}
			if marked.MatchString(one.String()) {
				t.Errorf("a fault repeats a secret")
			}
		}
	})
}
