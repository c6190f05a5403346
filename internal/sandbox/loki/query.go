package loki

import (
	"regexp"
	"strings"
	"time"
)

// query is a parsed LogQL query: a selection of lines, and perhaps a count.
type query struct {
	matchers []matcher
	filters  []filter
	metric   string // "", count_over_time or rate
	over     time.Duration
	sum      bool
	by       []string // labels kept by sum
}

type matcher struct {
	label string
	op    string // = != =~ !~
	text  string
	re    *regexp.Regexp // anchored at both ends
}

type filter struct {
	op   string // |= != |~ !~
	text string
	re   *regexp.Regexp // anchored nowhere
}

func (m matcher) fits(v string) bool {
	switch m.op {
	case "=":
		return v == m.text
	case "!=":
		return v != m.text
	case "=~":
		return m.re.MatchString(v)
	default:
		return !m.re.MatchString(v)
	}
}

func (f filter) fits(line string) bool {
	switch f.op {
	case "|=":
		return strings.Contains(line, f.text)
	case "!=":
		return !strings.Contains(line, f.text)
	case "|~":
		return f.re.MatchString(line)
	default:
		return !f.re.MatchString(line)
	}
}

func (q query) fits(l Line) bool {
	for _, m := range q.matchers {
		if !m.fits(l.Labels[m.label]) {
			return false
		}
	}
	for _, f := range q.filters {
		if !f.fits(l.Text) {
			return false
		}
	}
	return true
}

// selects returns the lines of a list that fit, in the same order.
func (q query) selects(lines []Line) []Line {
	var fit []Line
	for _, l := range lines {
		if q.fits(l) {
			fit = append(fit, l)
		}
	}
	return fit
}

// group is the label set a line is counted under.
func (q query) group(l Line) Labels {
	if !q.sum {
		return l.Labels
	}
	kept := Labels{}
	for _, name := range q.by {
		if v, ok := l.Labels[name]; ok {
			kept[name] = v
		}
	}
	return kept
}
