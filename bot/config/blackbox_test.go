package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestEveryAddressIsOnThePage: docs/blackbox.md names each key that says where
// something outside is.
func TestEveryAddressIsOnThePage(t *testing.T) {
	page, err := os.ReadFile("../../docs/blackbox.md")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	var visit func(typ reflect.Type, path string)
	seen := map[reflect.Type]bool{}
	visit = func(typ reflect.Type, path string) {
		if seen[typ] {
			return
		}
		seen[typ] = true
		for i := range typ.NumField() {
			tag := tagsOf(typ.Field(i))
			inner, suffix := below(typ.Field(i).Type)
			switch {
			case tag.key == "":
			case inner != nil:
				visit(inner, join(path, tag.key)+suffix)
			case tag.form == "url" || tag.form == "base" || tag.form == "address":
				found++
				// The last two words of the path, or the key alone where a row
				// names it beside its neighbour.
				if !strings.Contains(string(page), last(path)+"."+tag.key) && !strings.Contains(string(page), "`"+tag.key+"`") {
					t.Errorf("%s is an address, and the page does not name it", join(path, tag.key))
				}
			}
		}
	}
	visit(reflect.TypeFor[Config](), "")
	if found < 8 {
		t.Errorf("only %d addresses were found: this test reads the structs wrongly", found)
	}
}
