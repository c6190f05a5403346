package config

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"text/template"
)

// page is generated from this package.
const page = "../../docs/configuration.md"

// TestReference holds the page against the structs. -update writes it.
func TestReference(t *testing.T) {
	r := reference{words: comments(t), sections: map[reflect.Type]*section{}}
	r.visit(reflect.TypeFor[Config](), "")
	r.sections[reflect.TypeFor[Config]()].Text = "Everything else is below one of these keys."
	for _, s := range r.order {
		for _, row := range s.Rows {
			if row.Meaning == "" {
				t.Errorf("%s, %s: nothing explains it", s.Title, row.Key)
			}
		}
	}
	example, err := os.ReadFile("testdata/minimal.good.yaml")
	if err != nil {
		t.Fatal(err)
	}
	form, err := template.ParseFiles("testdata/configuration.md.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := form.Execute(&text, map[string]any{"Example": string(example), "Sections": r.order}); err != nil {
		t.Fatal(err)
	}
	golden(t, page, text.String())
}

// TestReferenceExample: the first example of the page is a configuration.
func TestReferenceExample(t *testing.T) {
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "```yaml\n")
	example, _, found := strings.Cut(rest, "```\n")
	if !found {
		t.Fatal("the page has no example")
	}
	if _, err := Parse("example", []byte(example), nil); err != nil {
		t.Errorf("the example is refused:\n%v", err)
	}
}

// TestReferenceIsComplete: what a loaded configuration holds is on the page,
// and nothing else is.
func TestReferenceIsComplete(t *testing.T) {
	c, err := Load("testdata/full.good.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	r := reference{words: comments(t), sections: map[reflect.Type]*section{}}
	r.visit(reflect.TypeFor[Config](), "")
	documented, loaded := map[string]string{}, map[string]bool{}
	for _, s := range r.order {
		for _, row := range s.Rows {
			for _, at := range s.paths {
				if !row.parent {
					documented[join(at, row.path)] = s.Title + ": " + row.path
				}
			}
		}
	}
	for _, line := range flat(reflect.ValueOf(*c), "") {
		key, _, _ := strings.Cut(line, " = ")
		row := documentedAs(documented, general(key))
		if loaded[row] = true; row == "" {
			t.Errorf("%s is not on the page", key)
		}
	}
	for _, row := range documented {
		if !loaded[row] {
			t.Errorf("%s: on the page, and in no configuration", row)
		}
	}
}

// documentedAs finds a key, or the list or mapping that it is an item of.
func documentedAs(documented map[string]string, key string) string {
	for ; key != ""; key = key[:max(strings.LastIndexAny(key, ".["), 0)] {
		if row, known := documented[key]; known {
			return row
		}
	}
	return ""
}

var (
	item  = regexp.MustCompile(`\[\d+\]`)
	named = regexp.MustCompile(`^secrets\.[^.]+`)
	oneOf = regexp.MustCompile(`\b(environments|affected)\.(staging|production)\b`)
)

// general is a key path with the page's words for what differs.
func general(path string) string {
	return oneOf.ReplaceAllString(named.ReplaceAllString(item.ReplaceAllString(path, "[]"), "secrets.NAME"), "$1.ENV")
}

// reference collects one section for each struct.
type reference struct {
	words    map[string]string // comments, by "Type" and "Type.Field"
	sections map[reflect.Type]*section
	order    []*section
}

type section struct {
	Title, Text string
	Rows        []row
	paths       []string
}

type row struct {
	Key, Write, Default, Meaning string

	path   string
	parent bool // has a section of its own
}

// visit describes a struct, or notes that it stands at one more path.
func (r *reference) visit(typ reflect.Type, path string) {
	path = general(path)
	s, known := r.sections[typ]
	if !known {
		s = &section{Title: path, Text: spoken(r.words[typ.Name()], typ.Name(), last(path))}
		if path == "" {
			s.Title = "The top of the file"
		}
		r.sections[typ] = s
		r.order = append(r.order, s)
	}
	if !slices.Contains(s.paths, path) {
		s.paths = append(s.paths, path)
		if len(s.paths) > 1 {
			s.Text = strings.Split(s.Text, "\n\nAlso")[0] + "\n\nAlso as `" + strings.Join(s.paths[1:], "`, `") + "`."
		}
	}
	for i := range typ.NumField() {
		f := typ.Field(i)
		t := tagsOf(f)
		if t.key == "" {
			continue
		}
		inner, suffix := below(f.Type)
		at := general(join(path, t.key) + suffix)
		if !known {
			s.Rows = append(s.Rows, r.row(typ, f, at))
		}
		if inner != nil {
			r.visit(inner, at)
		}
	}
}

// below is the struct that a field leads to, nil where it holds a value.
func below(typ reflect.Type) (reflect.Type, string) {
	suffix := ""
	for {
		switch typ.Kind() {
		case reflect.Slice:
			typ, suffix = typ.Elem(), "[]"
		case reflect.Map:
			typ, suffix = typ.Elem(), ".NAME"
		case reflect.Pointer:
			typ = typ.Elem()
		case reflect.Struct:
			if typ != sourceType {
				return typ, suffix
			}
			return nil, ""
		default:
			return nil, ""
		}
	}
}

func (r *reference) row(of reflect.Type, f reflect.StructField, at string) row {
	t := tagsOf(f)
	inner, _ := below(f.Type)
	words := r.words[of.Name()+"."+f.Name]
	if words == "" && inner != nil {
		words = spoken(r.words[inner.Name()], inner.Name(), t.key)
	}
	line := row{
		Key: "`" + t.key + "`", Write: write(f.Type, t), Default: "–",
		Meaning: r.siblings(of, f, spoken(words, f.Name, t.key)), path: t.key, parent: inner != nil,
	}
	switch {
	case f.Type == sourceType:
		line.Key = "`" + t.key + "_file` or `" + t.key + "_env`"
	case inner != nil:
		first := at
		if s, known := r.sections[inner]; known {
			first = s.Title
		}
		line.Write = "[" + line.Write + "](#" + slug(first) + ")"
	}
	switch {
	case t.inherit != "":
		line.Default, line.Meaning = "`"+t.inherit+"`", inherited(t.inherit)
	case t.fallback != "":
		line.Default = "`" + t.fallback + "`"
	case t.need != "":
		line.Default = "**required**"
	}
	line.Write, line.Meaning = cell(line.Write), cell(line.Meaning)
	return line
}

func inherited(key string) string {
	text := "For this secret alone; each key left out is that of `" + key + "` at the top."
	if key == "policy" {
		text += " Naming approvers replaces all of them."
	}
	return text
}
