package rotation

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"testing"

	"rekey/internal/fault"
)

// TestEveryReasonHasASentence reads the reasons out of their source, so that
// a new one cannot be forgotten here.
func TestEveryReasonHasASentence(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "../internal/fault/fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	met := 0
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := spec.Type.(*ast.Ident); !ok || kind.Name != "Reason" {
			return true
		}
		text, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		met++
		if whatHappened[fault.Reason(text)] == "" {
			t.Errorf("the reason %q has no sentence for people", text)
		}
		return true
	})
	if met < 15 {
		t.Errorf("only %d reasons were found in the source", met)
	}
}
