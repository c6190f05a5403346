package blockkit_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox/slack/blockkit"
)

// modal is a view with one field; more is put beside its members, element into
// the field.
func modal(title int, element, more string) string {
	return fmt.Sprintf(`{"type":"modal","title":%s,"submit":%s,"blocks":[{"type":"input","block_id":"why","label":%s,"element":{"type":"plain_text_input"%s}}]%s}`,
		text("plain_text", title), text("plain_text", 1), text("plain_text", 1), element, more)
}

func TestViewLimits(t *testing.T) {
	divider := `{"type":"divider"}`
	home := func(n int) string { return `{"type":"home","blocks":` + repeat(n, divider) + `}` }
	labelled := func(label, hint int) string {
		return fmt.Sprintf(`{"type":"modal","title":%s,"submit":%s,"blocks":[{"type":"input","label":%s,"hint":%s,"element":{"type":"plain_text_input"}}]}`,
			text("plain_text", 1), text("plain_text", 1), text("plain_text", label), text("plain_text", hint))
	}
	for _, c := range []struct {
		name, good, bad, pointer string
	}{
		{"blocks", home(100), home(101), "/view/blocks"},
		{"title", modal(24, "", ""), modal(25, "", ""), "/view/title/text"},
		{"close", modal(1, "", `,"close":`+text("plain_text", 24)), modal(1, "", `,"close":`+text("plain_text", 25)), "/view/close/text"},
		{"private metadata", modal(1, "", `,"private_metadata":"`+long(3000)+`"`), modal(1, "", `,"private_metadata":"`+long(3001)+`"`), "/view/private_metadata"},
		{"callback id", modal(1, "", `,"callback_id":"`+long(255)+`"`), modal(1, "", `,"callback_id":"`+long(256)+`"`), "/view/callback_id"},
		{"external id", modal(1, "", `,"external_id":"`+long(255)+`"`), modal(1, "", `,"external_id":"`+long(256)+`"`), "/view/external_id"},
		{"label", labelled(2000, 1), labelled(2001, 1), "/view/blocks/0/label/text"},
		{"hint", labelled(1, 2000), labelled(1, 2001), "/view/blocks/0/hint/text"},
		{"most characters", modal(1, `,"max_length":3000`, ""), modal(1, `,"max_length":3001`, ""), "/view/blocks/0/element/max_length"},
		{"least characters", modal(1, `,"min_length":2,"max_length":2`, ""), modal(1, `,"min_length":3,"max_length":2`, ""), "/view/blocks/0/element/min_length"},
		{"placeholder", modal(1, `,"placeholder":`+text("plain_text", 150), ""), modal(1, `,"placeholder":`+text("plain_text", 151), ""), "/view/blocks/0/element/placeholder/text"},
		{"initial value", modal(1, `,"initial_value":"`+long(3000)+`"`, ""), modal(1, `,"initial_value":"`+long(3001)+`"`, ""), "/view/blocks/0/element/initial_value"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := blockkit.CheckView([]byte(c.good)); len(got) != 0 {
				t.Errorf("the largest allowed was refused: %q", got)
			}
			got := blockkit.CheckView([]byte(c.bad))
			if len(got) != 1 || !strings.HasSuffix(got[0], " [json-pointer:"+c.pointer+"]") {
				t.Errorf("got %q, want one error at %s", got, c.pointer)
			}
		})
	}
}

func TestViewShape(t *testing.T) {
	field := `{"type":"input","label":` + text("plain_text", 1) + `,"element":{"type":"plain_text_input"}}`
	for name, c := range map[string]struct{ view, want string }{
		"not JSON":          {`<html>`, "failed to match all allowed schemas [json-pointer:/view]"},
		"not an object":     {`[]`, "should be an object [json-pointer:/view]"},
		"unknown type":      {`{"type":"poster","blocks":[{"type":"divider"}]}`, "must be one of modal, home [json-pointer:/view/type]"},
		"no blocks":         {`{"type":"home"}`, "missing required field: blocks [json-pointer:/view]"},
		"no title":          {`{"type":"modal","blocks":[{"type":"divider"}]}`, "missing required field: title [json-pointer:/view]"},
		"form, no submit":   {`{"type":"modal","title":` + text("plain_text", 1) + `,"blocks":[` + field + `]}`, "missing required field: submit [json-pointer:/view]"},
		"title in markdown": {`{"type":"modal","title":` + text("mrkdwn", 1) + `,"blocks":[{"type":"divider"}]}`, "must be one of plain_text [json-pointer:/view/title/type]"},
		"no label":          {`{"type":"home","blocks":[{"type":"input","element":{"type":"plain_text_input"}}]}`, "missing required field: label [json-pointer:/view/blocks/0]"},
		"no element":        {`{"type":"home","blocks":[{"type":"input","label":` + text("plain_text", 1) + `}]}`, "missing required field: element [json-pointer:/view/blocks/0]"},
		"unknown element":   {`{"type":"home","blocks":[{"type":"input","label":` + text("plain_text", 1) + `,"element":{"type":"knob"}}]}`, "unsupported type: knob [json-pointer:/view/blocks/0/element/type]"},
		"half a character":  {modal(1, `,"max_length":1.5`, ""), "must be an integer from 1 to 3000 [json-pointer:/view/blocks/0/element/max_length]"},
		"callback a number": {modal(1, "", `,"callback_id":7`), "should be a string [json-pointer:/view/callback_id]"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]string{"[ERROR] " + c.want}, blockkit.CheckView([]byte(c.view))); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
	for name, c := range map[string]struct{ boxes, want string }{
		"boxes":             {`"options":` + boxes(10), ""},
		"too many boxes":    {`"options":` + boxes(11), "no more than 10 items allowed [json-pointer:/view/blocks/0/element/options]"},
		"no boxes":          {`"options":[]`, "no fewer than 1 items allowed [json-pointer:/view/blocks/0/element/options]"},
		"ticked at first":   {`"options":` + boxes(2) + `,"initial_options":` + boxes(1), ""},
		"none of the boxes": {`"options":` + boxes(1) + `,"initial_options":` + boxes(2), "must be one of the options [json-pointer:/view/blocks/0/element/initial_options/1]"},
	} {
		t.Run(name, func(t *testing.T) {
			got := blockkit.CheckView([]byte(`{"type":"home","blocks":[{"type":"input","label":` + text("plain_text", 1) + `,"element":{"type":"checkboxes",` + c.boxes + `}}]}`))
			if c.want == "" && len(got) > 0 || c.want != "" && (len(got) != 1 || got[0] != "[ERROR] "+c.want) {
				t.Errorf("%q", got)
			}
		})
	}
	if got := blockkit.Check([]byte(`[` + field + `]`)); len(got) != 1 || !strings.Contains(got[0], "unsupported type: input") {
		t.Errorf("a field in a message: %q", got)
	}
}

// boxes are options with different values.
func boxes(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf(`{"text":%s,"value":"v%d"}`, text("plain_text", 1), i))
	}
	return "[" + strings.Join(all, ",") + "]"
}
