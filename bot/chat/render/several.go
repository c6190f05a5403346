package render

import (
	"fmt"
	"strings"
	"time"

	"github.com/slack-go/slack"

	"rekey/commands"
	"rekey/rotation"
)

// Links are the addresses of rotations' root messages, by secret; "" where one
// is not posted yet.
type Links map[string]string

// Batch is the message of several emergencies at once: one look at all of them.
// It is edited in place.
func Batch(p *rotation.Progress, links Links, incident Audience) Message {
	title := "Emergency · " + p.Whole()
	called := cut(incident.Mention(), fieldLimit)
	happened := "What happened: " + strings.TrimRight(p.Reason, ".") + "."
	text := sentences(title+".", happened, commands.Tally(p), containedWords(p))
	blocks := []slack.Block{header(title)}
	if called != "" {
		blocks = append(blocks, section(called))
	}
	blocks = append(blocks, section("*What happened* "+esc(p.Reason)), section(strings.TrimSpace("*"+esc(commands.Tally(p))+"* "+esc(containedWords(p)))))
	blocks = append(blocks, listing(rows(p, links))...)
	blocks = append(blocks,
		section("*Safe:* "+batchSafe(p)+"\n*Next:* "+batchNext(p)),
		context("Asked for by "+who(p.Requester)+", "+moment(p.Started)+" · batch "+code(p.ID)))
	return compose(sentences(called, esc(text)), blocks...)
}

// BatchTable is what a batch came to when nothing of it moved any more. Whoever
// has to walk a second path then is called.
func BatchTable(p *rotation.Progress, links Links, text string, incident Audience) Message {
	called := ""
	if len(p.Last()) > 0 {
		called = cut(incident.Mention(), fieldLimit)
	}
	blocks := append([]slack.Block{section(sentences(called, "*"+esc(text)+"*"))}, listing(rows(p, links))...)
	return compose(sentences(called, esc(text)), blocks...)
}

// BatchLine is an event of a batch that has nothing of its own to show.
func BatchLine(by, text string) Message {
	text = sentences("■", whoID(by), "*called this off.* What was not begun is not begun any more.", esc(text))
	return compose(text, section(text))
}

// rows are a line for each secret: how far it is, and where its thread is.
func rows(p *rotation.Progress, links Links) []string {
	var lines []string
	for _, part := range p.Parts {
		line := fmt.Sprintf("%s *%s*%s · %s", standGlyphs[part.Stand], esc(part.Secret), whose(part), partWords(part))
		if link := links[part.Secret]; link != "" {
			line += " · <" + esc(link) + "|thread>"
		}
		lines = append(lines, line)
	}
	return lines
}

// whose says which environment's own key a line is about, where each has one.
func whose(p rotation.Part) string {
	switch {
	case p.Environment != "":
		return " (" + p.Environment + "'s own)"
	case p.Rotation != nil && p.Rotation.Other() != "":
		return " (" + p.Rotation.Cell.Front() + "'s own)"
	}
	return ""
}

var standGlyphs = map[rotation.Stand]string{
	rotation.Buried: "✓", rotation.Asks: "?", rotation.Wanting: "■", rotation.Moves: "▶", rotation.Waits: "·", rotation.Failed: "✗",
}

// partWords are the commands' own, with the moment of death in the reader's zone.
func partWords(p rotation.Part) string {
	if p.Stand == rotation.Buried {
		return "*dead* at " + second(p.Dead) + esc(strings.TrimPrefix(commands.PartWords(p), "dead at "+p.Dead.UTC().Format("15:04:05 UTC")))
	}
	return esc(commands.PartWords(p))
}

// second shows a time of day to the second, in the reader's own zone.
func second(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{time_secs}|%s>", t.Unix(), t.UTC().Format("15:04:05 UTC"))
}

func containedWords(p *rotation.Progress) string {
	if p.Contained.IsZero() {
		return ""
	}
	return "Contained " + spoken(p.Contained.Sub(p.Started)) + " after the alarm."
}

func batchSafe(p *rotation.Progress) string {
	if p.Count(rotation.Buried) == len(p.Parts) {
		return "Every old key is dead."
	}
	return "An old key may work, for whoever has it, until its line says that it is dead. Rekey ends none without an approval."
}

func batchNext(p *rotation.Progress) string {
	switch {
	case p.Count(rotation.Asks) > 0:
		return "An approver decides on the requests that are open."
	case p.Count(rotation.Wanting) > len(p.Last()):
		return "Somebody looks into the threads that wait for a person."
	case p.Count(rotation.Moves)+p.Count(rotation.Waits) > 0:
		return "Rekey goes on by itself, and asks in each thread."
	case len(p.Last()) > 0:
		return "Somebody walks the second path of the last one: its row says what to type."
	case p.Count(rotation.Failed) > 0:
		return "What failed is begun again by itself with " + code("/rotate-emergency NAME what happened") + ", once what it says is put right."
	default:
		return "Rekey goes on watching in the threads, and reports there."
	}
}
