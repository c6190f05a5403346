package chart

import (
	"fmt"
	"math"
	"strings"

	"rekey/rotation/watch"
)

// longestAlt is the longest description of a picture that Slack takes, in
// characters (https://docs.slack.dev/reference/methods/files.getUploadURLExternal).
const longestAlt = 1000

// Alt says in words what the picture shows.
func (m Model) Alt() string {
	text := "Chart. " + m.Title + ": " + result(m.Verdict) + ". " + m.Words
	for _, k := range m.Marks {
		text += fmt.Sprintf(" Marked: %s, %.2g %s.", k.Name, math.Abs(k.X), m.since(k.X))
	}
	if m.Aside != "" {
		text += " Outside the time shown: " + m.Aside + "."
	}
	if r := []rune(text); len(r) > longestAlt {
		return string(r[:longestAlt-1]) + "…"
	}
	return text
}

// since names the time of a mark in words that follow its number.
func (m Model) since(x float64) string {
	unit, _, _ := strings.Cut(m.Unit, " ")
	if x < 0 {
		return unit + " before the watch began"
	}
	return unit + " after the watch began"
}

// result is the verdict in a word or two.
func result(v watch.Verdict) string {
	if v == watch.Running {
		return "no verdict"
	}
	return string(v)
}

// words tells the looks and the figures of every check.
func (a axis) words() string {
	looks := watch.Looks(a.Rules, a.Series)
	good := 0
	for _, o := range looks {
		if o == watch.OK {
			good++
		}
	}
	words := []string{fmt.Sprintf("%d of %d looks were good.", good, len(looks))}
	for _, s := range a.Series {
		if text := watch.Words(a.Rules, s); text != "" {
			words = append(words, text+".")
		}
	}
	return strings.Join(words, " ")
}
