package blockkit

import (
	"encoding/json"
	"unicode/utf8"
)

// Limits of one view.
const (
	MaxViewBlocks = 100
	MaxViewSize   = 250 << 10 // bytes
	maxPrivate    = 3000      // characters of private_metadata
)

// CheckView returns Slack's complaints about a `view` argument, none if it is
// acceptable. https://docs.slack.dev/reference/views
func CheckView(view []byte) []string {
	var v any
	if err := json.Unmarshal(view, &v); err != nil {
		return []string{"[ERROR] failed to match all allowed schemas [json-pointer:/view]"}
	}
	c := &checker{blockIDs: map[string]bool{}, inputs: map[string]bool{}}
	if o := c.open("/view", v); o != nil {
		c.view(o)
	}
	return c.faults
}

func (c *checker) view(o *object) {
	if o.require("type") {
		o.oneOf("type", "modal", "home")
	}
	o.list("blocks", MaxViewBlocks, c.block)
	o.atMost("private_metadata", maxPrivate)
	o.atMost("callback_id", 255)
	o.atMost("external_id", 255)
	if o.kind() == "modal" {
		c.modal(o)
	}
}

// modal checks what is around the blocks: a title, and a button to send the
// form off where there is one.
func (c *checker) modal(o *object) {
	if o.require("title") {
		o.textObject("title", 24, plainText)
	}
	if o.has("close") {
		o.textObject("close", 24, plainText)
	}
	if o.has("submit") || len(c.inputs) > 0 && o.require("submit") {
		o.textObject("submit", 24, plainText)
	}
}

// atMost checks an optional string that may be empty.
func (o *object) atMost(name string, limit int) {
	if !o.has(name) {
		return
	}
	s, ok := o.fields[name].(string)
	switch {
	case !ok:
		o.c.fault(o.pointer+"/"+name, "should be a string")
	case utf8.RuneCountInString(s) > limit:
		o.c.fault(o.pointer+"/"+name, "must be less than %d characters", limit+1)
	}
}

// input is a field of a form. https://docs.slack.dev/reference/block-kit/blocks/input-block
func input(o *object) {
	o.c.inputs[o.pointer] = true
	if o.require("label") {
		o.textObject("label", 2000, plainText)
	}
	if o.has("hint") {
		o.textObject("hint", 2000, plainText)
	}
	if !o.require("element") {
		return
	}
	e := o.c.open(o.pointer+"/element", o.fields["element"])
	switch {
	case e == nil:
	case e.kind() == "plain_text_input":
		textInput(e)
	case e.kind() == Checkboxes:
		checkboxes(e)
	default:
		o.c.fault(e.pointer+"/type", "unsupported type: %s", e.kind())
	}
}

// longest is the most characters a text field can be made to take.
const longest = 3000

func textInput(o *object) {
	o.atMost("action_id", 255)
	o.atMost("initial_value", longest)
	placeholder(o)
	least := o.whole("min_length", 0, longest)
	if most := o.whole("max_length", 1, longest); most > 0 && least > most {
		o.c.fault(o.pointer+"/min_length", "must be less than max_length")
	}
}

// whole checks an optional whole number and returns it, 0 where there is none.
func (o *object) whole(name string, from, to int) int {
	if !o.has(name) {
		return 0
	}
	n, ok := o.fields[name].(float64)
	if !ok || n != float64(int(n)) || int(n) < from || int(n) > to {
		o.c.fault(o.pointer+"/"+name, "must be an integer from %d to %d", from, to)
		return 0
	}
	return int(n)
}

// Input is a field of a form.
type Input struct {
	BlockID  string
	ActionID string
	Optional bool
	Least    int // characters
	Most     int
	Options  []Option // of boxes to tick; nil for a text
	Ticked   []string // values of those that are ticked at first
}

// Inputs lists the fields of a view's blocks, in order.
func Inputs(blocks []byte) []Input {
	var list []struct {
		Type     string `json:"type"`
		BlockID  string `json:"block_id"`
		Optional bool   `json:"optional"`
		Element  struct {
			ActionID string `json:"action_id"`
			Least    int    `json:"min_length"`
			Most     int    `json:"max_length"`
			Options  []Option
			Initial  []Option `json:"initial_options"`
		} `json:"element"`
	}
	if json.Unmarshal(blocks, &list) != nil {
		return nil // unreachable after CheckView
	}
	var found []Input
	for _, b := range list {
		if b.Type != "input" {
			continue
		}
		in := Input{BlockID: b.BlockID, ActionID: b.Element.ActionID, Optional: b.Optional, Least: b.Element.Least, Most: b.Element.Most, Options: b.Element.Options}
		for _, o := range b.Element.Initial {
			in.Ticked = append(in.Ticked, o.Value)
		}
		if in.Most == 0 {
			in.Most = longest
		}
		found = append(found, in)
	}
	return found
}
