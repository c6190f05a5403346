package blockkit

// blockRules checks each known block type.
// https://docs.slack.dev/reference/block-kit/blocks
var blockRules = map[string]func(*object){
	"section":   section,
	"header":    header,
	"divider":   func(*object) {},
	"context":   contextBlock,
	"actions":   actions,
	"image":     image,
	"markdown":  markdown,
	"rich_text": richText,
}

// Types lists the block types that can pass [Check], sorted.
func Types() []string { return sorted(blockRules) }

func (c *checker) block(pointer string, v any) {
	o := c.open(pointer, v)
	if o == nil {
		return
	}
	rule, known := blockRules[o.kind()]
	if o.kind() == "input" && c.inputs != nil {
		rule, known = input, true
	}
	if !known {
		c.fault(pointer+"/type", "unsupported type: %s", o.kind())
		return
	}
	if id := o.text("block_id", 255); id != "" {
		if c.blockIDs[id] {
			c.fault(pointer+"/block_id", "`block_id` already exists")
		}
		c.blockIDs[id] = true
	}
	rule(o)
}

func section(o *object) {
	if !o.has("text") && !o.has("fields") {
		o.c.fault(o.pointer, "missing required field: text")
	}
	if o.has("text") {
		o.textObject("text", 3000, anyText)
	}
	if o.has("fields") {
		o.list("fields", 10, func(p string, v any) { o.c.textObject(p, v, 2000, anyText) })
	}
	if o.has("accessory") {
		o.c.element(o.pointer+"/accessory", o.fields["accessory"], map[string]bool{})
	}
}

func header(o *object) {
	if o.require("text") {
		o.textObject("text", 150, plainText)
	}
}

func contextBlock(o *object) {
	o.list("elements", 10, func(p string, v any) {
		e := o.c.open(p, v)
		switch {
		case e == nil:
		case e.kind() == "image":
			image(e)
		default:
			o.c.textObject(p, v, 2000, anyText)
		}
	})
}

func actions(o *object) {
	ids := map[string]bool{}
	o.list("elements", 25, func(p string, v any) { o.c.element(p, v, ids) })
}

// image is a block and an element; both name the picture and describe it.
func image(o *object) {
	if !o.has("slack_file") && o.require("image_url") {
		o.text("image_url", 3000)
	}
	if o.require("alt_text") {
		o.text("alt_text", 2000)
	}
	if o.has("title") {
		o.textObject("title", 2000, plainText)
	}
}

func markdown(o *object) {
	if o.require("text") {
		o.c.markdown += len([]rune(o.text("text", MaxMarkdown)))
	}
}

// richText is checked in its outline only.
func richText(o *object) {
	known := map[string]bool{"rich_text_section": true, "rich_text_list": true, "rich_text_quote": true, "rich_text_preformatted": true}
	o.list("elements", 1000, func(p string, v any) {
		if e := o.c.open(p, v); e != nil && !known[e.kind()] {
			o.c.fault(p+"/type", "unsupported type: %s", e.kind())
		}
	})
}
