package render

import (
	"strings"

	"github.com/slack-go/slack"
)

// Block Kit's limits, in characters or pieces.
const (
	headerLimit  = 150
	sectionLimit = 3000
	fieldLimit   = 2000
	fieldsLimit  = 10
	contextLimit = 2000
	blocksLimit  = 50
	textLimit    = 4000 // chat.update refuses more
)

// Message is what is sent: the gist as text and the blocks.
type Message struct {
	Text   string
	Blocks []slack.Block
}

// Audience is who may approve: people, a user group, or both.
type Audience struct {
	Users  []string // user ids
	Group  string   // user group id
	Groups []string // further ones
}

// Mention calls the audience. It is empty for nobody.
func (a Audience) Mention() string {
	var names []string
	if a.Group != "" {
		names = append(names, "<!subteam^"+esc(a.Group)+">")
	}
	for _, g := range a.Groups {
		if g != "" && g != a.Group {
			names = append(names, "<!subteam^"+esc(g)+">")
		}
	}
	for _, u := range a.Users {
		names = append(names, whoID(u))
	}
	return strings.Join(names, " ")
}

// Copied marks what may stand in the thread already, because Slack's answer to
// it was lost.
const Copied = "(posted again after a lost answer)"

// Again returns the message marked as a copy.
func (m Message) Again() Message {
	return compose(sentences(Copied, m.Text), append([]slack.Block{context(Copied)}, m.Blocks...)...)
}

// compose holds text and blocks to the limits of a whole message.
func compose(text string, blocks ...slack.Block) Message {
	if len(blocks) > blocksLimit {
		blocks = append(blocks[:blocksLimit-1:blocksLimit-1], context("Shortened: this did not fit into one message."))
	}
	return Message{Text: cut(text, textLimit), Blocks: blocks}
}

// plainBrackets replaces what must not look like notation in a plain text,
// where escapes would be shown as they are.
var plainBrackets = strings.NewReplacer("<", "‹", ">", "›")

func header(text string) slack.Block {
	return slack.NewHeaderBlock(slack.NewTextBlockObject(slack.PlainTextType, cut(plainBrackets.Replace(text), headerLimit), true, false))
}

func section(markdown string) slack.Block {
	return slack.NewSectionBlock(slack.NewTextBlockObject(slack.MarkdownType, cut(markdown, sectionLimit), false, false), nil, nil)
}

func context(markdown string) slack.Block {
	return slack.NewContextBlock("", slack.NewTextBlockObject(slack.MarkdownType, cut(markdown, contextLimit), false, false))
}

// field is a label and a value of a grid, both in mrkdwn.
type field struct{ label, value string }

// grid lays fields out in two columns, in as many blocks as they need.
// Fields without a value are left out.
func grid(fields ...field) []slack.Block {
	var objects []*slack.TextBlockObject
	for _, f := range fields {
		if f.value != "" {
			objects = append(objects, slack.NewTextBlockObject(slack.MarkdownType, cut("*"+f.label+"*\n"+f.value, fieldLimit), false, false))
		}
	}
	var blocks []slack.Block
	for len(objects) > 0 {
		n := min(len(objects), fieldsLimit)
		blocks = append(blocks, slack.NewSectionBlock(nil, objects[:n:n], nil))
		objects = objects[n:]
	}
	return blocks
}

// listing puts lines into as few sections as hold them.
func listing(lines []string) []slack.Block {
	var blocks []slack.Block
	var open string
	for _, line := range lines {
		line = cut(line, sectionLimit)
		if open != "" && length(open)+1+length(line) > sectionLimit {
			blocks, open = append(blocks, section(open)), ""
		}
		if open != "" {
			open += "\n"
		}
		open += line
	}
	if open != "" {
		blocks = append(blocks, section(open))
	}
	return blocks
}
