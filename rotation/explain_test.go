package rotation

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strconv"
	"strings"
	"testing"

	"rekey/internal/fault"
)

// TestWhatAProxyRefused: nobody mends a credential because of what stands in
// between.
func TestWhatAProxyRefused(t *testing.T) {
	r := &Rotation{Secret: "FAL_KEY"}
	for foreign, want := range map[bool][2]string{
		false: {"the credential Rekey asked with was refused (status 401)", "Mend the credential"},
		true:  {"something in between refused the request", "a proxy or a login page"},
	} {
		p := explain(r, Step{Act: Issue}, &fault.Error{Op: "listing keys", Reason: fault.Unauthorized, Status: 401, Foreign: foreign})
		if !strings.Contains(p.What, want[0]) || !strings.Contains(p.Next, want[1]) || foreign && strings.Contains(p.Text(), "redential") {
			t.Errorf("foreign %v: %s", foreign, p.Text())
		}
	}
}

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
