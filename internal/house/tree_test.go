package house

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "rekey"

// pkg is what the go command says of a package, paths of ours relative to the
// module.
type pkg struct {
	ImportPath   string
	Name         string
	Dir          string
	Doc          string
	GoFiles      []string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// path is the package's place in the tree.
func (p pkg) path() string { return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/") }

// tests are the imports of its tests alone.
func (p pkg) tests() []string {
	return append(append([]string(nil), p.TestImports...), p.XTestImports...)
}

// root is the folder with go.mod.
func root(t *testing.T) string {
	t.Helper()
	path, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// list runs go list in the root.
func list(t *testing.T, args ...string) []pkg {
	t.Helper()
	command := exec.CommandContext(t.Context(), "go", append([]string{"list", "-e", "-json=ImportPath,Name,Dir,Doc,GoFiles,Imports,TestImports,XTestImports"}, args...)...)
	command.Dir = root(t)
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	if err := command.Run(); err != nil {
		t.Fatalf("go list %v: %v\n%s", args, err, &stderr)
	}
	var found []pkg
	for in := json.NewDecoder(&stdout); ; {
		var p pkg
		switch err := in.Decode(&p); {
		case errors.Is(err, io.EOF):
			return found
		case err != nil:
			t.Fatal(err)
		}
		found = append(found, p)
	}
}

// ours splits imports into packages of the module and outside ones; those of
// the standard library have no dot in their first element and are left out.
func ours(imports []string) (mine, outside []string) {
	for _, i := range imports {
		first, _, _ := strings.Cut(i, "/")
		switch {
		case first == module:
			mine = append(mine, strings.TrimPrefix(i, module+"/"))
		case strings.Contains(first, "."):
			outside = append(outside, i)
		}
	}
	return mine, outside
}

// matches reports whether a package is meant by a pattern: itself, or with
// "/*" at its end anything below.
func matches(pattern, path string) bool {
	if above, all := strings.CutSuffix(pattern, "/*"); all {
		return strings.HasPrefix(path, above+"/")
	}
	return pattern == path
}

func anyMatch(patterns []string, path string) bool {
	for _, p := range patterns {
		if matches(p, path) {
			return true
		}
	}
	return false
}

// forTests reports whether a package exists for tests only.
func forTests(path string) bool {
	return slices.Contains([]string{"secrettest", "providertest", "statetest", "deploytest"}, filepath.Base(path))
}
