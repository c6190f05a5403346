package blockkit_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rekey/internal/sandbox/slack/blockkit"
)

func repeat(n int, item string) string {
	return "[" + strings.Repeat(item+",", n-1) + item + "]"
}

func text(kind string, n int) string {
	return fmt.Sprintf(`{"type":%q,"text":%q}`, kind, strings.Repeat("é", n))
}

func confirm(title, body, yes, no int) string {
	return fmt.Sprintf(`{"title":%s,"text":%s,"confirm":%s,"deny":%s}`,
		text("plain_text", title), text("mrkdwn", body), text("plain_text", yes), text("plain_text", no))
}

func button(label int, rest string) string {
	return fmt.Sprintf(`{"type":"button","text":%s%s}`, text("plain_text", label), rest)
}

func row(element string) string { return `[{"type":"actions","elements":[` + element + `]}]` }

func long(n int) string { return strings.Repeat("x", n) }

// TestLimits holds each limit from both sides: the largest that passes, and one
// more with the place Slack points at.
func TestLimits(t *testing.T) {
	divider := `{"type":"divider"}`
	for _, c := range []struct {
		name, good, bad, pointer string
	}{
		{"blocks", repeat(50, divider), repeat(51, divider), "/blocks"},
		{"section text", `[{"type":"section","text":` + text("mrkdwn", 3000) + `}]`,
			`[{"type":"section","text":` + text("mrkdwn", 3001) + `}]`, "/blocks/0/text/text"},
		{"section text not empty", `[{"type":"section","text":` + text("mrkdwn", 1) + `}]`,
			`[{"type":"section","text":` + text("mrkdwn", 0) + `}]`, "/blocks/0/text/text"},
		{"fields", `[{"type":"section","fields":` + repeat(10, text("mrkdwn", 1)) + `}]`,
			`[{"type":"section","fields":` + repeat(11, text("mrkdwn", 1)) + `}]`, "/blocks/0/fields"},
		{"field text", `[{"type":"section","fields":[` + text("mrkdwn", 2000) + `]}]`,
			`[{"type":"section","fields":[` + text("mrkdwn", 2001) + `]}]`, "/blocks/0/fields/0/text"},
		{"header", `[{"type":"header","text":` + text("plain_text", 150) + `}]`,
			`[{"type":"header","text":` + text("plain_text", 151) + `}]`, "/blocks/0/text/text"},
		{"header is plain", `[{"type":"header","text":` + text("plain_text", 1) + `}]`,
			`[{"type":"header","text":` + text("mrkdwn", 1) + `}]`, "/blocks/0/text/type"},
		{"context", `[{"type":"context","elements":` + repeat(10, text("mrkdwn", 1)) + `}]`,
			`[{"type":"context","elements":` + repeat(11, text("mrkdwn", 1)) + `}]`, "/blocks/0/elements"},
		{"actions", row(strings.Trim(repeat(25, button(1, "")), "[]")),
			row(strings.Trim(repeat(26, button(1, "")), "[]")), "/blocks/0/elements"},
		{"button text", row(button(75, "")), row(button(76, "")), "/blocks/0/elements/0/text/text"},
		{"button value", row(button(1, `,"value":"`+long(2000)+`"`)),
			row(button(1, `,"value":"`+long(2001)+`"`)), "/blocks/0/elements/0/value"},
		{"button url", row(button(1, `,"url":"`+long(3000)+`"`)),
			row(button(1, `,"url":"`+long(3001)+`"`)), "/blocks/0/elements/0/url"},
		{"action id", row(button(1, `,"action_id":"`+long(255)+`"`)),
			row(button(1, `,"action_id":"`+long(256)+`"`)), "/blocks/0/elements/0/action_id"},
		{"block id", `[{"type":"divider","block_id":"` + long(255) + `"}]`,
			`[{"type":"divider","block_id":"` + long(256) + `"}]`, "/blocks/0/block_id"},
		{"style", row(button(1, `,"style":"danger"`)), row(button(1, `,"style":"red"`)), "/blocks/0/elements/0/style"},
		{"confirm title", row(button(1, `,"confirm":`+confirm(100, 1, 1, 1))),
			row(button(1, `,"confirm":`+confirm(101, 1, 1, 1))), "/blocks/0/elements/0/confirm/title/text"},
		{"confirm text", row(button(1, `,"confirm":`+confirm(1, 300, 1, 1))),
			row(button(1, `,"confirm":`+confirm(1, 301, 1, 1))), "/blocks/0/elements/0/confirm/text/text"},
		{"confirm yes", row(button(1, `,"confirm":`+confirm(1, 1, 30, 1))),
			row(button(1, `,"confirm":`+confirm(1, 1, 31, 1))), "/blocks/0/elements/0/confirm/confirm/text"},
		{"confirm no", row(button(1, `,"confirm":`+confirm(1, 1, 1, 30))),
			row(button(1, `,"confirm":`+confirm(1, 1, 1, 31))), "/blocks/0/elements/0/confirm/deny/text"},
		{"options", row(`{"type":"static_select","options":` + repeat(100, `{"text":`+text("plain_text", 75)+`,"value":"v"}`) + `}`),
			row(`{"type":"static_select","options":` + repeat(101, `{"text":`+text("plain_text", 75)+`,"value":"v"}`) + `}`),
			"/blocks/0/elements/0/options"},
		{"option value", row(`{"type":"overflow","options":[{"text":` + text("plain_text", 1) + `,"value":"` + long(150) + `"}]}`),
			row(`{"type":"overflow","options":[{"text":` + text("plain_text", 1) + `,"value":"` + long(151) + `"}]}`),
			"/blocks/0/elements/0/options/0/value"},
		{"image alt text", `[{"type":"image","image_url":"u","alt_text":"` + long(2000) + `"}]`,
			`[{"type":"image","image_url":"u","alt_text":"` + long(2001) + `"}]`, "/blocks/0/alt_text"},
		{"markdown in total", `[{"type":"markdown","text":"` + long(12000) + `"}]`,
			`[{"type":"markdown","text":"` + long(6001) + `"},{"type":"markdown","text":"` + long(6000) + `"}]`, "/blocks"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := blockkit.Check([]byte(c.good)); len(got) != 0 {
				t.Errorf("the largest allowed was refused: %q", got)
			}
			got := blockkit.Check([]byte(c.bad))
			if len(got) != 1 || !strings.HasPrefix(got[0], "[ERROR] ") || !strings.HasSuffix(got[0], " [json-pointer:"+c.pointer+"]") {
				t.Errorf("got %q, want one error at %s", got, c.pointer)
			}
		})
	}
}

func TestShape(t *testing.T) {
	for name, c := range map[string]struct{ blocks, want string }{
		"not an array":      {`{"type":"divider"}`, "failed to match all allowed schemas [json-pointer:/blocks]"},
		"not JSON":          {`<html>`, "failed to match all allowed schemas [json-pointer:/blocks]"},
		"unknown block":     {`[{"type":"divider"},{"type":"marquee"}]`, "unsupported type: marquee [json-pointer:/blocks/1/type]"},
		"block not object":  {`["divider"]`, "should be an object [json-pointer:/blocks/0]"},
		"unknown element":   {row(`{"type":"knob"}`), "unsupported type: knob [json-pointer:/blocks/0/elements/0/type]"},
		"empty section":     {`[{"type":"section"}]`, "missing required field: text [json-pointer:/blocks/0]"},
		"no elements":       {`[{"type":"actions","elements":[]}]`, "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"},
		"elements missing":  {`[{"type":"context"}]`, "missing required field: elements [json-pointer:/blocks/0]"},
		"same block id":     {`[{"type":"divider","block_id":"a"},{"type":"divider","block_id":"a"}]`, "`block_id` already exists [json-pointer:/blocks/1/block_id]"},
		"same action id":    {row(button(1, `,"action_id":"a"`) + "," + button(1, `,"action_id":"a"`)), "`action_id` already exists [json-pointer:/blocks/0/elements/1/action_id]"},
		"confirm half done": {row(button(1, `,"confirm":{"title":`+text("plain_text", 1)+`,"text":`+text("mrkdwn", 1)+`,"confirm":`+text("plain_text", 1)+`}`)), "missing required field: deny [json-pointer:/blocks/0/elements/0/confirm]"},
		"image mute":        {`[{"type":"image","image_url":"u"}]`, "missing required field: alt_text [json-pointer:/blocks/0]"},
		"rich text part":    {`[{"type":"rich_text","elements":[{"type":"verse"}]}]`, "unsupported type: verse [json-pointer:/blocks/0/elements/0/type]"},
		"text not a string": {`[{"type":"section","text":{"type":"mrkdwn","text":7}}]`, "should be a string [json-pointer:/blocks/0/text/text]"},
		"fields not a list": {`[{"type":"section","fields":{}}]`, "should be an array [json-pointer:/blocks/0/fields]"},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff([]string{"[ERROR] " + c.want}, blockkit.Check([]byte(c.blocks))); diff != "" {
				t.Errorf("complaints (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAllFaultsAtOnce(t *testing.T) {
	got := blockkit.Check([]byte(`[{"type":"header","text":` + text("mrkdwn", 151) + `},{"type":"section"}]`))
	if len(got) != 3 {
		t.Errorf("got %d complaints, want 3: %q", len(got), got)
	}
}

func TestActionsAndIDs(t *testing.T) {
	blocks := []byte(`[
		{"type":"section","text":` + text("mrkdwn", 1) + `,"accessory":{"type":"button","action_id":"more","value":"1","text":{"type":"plain_text","text":"More"}}},
		{"type":"section","text":` + text("mrkdwn", 1) + `,"accessory":{"type":"image","image_url":"u","alt_text":"a"}},
		{"type":"actions","block_id":"mine","elements":[
			{"type":"button","text":{"type":"plain_text","text":"Go"},"style":"danger","confirm":` + confirm(1, 1, 1, 1) + `}]}]`)
	n := 0
	filled := blockkit.WithIDs(blocks, func() string { n++; return fmt.Sprint("id", n) })
	if got := blockkit.Check(filled); len(got) != 0 {
		t.Fatalf("filled blocks do not pass: %q", got)
	}
	want := []blockkit.Action{
		{BlockID: "id1", ActionID: "more", Type: "button", Text: "More", Value: "1"},
		{BlockID: "mine", ActionID: "id3", Type: "button", Text: "Go", Style: "danger", Confirm: true},
	}
	got := blockkit.Actions(filled)
	for i := range got {
		if !json.Valid(got[i].Raw) {
			t.Errorf("action %d has no element", i)
		}
		got[i].Raw = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("actions (-want +got):\n%s", diff)
	}
	if got := blockkit.Actions([]byte("<html>")); got != nil {
		t.Errorf("a web page has actions %v", got)
	}
}
