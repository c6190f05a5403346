package render

import (
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf16"

	"rekey/rotation"
)

var (
	escaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
	// mention is the one piece of Slack's own notation that sentences of the
	// engine may hold. A hostile text could at most name a person with it.
	mention = regexp.MustCompile(`&lt;@([UW][A-Z0-9]{2,20})&gt;`)
)

// esc makes foreign text harmless in mrkdwn.
func esc(s string) string {
	return mention.ReplaceAllString(escaper.Replace(s), "<@$1>")
}

// foreign makes a text that somebody typed a line of mrkdwn without any
// notation: it can mention nobody, and ends where it ends.
func foreign(s string) string {
	return escaper.Replace(strings.Join(strings.Fields(notation.Replace(s)), " "))
}

// notation replaces what would set text in bold, in italics, as code or
// struck out by characters that look like it.
var notation = strings.NewReplacer("*", "∗", "_", "＿", "~", "∼", "`", "'")

// who mentions a person by the part of the id that their workspace knows.
func who(p rotation.Person) string {
	return whoID(p.ID)
}

func whoID(id string) string {
	if _, user, ok := strings.Cut(id, "/"); ok {
		id = user
	}
	if id == "" {
		return "Rekey"
	}
	if mentioned := esc("<@" + id + ">"); strings.HasPrefix(mentioned, "<@") {
		return mentioned
	}
	return esc(id)
}

// moment shows a time in the reader's own zone, with UTC where Slack's date
// notation is not understood.
func moment(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty} {time}|%s>", t.Unix(), t.UTC().Format("2006-01-02 15:04 UTC"))
}

// day shows a date in the reader's own zone, for what is not about the hour.
func day(t time.Time) string {
	return fmt.Sprintf("<!date^%d^{date_short_pretty}|%s>", t.Unix(), t.UTC().Format(time.DateOnly))
}

// code sets an identifier apart. Backticks inside it would end it early.
func code(s string) string {
	if s == "" {
		return "none"
	}
	return "`" + esc(strings.ReplaceAll(s, "`", "'")) + "`"
}

// short is the form of a hash shown to people.
func short(hash string) string {
	const shown = 12
	if len(hash) > shown {
		return hash[:shown]
	}
	return hash
}

// spoken rounds a duration for people.
func spoken(d time.Duration) string {
	switch {
	case d < 0:
		return "0 s"
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Round(time.Second).Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	default:
		return fmt.Sprintf("%.1f h", d.Hours())
	}
}

// cut shortens text to at most limit UTF-16 units, the way Slack's clients
// count, between characters and never inside `&amp;` or `<@U1>`.
func cut(s string, limit int) string {
	if length(s) <= limit {
		return s
	}
	kept, used := 0, 1 // one for the ellipsis
	for at, r := range s {
		size := max(utf16.RuneLen(r), 1)
		if used += size; used > limit {
			kept = at
			break
		}
	}
	return whole(s[:kept]) + "…"
}

func length(s string) int {
	n := 0
	for _, r := range s {
		n += max(utf16.RuneLen(r), 1)
	}
	return n
}

// whole drops an escape or a bracket that was cut open at the end.
func whole(s string) string {
	if i := strings.LastIndexByte(s, '&'); i >= 0 && !strings.Contains(s[i:], ";") {
		s = s[:i]
	}
	if i := strings.LastIndexByte(s, '<'); i >= 0 && !strings.Contains(s[i:], ">") {
		s = s[:i]
	}
	return s
}

// sentences joins texts that may be empty with spaces.
func sentences(parts ...string) string {
	kept := parts[:0:0]
	for _, p := range parts {
		if p = strings.TrimSpace(p); p != "" {
			kept = append(kept, p)
		}
	}
	return strings.Join(kept, " ")
}
