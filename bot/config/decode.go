package config

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// decoder lays a YAML tree over the structs of this package. It goes on after
// a fault, so that all are found at once.
type decoder struct {
	file   string
	env    Lookup
	top    reflect.Value  // the Config being filled
	lines  map[string]int // where each key path stands
	told   map[*yaml.Node]bool
	faults Faults
}

// tags of one field, as the package comment lists them.
type tags struct {
	key, fallback, need, form, least, inherit string
}

func tagsOf(f reflect.StructField) tags {
	t := f.Tag
	return tags{key: t.Get("key"), fallback: t.Get("default"), need: t.Get("need"), form: t.Get("form"), least: t.Get("min"), inherit: t.Get("inherit")}
}

var (
	sourceType   = reflect.TypeFor[Source]()
	durationType = reflect.TypeFor[time.Duration]()
	peopleType   = reflect.TypeFor[People]()
)

// say records a fault at the line of a path, or of the nearest one above it.
func (d *decoder) say(path, what, instead string) {
	d.sayAt(d.line(path), path, what, instead)
}

func (d *decoder) sayAt(line int, path, what, instead string) {
	if path != "" {
		what = path + ": " + what
	}
	d.faults = append(d.faults, Fault{File: d.file, Line: line, What: what, Write: instead})
}

// lack records that something is not there.
func (d *decoder) lack(path, what, write string) {
	d.say(path, what, write)
	d.faults[len(d.faults)-1].Missing = true
}

func (d *decoder) line(path string) int {
	for path != "" {
		if line, known := d.lines[path]; known {
			return line
		}
		path = path[:max(strings.LastIndexAny(path, ".["), 0)]
	}
	return 1
}

// member is one key of a mapping with its value.
type member struct{ key, value *yaml.Node }

// members reads a mapping. An absent or empty node has none.
func (d *decoder) members(n *yaml.Node, path string) map[string]member {
	n = resolve(n)
	if n == nil || n.Tag == "!!null" {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		d.sayAt(n.Line, path, "keys are expected here", "a key and a colon on lines of their own")
		return nil
	}
	found := map[string]member{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		switch first, twice := found[key.Value]; {
		case key.Kind != yaml.ScalarNode:
			d.sayAt(key.Line, path, "a key must be a word", "a plain word")
		case key.Tag == "!!merge":
			d.sayAt(key.Line, path, "merging with << is not understood here", "the keys themselves")
		case twice:
			d.sayAt(key.Line, join(path, name(key)), fmt.Sprintf("the key stands on line %d already", first.key.Line), "it once")
		default:
			found[key.Value] = member{key, value}
		}
	}
	return found
}

// resolve follows aliases; a bound keeps an alias to itself from looping.
func resolve(n *yaml.Node) *yaml.Node {
	for range 8 {
		if n == nil || n.Kind != yaml.AliasNode {
			return n
		}
		n = n.Alias
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// name is a key as a message may repeat it.
func name(key *yaml.Node) string {
	if looksSecret(key.Value) || len(key.Value) > 64 {
		return "(a key that is not shown)"
	}
	return key.Value
}

// structure fills a struct whose defaults are set.
func (d *decoder) structure(n *yaml.Node, v reflect.Value, path string) {
	found := d.members(spelledOut(n, v.Type()), path)
	for key, m := range found {
		d.lines[join(path, key)] = m.key.Line
	}
	var known []string
	for i := range v.NumField() {
		t := tagsOf(v.Type().Field(i))
		if t.key == "" {
			continue
		}
		at := join(path, t.key)
		if v.Type().Field(i).Type == sourceType {
			known = append(known, t.key+"_file", t.key+"_env")
			d.source(found, v.Field(i), t, at)
			continue
		}
		known = append(known, t.key)
		if t.inherit != "" {
			v.Field(i).Set(fieldByKey(d.top, t.inherit))
		}
		m, present := found[t.key]
		delete(found, t.key)
		d.field(m.value, present, v.Field(i), t, at)
	}
	d.unknown(found, known, path)
}

// spelledOut turns a lone text into the mapping it is short for, where the struct
// has a field that it may stand for.
func spelledOut(n *yaml.Node, typ reflect.Type) *yaml.Node {
	n = resolve(n)
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return n
	}
	for f := range typ.Fields() {
		if f.Tag.Get("short") != "" {
			key := &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: f.Tag.Get("key"), Line: n.Line}
			return &yaml.Node{Kind: yaml.MappingNode, Tag: "!!map", Line: n.Line, Content: []*yaml.Node{key, n}}
		}
	}
	return n
}

func fieldByKey(v reflect.Value, key string) reflect.Value {
	for i := range v.NumField() {
		if v.Type().Field(i).Tag.Get("key") == key {
			return v.Field(i)
		}
	}
	panic("no field has the key " + key) // unreachable unless a tag names a key that does not exist
}

func (d *decoder) unknown(left map[string]member, known []string, path string) {
	for _, key := range slices.Sorted(maps.Keys(left)) {
		m := left[key]
		at := join(path, name(m.key))
		if near := nearest(key, known); near != "" {
			d.sayAt(m.key.Line, at, "there is no such key", near)
			continue
		}
		d.sayAt(m.key.Line, at, "there is no such key", "one of "+strings.Join(known, ", "))
	}
}

// source reads the pair of keys that stand for one secret.
func (d *decoder) source(found map[string]member, v reflect.Value, t tags, at string) {
	s := Source{Path: at, env: d.env}
	for _, suffix := range []string{"_env", "_file", ""} {
		if m, present := found[t.key+suffix]; present {
			d.lines[at] = m.key.Line
		}
	}
	if m, inline := found[t.key]; inline {
		d.tell(m.value)
		d.sayAt(m.key.Line, at, "a secret does not belong in this file, and if one stands here it has leaked",
			t.key+"_file: and a path, or "+t.key+"_env: and a variable's name,")
	}
	s.File = d.place(found[t.key+"_file"], at+"_file", "the path of a file")
	s.Env = d.place(found[t.key+"_env"], at+"_env", "the name of a variable, such as "+strings.ToUpper(t.key))
	_, inline := found[t.key]
	switch _, env := found[t.key+"_env"]; {
	case s.Env != "" && s.File != "":
		d.say(at+"_env", "the secret has two sources", "only one of "+t.key+"_file and "+t.key+"_env")
	case s.Env == "" && s.File == "" && t.need != "" && !inline && !env && found[t.key+"_file"].key == nil:
		d.lack(at, "it is missing", t.need)
	}
	for _, suffix := range []string{"", "_file", "_env"} {
		delete(found, t.key+suffix)
	}
	v.Set(reflect.ValueOf(s))
}

// place is the text of a *_file or *_env key.
func (d *decoder) place(m member, at, instead string) string {
	n := resolve(m.value)
	if n == nil {
		return ""
	}
	form := forms["file"]
	if strings.HasSuffix(at, "_env") {
		form = forms["env"]
	}
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "":
		d.sayAt(m.key.Line, at, "a text is expected here", instead)
	case looksSecret(n.Value):
		d.tell(n)
		d.sayAt(n.Line, at, "this looks like the secret itself, which has leaked if it is one", instead)
	case form.objection(n.Value) != "":
		d.sayAt(n.Line, at, form.objection(n.Value), instead)
	default:
		return n.Value
	}
	return ""
}

// tell marks a node whose secret was complained of.
func (d *decoder) tell(n *yaml.Node) {
	if n = resolve(n); n != nil {
		d.told[n] = true
	}
}

// field fills one field from its node, or leaves its default.
func (d *decoder) field(n *yaml.Node, present bool, v reflect.Value, t tags, at string) {
	n = resolve(n)
	empty := n == nil || n.Tag == "!!null"
	switch v.Kind() {
	case reflect.Struct:
		if present && v.Type() == peopleType {
			v.SetZero() // whoever names people means these, and nobody inherited beside them
		}
		d.structure(n, v, at)
	case reflect.Pointer:
		d.optional(n, present, v, t, at)
	case reflect.Map:
		d.mapping(n, v, t, at)
	case reflect.Slice:
		d.list(n, v, t, at)
	default:
		switch {
		case !empty:
			d.scalar(n, v, t, at)
		case present:
			d.lack(at, "it has no value", orElse(t.need, "one, or leave the key out"))
		}
	}
	if t.need != "" && !present && v.IsZero() && v.Kind() != reflect.Struct {
		d.lack(at, "it is missing", t.need)
	}
}

func orElse(text, other string) string {
	if text != "" {
		return text
	}
	return other
}

func (d *decoder) optional(n *yaml.Node, present bool, v reflect.Value, t tags, at string) {
	if !present {
		return
	}
	fresh := reflect.New(v.Type().Elem())
	setDefaults(fresh.Elem())
	d.field(n, present, fresh.Elem(), t, at)
	v.Set(fresh)
}

func (d *decoder) mapping(n *yaml.Node, v reflect.Value, t tags, at string) {
	found := d.members(n, at)
	out := reflect.MakeMap(v.Type())
	for _, key := range slices.Sorted(maps.Keys(found)) {
		m := found[key]
		path := join(at, name(m.key))
		d.lines[path] = m.key.Line
		if why := forms[t.form].objection(key); why != "" {
			d.sayAt(m.key.Line, path, why, forms[t.form].example)
		}
		item := reflect.New(v.Type().Elem()).Elem()
		if item.Kind() == reflect.Pointer {
			d.optional(m.value, true, item, tags{}, path)
		} else {
			d.field(m.value, true, item, tags{}, path)
		}
		out.SetMapIndex(reflect.ValueOf(key), item)
	}
	if out.Len() > 0 {
		v.Set(out)
		return
	}
	if t.need != "" && n != nil {
		d.lack(at, "it is empty", t.need)
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, t tags, at string) {
	if n == nil {
		return
	}
	if n.Kind != yaml.SequenceNode {
		d.sayAt(n.Line, at, "a list is expected here", "the items in brackets, such as [one, two]")
		return
	}
	out := reflect.MakeSlice(v.Type(), 0, len(n.Content))
	for i, one := range n.Content {
		path := fmt.Sprintf("%s[%d]", at, i)
		d.lines[path] = one.Line
		item := reflect.New(v.Type().Elem()).Elem()
		setDefaults(item)
		d.field(one, true, item, tags{form: t.form, least: t.least}, path)
		out = reflect.Append(out, item)
	}
	v.Set(out)
	if out.Len() == 0 && t.need != "" {
		d.lack(at, "it is empty", t.need)
	}
}

// setDefaults fills a struct, and the structs inside it, by their tags.
func setDefaults(v reflect.Value) {
	if v.Kind() != reflect.Struct || v.Type() == sourceType {
		return
	}
	for i := range v.NumField() {
		t := tagsOf(v.Type().Field(i))
		if t.key == "" {
			continue
		}
		setDefaults(v.Field(i))
		if t.fallback == "" {
			continue
		}
		if why := parse(t.fallback, v.Field(i)); why != "" {
			panic("the default of " + t.key + ": " + why) // unreachable unless a tag is wrong
		}
	}
}
