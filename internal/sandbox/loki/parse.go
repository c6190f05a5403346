package loki

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// parser reads a query from left to right. The first error ends it.
type parser struct {
	text string
	pos  int
}

// parse understands a query, or says where it did not.
func parse(text string) (query, error) {
	p := &parser{text: text}
	q, err := p.query()
	if err == nil && p.skip() < len(p.text) {
		err = p.unexpected()
	}
	if err == nil && !selective(q.matchers) {
		err = fmt.Errorf("parse error : queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will")
	}
	return q, err
}

func (p *parser) query() (q query, err error) {
	if p.word("sum") {
		q.sum = true
		if err = p.grouping(&q); err != nil {
			return q, err
		}
		if err = p.want("("); err != nil {
			return q, err
		}
		if err = p.counted(&q); err != nil {
			return q, err
		}
		if err = p.want(")"); err != nil {
			return q, err
		}
		return q, p.grouping(&q)
	}
	if p.skip() < len(p.text) && p.text[p.pos] == '{' {
		return q, p.selection(&q)
	}
	return q, p.counted(&q)
}

// grouping reads "by (a, b)" if it is there.
func (p *parser) grouping(q *query) error {
	if !p.word("by") {
		return nil
	}
	if err := p.want("("); err != nil {
		return err
	}
	for {
		name := p.name()
		if name == "" {
			return p.unexpected()
		}
		q.by = append(q.by, name)
		if !p.take(",") {
			return p.want(")")
		}
	}
}

// counted reads count_over_time({…} [1m]) or rate(…).
func (p *parser) counted(q *query) error {
	switch {
	case p.word("count_over_time"):
		q.metric = "count_over_time"
	case p.word("rate"):
		q.metric = "rate"
	default:
		return p.unexpected()
	}
	if err := p.want("("); err != nil {
		return err
	}
	if err := p.selection(q); err != nil {
		return err
	}
	if err := p.want("["); err != nil {
		return err
	}
	end := strings.IndexByte(p.text[p.pos:], ']')
	if end < 0 {
		return p.unexpected()
	}
	d, err := duration(strings.TrimSpace(p.text[p.pos : p.pos+end]))
	if err != nil || d <= 0 {
		return p.unexpected()
	}
	q.over = d
	p.pos += end + 1
	return p.want(")")
}

// selection reads {a="b"} and the line filters behind it.
func (p *parser) selection(q *query) error {
	if err := p.want("{"); err != nil {
		return err
	}
	for !p.take("}") {
		if len(q.matchers) > 0 {
			if err := p.want(","); err != nil {
				return err
			}
		}
		if err := p.matcher(q); err != nil {
			return err
		}
	}
	for {
		op := p.operator("|=", "|~", "!=", "!~")
		if op == "" {
			return nil
		}
		text, re, err := p.operand(strings.HasSuffix(op, "~"), "")
		if err != nil {
			return err
		}
		q.filters = append(q.filters, filter{op, text, re})
	}
}

func (p *parser) matcher(q *query) error {
	label := p.name()
	op := p.operator("=~", "!~", "!=", "=")
	if label == "" || op == "" {
		return p.unexpected()
	}
	text, re, err := p.operand(strings.HasSuffix(op, "~"), "^(?:%s)$")
	if err != nil {
		return err
	}
	q.matchers = append(q.matchers, matcher{label, op, text, re})
	return nil
}

// operand reads a quoted string, and compiles it where it is an expression;
// around, if not empty, is what the expression is put into.
func (p *parser) operand(expression bool, around string) (string, *regexp.Regexp, error) {
	p.skip()
	quoted, err := strconv.QuotedPrefix(p.text[p.pos:])
	if err != nil || quoted[0] == '\'' {
		return "", nil, p.unexpected()
	}
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return "", nil, p.unexpected()
	}
	p.pos += len(quoted)
	if !expression {
		return text, nil, nil
	}
	pattern := text
	if around != "" {
		pattern = fmt.Sprintf(around, text)
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", nil, fmt.Errorf("parse error : %w", err)
	}
	return text, re, nil
}

// selective reports whether some matcher shuts out streams without its label.
func selective(ms []matcher) bool {
	for _, m := range ms {
		if (m.op == "=" || m.op == "=~") && !m.fits("") {
			return true
		}
	}
	return false
}

func (p *parser) skip() int {
	for p.pos < len(p.text) && unicode.IsSpace(rune(p.text[p.pos])) {
		p.pos++
	}
	return p.pos
}

func (p *parser) take(s string) bool {
	if p.skip(); strings.HasPrefix(p.text[p.pos:], s) {
		p.pos += len(s)
		return true
	}
	return false
}

func (p *parser) want(s string) error {
	if !p.take(s) {
		return p.unexpected()
	}
	return nil
}

func (p *parser) operator(all ...string) string {
	for _, op := range all {
		if p.take(op) {
			return op
		}
	}
	return ""
}

func (p *parser) name() string {
	start := p.skip()
	for p.pos < len(p.text) {
		c := p.text[p.pos]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (p.pos == start || c < '0' || c > '9') {
			break
		}
		p.pos++
	}
	return p.text[start:p.pos]
}

// word takes a name if it is the given one.
func (p *parser) word(w string) bool {
	back := p.pos
	if p.name() == w {
		return true
	}
	p.pos = back
	return false
}

func (p *parser) unexpected() error {
	if p.skip() >= len(p.text) {
		return fmt.Errorf("parse error at line 1, col %d: syntax error: unexpected $end", p.pos+1)
	}
	return fmt.Errorf("parse error at line 1, col %d: syntax error: unexpected %q", p.pos+1, p.text[p.pos])
}

// duration reads Go's durations and the longer units of Prometheus.
func duration(text string) (time.Duration, error) {
	for unit, size := range map[string]time.Duration{"d": 24 * time.Hour, "w": 7 * 24 * time.Hour} {
		if n, ok := strings.CutSuffix(text, unit); ok {
			v, err := strconv.ParseFloat(n, 64)
			return time.Duration(v * float64(size)), err
		}
	}
	return time.ParseDuration(text)
}
