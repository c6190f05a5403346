package blockkit

// elementRules checks each known interactive element.
// https://docs.slack.dev/reference/block-kit/block-elements
var elementRules = map[string]func(*object){
	"button":        button,
	"overflow":      overflow,
	"static_select": staticSelect,
	"users_select":  placeholder,
	"image":         image,
}

// element checks an element of a section or actions block; ids holds the
// action ids already used in the same block.
func (c *checker) element(pointer string, v any, ids map[string]bool) {
	o := c.open(pointer, v)
	if o == nil {
		return
	}
	rule, known := elementRules[o.kind()]
	if !known {
		c.fault(pointer+"/type", "unsupported type: %s", o.kind())
		return
	}
	if id := o.text("action_id", 255); id != "" {
		if ids[id] {
			c.fault(pointer+"/action_id", "`action_id` already exists")
		}
		ids[id] = true
	}
	rule(o)
	if o.has("confirm") {
		c.confirm(pointer+"/confirm", o.fields["confirm"])
	}
}

func button(o *object) {
	if o.require("text") {
		o.textObject("text", 75, plainText)
	}
	if o.has("value") {
		o.text("value", 2000)
	}
	o.text("url", 3000)
	o.text("accessibility_label", 75)
	o.oneOf("style", "primary", "danger")
}

func overflow(o *object) {
	o.list("options", 5, o.c.option)
}

func staticSelect(o *object) {
	placeholder(o)
	if o.has("option_groups") {
		o.list("option_groups", 100, func(p string, v any) {
			if g := o.c.open(p, v); g != nil && g.require("label") {
				g.textObject("label", 75, plainText)
				g.list("options", 100, o.c.option)
			}
		})
		return
	}
	o.list("options", 100, o.c.option)
}

func placeholder(o *object) {
	if o.has("placeholder") {
		o.textObject("placeholder", 150, plainText)
	}
}

// option is one choice of a menu.
// https://docs.slack.dev/reference/block-kit/composition-objects/option-object
func (c *checker) option(pointer string, v any) {
	o := c.open(pointer, v)
	if o == nil {
		return
	}
	if o.require("text") {
		o.textObject("text", 75, anyText)
	}
	if o.require("value") {
		o.text("value", 150)
	}
	if o.has("description") {
		o.textObject("description", 75, anyText)
	}
}

// confirm is the dialog before an action.
// https://docs.slack.dev/reference/block-kit/composition-objects/confirmation-dialog-object
func (c *checker) confirm(pointer string, v any) {
	o := c.open(pointer, v)
	if o == nil {
		return
	}
	for _, part := range []struct {
		name  string
		limit int
		kinds []string
	}{
		{"title", 100, plainText}, {"text", 300, anyText}, {"confirm", 30, plainText}, {"deny", 30, plainText},
	} {
		if o.require(part.name) {
			o.textObject(part.name, part.limit, part.kinds)
		}
	}
	o.oneOf("style", "primary", "danger")
}

var (
	plainText = []string{"plain_text"}
	anyText   = []string{"plain_text", "mrkdwn"}
)

func (o *object) textObject(name string, limit int, kinds []string) {
	o.c.textObject(o.pointer+"/"+name, o.fields[name], limit, kinds)
}

// textObject checks a text of one of the kinds and 1 to limit characters.
// https://docs.slack.dev/reference/block-kit/composition-objects/text-object
func (c *checker) textObject(pointer string, v any, limit int, kinds []string) {
	o := c.open(pointer, v)
	if o == nil {
		return
	}
	if o.require("type") {
		o.oneOf("type", kinds...)
	}
	if o.require("text") {
		o.text("text", limit)
	}
}
