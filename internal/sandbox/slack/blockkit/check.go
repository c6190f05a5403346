package blockkit

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of one message.
const (
	MaxBlocks   = 50
	MaxMarkdown = 12000 // characters in all markdown blocks of a message together
)

// Check returns Slack's complaints about the blocks of a message, none if they
// are acceptable. The text is that of a `blocks` argument: a JSON array.
func Check(blocks []byte) []string {
	var list []any
	if err := json.Unmarshal(blocks, &list); err != nil {
		return []string{"[ERROR] failed to match all allowed schemas [json-pointer:/blocks]"}
	}
	c := &checker{blockIDs: map[string]bool{}}
	if len(list) > MaxBlocks {
		c.fault("/blocks", "no more than %d items allowed", MaxBlocks)
	}
	for i, b := range list {
		c.block(c.at("/blocks", i), b)
	}
	if c.markdown > MaxMarkdown {
		c.fault("/blocks", "must be less than %d characters of markdown in total", MaxMarkdown+1)
	}
	return c.faults
}

// checker gathers faults and what must be unique or bounded over a whole message.
type checker struct {
	faults   []string
	blockIDs map[string]bool
	markdown int
	inputs   map[string]bool // pointers of the fields of a form; nil where there can be none
}

func (c *checker) fault(pointer, format string, args ...any) {
	c.faults = append(c.faults, "[ERROR] "+fmt.Sprintf(format, args...)+" [json-pointer:"+pointer+"]")
}

func (c *checker) at(pointer string, i int) string { return fmt.Sprintf("%s/%d", pointer, i) }

// object is one JSON object with the place it was found at.
type object struct {
	c       *checker
	pointer string
	fields  map[string]any
}

// open takes v as an object; nil means it was not one and the fault is noted.
func (c *checker) open(pointer string, v any) *object {
	fields, ok := v.(map[string]any)
	if !ok {
		c.fault(pointer, "should be an object")
		return nil
	}
	return &object{c: c, pointer: pointer, fields: fields}
}

func (o *object) kind() string {
	s, _ := o.fields["type"].(string)
	return s
}

func (o *object) has(name string) bool {
	v, ok := o.fields[name]
	return ok && v != nil
}

// require notes a missing field and reports whether it is there.
func (o *object) require(name string) bool {
	if !o.has(name) {
		o.c.fault(o.pointer, "missing required field: %s", name)
		return false
	}
	return true
}

// text checks an optional string field of 1 to limit characters and returns it.
func (o *object) text(name string, limit int) string {
	if !o.has(name) {
		return ""
	}
	s, ok := o.fields[name].(string)
	if !ok {
		o.c.fault(o.pointer+"/"+name, "should be a string")
		return ""
	}
	switch n := utf8.RuneCountInString(s); {
	case n == 0:
		o.c.fault(o.pointer+"/"+name, "must be more than 0 characters")
	case n > limit:
		o.c.fault(o.pointer+"/"+name, "must be less than %d characters", limit+1)
	}
	return s
}

// list checks a required array of 1 to limit items and calls fn for each.
func (o *object) list(name string, limit int, fn func(pointer string, v any)) {
	if !o.require(name) {
		return
	}
	pointer := o.pointer + "/" + name
	items, ok := o.fields[name].([]any)
	switch {
	case !ok:
		o.c.fault(pointer, "should be an array")
	case len(items) == 0:
		o.c.fault(pointer, "no fewer than 1 items allowed")
	case len(items) > limit:
		o.c.fault(pointer, "no more than %d items allowed", limit)
	}
	for i, v := range items {
		fn(o.c.at(pointer, i), v)
	}
}

// oneOf checks an optional string field against the values allowed.
func (o *object) oneOf(name string, allowed ...string) {
	if !o.has(name) {
		return
	}
	if s, ok := o.fields[name].(string); !ok || !slices.Contains(allowed, s) {
		o.c.fault(o.pointer+"/"+name, "must be one of %s", strings.Join(allowed, ", "))
	}
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
