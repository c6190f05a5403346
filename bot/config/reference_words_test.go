package config

import (
	"go/ast"
	"go/parser"
	gotoken "go/token"
	"maps"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// write says what belongs behind a key.
func write(typ reflect.Type, t tags) string {
	least := ""
	if t.least != "" {
		least = ", at least " + t.least
	}
	switch inner, _ := below(typ); {
	case typ == sourceType:
		return "a path, or a variable's name"
	case typ == durationType:
		return "a length of time" + least
	case typ.Kind() == reflect.Pointer && inner == nil:
		return write(typ.Elem(), t)
	case typ.Kind() == reflect.Slice && inner != nil:
		return "a list"
	case typ.Kind() == reflect.Slice:
		return "a list, each " + write(typ.Elem(), t)
	case typ.Kind() == reflect.Map && inner != nil:
		return "keys, each " + formed(t.form)
	case typ.Kind() == reflect.Map:
		return "keys, each " + formed(t.form) + ", with texts"
	case inner != nil:
		return "keys"
	}
	switch typ.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number" + least
	case reflect.Float64:
		return "a number or a share" + least
	default:
		return formed(t.form)
	}
}

// formed describes a form in the words that faults use.
func formed(name string) string {
	f, example := forms[name], strings.TrimSuffix(forms[name].example, ",")
	_, such, found := strings.Cut(example, "such as ")
	switch {
	case name == "":
		return "a text"
	case f.what == "":
		return example
	case found:
		return f.what + ", such as " + such
	default:
		return f.what + ": " + example
	}
}

// siblings writes the keys of other fields that a comment speaks of by name:
// fields that hold values, and whose names are no words of their own.
func (r *reference) siblings(of reflect.Type, self reflect.StructField, text string) string {
	for i := range of.NumField() {
		f := of.Field(i)
		inner, _ := below(f.Type)
		if key := f.Tag.Get("key"); key != "" && f.Name != self.Name && inner == nil && strings.ContainsFunc(f.Name, unicode.IsLower) {
			text = regexp.MustCompile(`([a-z,] )`+f.Name+`\b`).ReplaceAllString(text, "${1}`"+key+"`")
		}
	}
	return text
}

// spoken is a comment whose first word, where it is the Go name, is the key.
// What stands for many (ENV, NAME, an item) has no key of its own.
func spoken(text, name, key string) string {
	rest, is := strings.CutPrefix(text, name)
	if !is || key == "" || key != strings.ToLower(key) || !strings.ContainsAny(rest[:min(1, len(rest))], " ,") {
		return text
	}
	return "`" + key + "`" + rest
}

// last is the last key of a path, "" where that is an item of a list.
func last(path string) string {
	if strings.HasSuffix(path, "[]") {
		return ""
	}
	return path[strings.LastIndex(path, ".")+1:]
}

var notInSlugs = regexp.MustCompile(`[^a-z0-9_ -]`)

// slug is the anchor that a heading gets.
func slug(title string) string {
	return strings.ReplaceAll(notInSlugs.ReplaceAllString(strings.ToLower(title), ""), " ", "-")
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// comments reads what the source says of every struct and field.
func comments(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for _, path := range paths {
		file, err := parser.ParseFile(gotoken.NewFileSet(), path, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range file.Decls {
			group, is := d.(*ast.GenDecl)
			if !is {
				continue
			}
			for _, s := range group.Specs {
				if spec, is := s.(*ast.TypeSpec); is {
					maps.Copy(found, explained(spec, group.Doc))
				}
			}
		}
	}
	return found
}

func explained(spec *ast.TypeSpec, above *ast.CommentGroup) map[string]string {
	found := map[string]string{spec.Name.Name: plain(above)}
	of, is := spec.Type.(*ast.StructType)
	if !is {
		return found
	}
	for _, f := range of.Fields.List {
		for _, name := range f.Names {
			found[spec.Name.Name+"."+name.Name] = plain(f.Doc)
		}
	}
	return found
}

// plain is a comment as one line.
func plain(group *ast.CommentGroup) string {
	return strings.Join(strings.Fields(group.Text()), " ")
}
