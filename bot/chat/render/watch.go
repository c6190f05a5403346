package render

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/rotation"
	"rekey/rotation/watch"
)

// Watch is the message of one watch: how far it is, what was measured and what
// that comes to so far. It is edited in place after each look. A number whose
// watch is not in the record is either about to begin or was begun anew.
func Watch(r *rotation.Rotation, number int) Message {
	v, step, ok := r.VigilOf(number)
	switch {
	case !ok && number == r.Watches && r.State == rotation.Running:
		return drilled(r, line1("*Watching "+r.Cell.Front()+".* The first look comes soon."))
	case !ok:
		return drilled(r, line1("*This watch is over.* What came of it is told below."))
	}
	head := watchHead(r, v, step)
	looks := watch.Looks(v.Rules, v.Series)
	figures := figures(v)
	blocks := append(listing([]string{head}), context(row(looks, watch.Expected(v.Rules), over(r, v, step))))
	if len(figures) > 0 {
		blocks = append(blocks, context(strings.Join(figures, "\n")))
	}
	return drilled(r, compose(sentences(append([]string{head}, figures...)...), blocks...))
}

func line1(text string) Message { return compose(text, section(text)) }

// watchHead says in a line where the watch stands.
func watchHead(r *rotation.Rotation, v *rotation.Vigil, s rotation.Step) string {
	what := r.Cell.Front()
	if s.Act == rotation.WatchAfter {
		what += " after the end of the old key"
	}
	at, all := v.Looks(), watch.Expected(v.Rules)
	how := fmt.Sprintf("%s %d of %d", lookWord(v.Rules), at, all)
	switch {
	case v.Verdict != watch.Running:
		return fmt.Sprintf("*Watch of %s ended: %s,* after %s.", what, esc(string(v.Verdict)), how)
	case over(r, v, s):
		return fmt.Sprintf("*Watch of %s ended without a verdict,* after %s.", what, how)
	case at == all:
		return fmt.Sprintf("*Watching %s:* %s, and one last look over the whole time at %s. So far: %s.", what, how, moment(v.Until()), soFar(v))
	default:
		return fmt.Sprintf("*Watching %s:* %s, until %s. So far: %s.", what, how, moment(v.Until()), soFar(v))
	}
}

// over reports that no further look is made.
func over(r *rotation.Rotation, v *rotation.Vigil, s rotation.Step) bool {
	now, _ := r.Step()
	return v.Verdict != watch.Running || r.State != rotation.Running || now.Act != s.Act
}

func lookWord(p watch.Params) string {
	if p.Interval == time.Minute {
		return "minute"
	}
	return "look"
}

// soFar is what a required check said that was not good; the others are good.
func soFar(v *rotation.Vigil) string {
	var faults []string
	for _, s := range v.Series {
		if words := shortfalls(v.Rules, s); s.Required && words != "" {
			faults = append(faults, esc(s.Check)+" "+words)
		}
	}
	switch {
	case v.Looks() == 0:
		return "nothing measured yet"
	case len(faults) == 0:
		return "everything good"
	default:
		return strings.Join(faults, "; ")
	}
}

func shortfalls(p watch.Params, s watch.Series) string {
	c := watch.Tally(p, s)
	var words []string
	if c.Bad > 0 {
		words = append(words, fmt.Sprintf("was bad at %d (%d allowed)", c.Bad, p.FailureLimit))
	}
	if c.NoData > 0 {
		words = append(words, fmt.Sprintf("had nothing to judge at %d (%d allowed)", c.NoData, p.NoDataLimit))
	}
	if c.Error > 0 {
		words = append(words, fmt.Sprintf("could not be asked at %d", c.Error))
	}
	return strings.Join(words, ", ")
}

func figures(v *rotation.Vigil) []string {
	var lines []string
	for _, s := range v.Series {
		words := esc(watch.Words(v.Rules, s))
		if words != "" && !s.Required {
			words += " (decides nothing)"
		}
		if words != "" {
			lines = append(lines, words+".")
		}
	}
	return lines
}

// longestRow bounds the row of looks; a longer watch is told in numbers.
const longestRow = 60

var lookGlyphs = map[watch.Outcome]string{watch.OK: "✓", watch.Bad: "✗", watch.NoData: "–", watch.Error: "?"}

var lookLegend = []string{"✓ good", "✗ bad", "– nothing to judge", "? not answered"}

// row draws one sign for each look, and dots for those that are not made.
func row(looks []watch.Outcome, all int, over bool) string {
	if all > longestRow || all == 0 {
		return fmt.Sprintf("%d of %d looks made", len(looks), all)
	}
	var b strings.Builder
	seen := map[string]bool{}
	for i := range all {
		sign := "·"
		if i < len(looks) {
			sign = lookGlyphs[looks[i]]
		}
		if sign == "" {
			sign = lookGlyphs[watch.Error]
		}
		seen[sign] = true
		b.WriteString(sign)
	}
	var words []string
	missing := "· to come"
	if over {
		missing = "· not made"
	}
	for _, part := range append(slices.Clone(lookLegend), missing) {
		if sign, _, _ := strings.Cut(part, " "); seen[sign] {
			words = append(words, part)
		}
	}
	return "`" + b.String() + "`  " + strings.Join(words, ", ")
}
