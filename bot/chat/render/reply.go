package render

import (
	"strings"

	"github.com/slack-go/slack"

	"rekey/commands"
	"rekey/rotation"
)

// Reply lays a command's answer out. approvers names who may approve a
// secret's card.
func Reply(r commands.Reply, approvers func(secret string) Audience) Message {
	blocks := []slack.Block{header(r.Title)}
	for _, p := range r.Paragraphs {
		blocks = append(blocks, listing(strings.Split(esc(p), "\n"))...)
	}
	var rows []string
	for _, row := range r.Rows {
		rows = append(rows, rowLine(row, approvers))
	}
	blocks = append(blocks, listing(rows)...)
	for _, n := range r.Notes {
		blocks = append(blocks, context(esc(n)))
	}
	return compose(sentences(esc(r.Title)+".", esc(r.Text)), blocks...)
}

func rowLine(row commands.Row, approvers func(secret string) Audience) string {
	parts := []string{"*" + esc(row.Label) + "*", esc(row.Text)}
	if row.Who != (rotation.Person{}) {
		parts = append(parts, who(row.Who))
	}
	if row.ApproversOf != "" {
		called := approvers(row.ApproversOf).Mention()
		if called == "" {
			called = "(nobody is configured as approver)"
		}
		parts = append(parts, called)
	}
	if !row.When.IsZero() {
		parts = append(parts, "("+moment(row.When)+")")
	}
	return sentences(parts...)
}
