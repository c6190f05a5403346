package providers_test

import (
	"go/doc/comment"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestHowTo cuts the adapter and its test out of the package comment, builds
// them as a package of their own, and runs them: who follows the page has an
// adapter that keeps the contract.
func TestHowTo(t *testing.T) {
	home := t.TempDir()
	for name, source := range sources(t) {
		write(t, home, name, source)
	}
	module(t, home)
	for _, args := range [][]string{{"vet", "."}, {"test", "-v", "-count=1", "."}} {
		cmd := exec.CommandContext(t.Context(), "go", args...)
		cmd.Dir, cmd.Env = home, append(os.Environ(), "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
		said, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %s: %v\n%s", args[0], err, said)
		}
		if args[0] == "test" && !strings.Contains(string(said), "--- PASS: TestTiny/an_issued_credential_is_found,_lives_and_dies") {
			t.Errorf("the contract was not run:\n%s", said)
		}
	}
}

// module makes the folder a module beside this one, with the same
// requirements, which are at hand.
func module(t *testing.T, home string) {
	t.Helper()
	for _, name := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if name == "go.mod" {
			root, err := filepath.Abs("..")
			if err != nil {
				t.Fatal(err)
			}
			text = append([]byte(strings.Replace(string(text), "module rekey\n", "module rekey/providers/tiny\n", 1)),
				"\nrequire rekey v0.0.0\n\nreplace rekey => "+root+"\n"...)
		}
		write(t, home, name, string(text))
	}
}

func write(t *testing.T, folder, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sources are the files that the page spells out: each begins with its package
// clause.
func sources(t *testing.T) map[string]string {
	t.Helper()
	page, err := parser.ParseFile(token.NewFileSet(), "doc.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	names := []string{"tiny.go", "tiny_test.go"}
	files, n := map[string]string{}, -1
	for _, block := range new(comment.Parser).Parse(page.Doc.Text()).Content {
		code, ok := block.(*comment.Code)
		if !ok {
			continue
		}
		if strings.HasPrefix(code.Text, "package tiny") {
			n++
		}
		if n >= 0 && n < len(names) {
			files[names[n]] += code.Text + "\n"
		}
	}
	if len(files) != len(names) {
		t.Fatalf("the page spells out %d files, not %d", len(files), len(names))
	}
	return files
}
