package house

import (
	"flag"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files")

func TestPackageComments(t *testing.T) {
	for _, p := range list(t, "./...") {
		if p.Doc == "" && len(p.GoFiles) > 0 {
			t.Errorf("%s has no package comment", p.path())
		}
	}
}

// TestTopLevel: the folders at the top are the product owner's list.
func TestTopLevel(t *testing.T) {
	known := []string{"bot", "commands", "rotation", "providers", "state", "deploy", "internal", "docs", ".ci", ".git", "bin"}
	entries, err := os.ReadDir(root(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != ".work" && !slices.Contains(known, e.Name()) {
			t.Errorf("there is a folder %s at the top; the house has %v", e.Name(), known)
		}
	}
}

// TestReveal lists every place of the product that lays a secret open. A new
// one is added to the golden file by hand or with -update, and is a thing to
// ask about in review: do the bytes go onto the wire, or into a keyed hash?
func TestReveal(t *testing.T) {
	var sites []string
	eachFile(t, func(path string, file *ast.File) {
		if strings.HasSuffix(path, "_test.go") || forTests(filepath.Dir(path)) {
			return
		}
		for _, d := range file.Decls {
			if reveals(d) {
				sites = append(sites, path+" "+declared(d))
			}
		}
	})
	slices.Sort(sites)
	golden(t, "testdata/reveal.txt", strings.Join(sites, "\n")+"\n")
}

// reveals reports a use of the method, called or handed on.
func reveals(d ast.Decl) bool {
	found := false
	ast.Inspect(d, func(n ast.Node) bool {
		if s, is := n.(*ast.SelectorExpr); is && s.Sel.Name == "Reveal" {
			found = true
		}
		return !found
	})
	return found
}

// declared names a declaration: "Method of Type", "function" or "variables".
func declared(d ast.Decl) string {
	f, is := d.(*ast.FuncDecl)
	if !is {
		return "(declarations)"
	}
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return f.Name.Name
	}
	of := f.Recv.List[0].Type
	if star, is := of.(*ast.StarExpr); is {
		of = star.X
	}
	if name, is := of.(*ast.Ident); is {
		return name.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

// TestHabits holds what no linter here says.
func TestHabits(t *testing.T) {
	eachFile(t, func(path string, file *ast.File) {
		if name := file.Name.Name; slices.Contains([]string{"util", "utils", "common", "helpers"}, name) {
			t.Errorf("%s: a package called %s says nothing", path, name)
		}
		for _, group := range file.Comments {
			for _, word := range []string{"TODO", "FIXME"} {
				if strings.Contains(group.Text(), word) {
					t.Errorf("%s: a comment says %s", path, word)
				}
			}
		}
	})
}

// eachFile parses every Go file of the tree.
func eachFile(t *testing.T, do func(path string, file *ast.File)) {
	t.Helper()
	top, seen := root(t), 0
	err := filepath.WalkDir(top, func(path string, entry os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata" || entry.Name() == "bin"):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(path, ".go"):
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			return err
		}
		short, err := filepath.Rel(top, path)
		if err != nil {
			return err
		}
		seen++
		do(filepath.ToSlash(short), file)
		return nil
	})
	if err != nil || seen < 50 {
		t.Fatalf("%d files were read: %v", seen, err)
	}
}

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
