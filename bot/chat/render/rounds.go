package render

import (
	"fmt"
	"strings"

	"rekey/rotation"
)

// Rounds is what a batch has people do in consoles, on one list, so that one
// person can walk them in one go. It is edited in place. The whole guide of each
// stands in the thread of its secret.
func Rounds(p *rotation.Progress, links Links, a Audience) Message {
	open, all := p.Visits()
	title := fmt.Sprintf("Consoles to walk: %d of %d open", open, all)
	next := "From the top, one console after the other. The thread of each secret has the whole guide, click by click. Nobody needs to tell Rekey: it ticks off what it sees. Never paste a key into Slack."
	if open == 0 {
		title, next = "Consoles to walk: none open", "Nobody needs to act here now. What is needed later becomes a line of this list, and is asked for in its thread."
	}
	called := cut(a.Mention(), fieldLimit)
	lines := []string{}
	for i, round := range p.Rounds() {
		lines = append(lines, fmt.Sprintf("*%d. %s*", i+1, console(round)))
		for _, c := range round.Calls {
			lines = append(lines, call(c, links[c.Secret]))
		}
	}
	blocks := append(listing([]string{"*" + title + "*", sentences(called, next)}), listing(lines)...)
	return compose(sentences(called, title+".", next), blocks...)
}

// console is a service's name as a link, where its console has an address.
func console(r rotation.Round) string {
	if strings.HasPrefix(r.Console, "https://") && !strings.ContainsAny(r.Console, "|<> ") {
		return "<" + esc(r.Console) + "|" + esc(r.Title) + ">"
	}
	return sentences(esc(r.Title), code(r.Console))
}

// call is one line: what to do, or what has become of it.
func call(c rotation.Call, link string) string {
	line := fmt.Sprintf("%s *%s*, %s: %s", callGlyphs[c.State], esc(c.Secret), esc(c.Scope), callWords(c))
	if link != "" {
		line += " · <" + esc(link) + "|thread>"
	}
	return line
}

var callGlyphs = map[rotation.VisitState]string{
	rotation.VisitDue: "→", rotation.VisitUnfit: "✗", rotation.VisitDone: "✓", rotation.VisitHeld: "■", rotation.VisitOff: "·",
}

func callWords(c rotation.Call) string {
	switch {
	case c.State == rotation.VisitDone && c.Ends:
		return "the old key " + code(c.Key) + " is dead, " + second(c.At) + "."
	case c.State == rotation.VisitDone:
		return "the new key was taken, " + second(c.At) + "."
	case c.State == rotation.VisitHeld:
		return "stopped. Its thread comes first: do nothing at the console before."
	case c.State == rotation.VisitOff:
		return "not needed any more. Do nothing at the console."
	case c.State == rotation.VisitUnfit:
		return sentences("*Not taken:*", esc(c.Wrong), "Still needed:", toDo(c))
	default:
		return toDo(c)
	}
}

func toDo(c rotation.Call) string {
	into := "paste it into " + esc(c.Inbox) + " as `" + strings.Join(names(c.Paste), "` and `") + "`."
	switch {
	case c.Ends:
		return "delete the old key " + code(c.Key) + ", and no other."
	case c.Kills:
		return "replace the key, which kills the old one at once, and " + into
	case c.Turns:
		return "replace the key, and " + into
	default:
		return "make the key " + code(c.Key) + ", " + into
	}
}

func names(all []string) []string {
	clean := make([]string, 0, len(all))
	for _, n := range all {
		clean = append(clean, strings.Trim(code(n), "`"))
	}
	return clean
}
