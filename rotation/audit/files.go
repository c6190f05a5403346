package audit

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// columns of the CSV file. The new credential's uses are in it, too: they are
// what was compared with.
var columns = []string{"finding", "role", "source", "about", "completeness", "first_utc", "last_utc", "count", "amount", "unit", "what", "address", "agent", "who"}

// CSV is every line, what needs an answer first, then what is usual, then what it
// was compared with. Sources without a line have a row that says how far they may
// be believed.
func (c *Case) CSV() []byte {
	var out bytes.Buffer
	w := csv.NewWriter(&out)
	_ = w.Write(columns) // a buffer takes everything
	for _, f := range c.Findings() {
		_ = w.Write(row(f.Rank.String(), f.Source, &f.Line))
	}
	for _, s := range c.Sources {
		if s.Role == New {
			for _, l := range s.Lines {
				_ = w.Write(row("compared with", s, &l))
			}
		}
		if s.Completeness != Complete || len(s.Lines) == 0 {
			_ = w.Write(row(string(s.Completeness), s, nil))
		}
	}
	w.Flush()
	return out.Bytes()
}

func row(finding string, s Source, l *Line) []string {
	cells := []string{finding, string(s.Role), s.Name, s.Of, string(s.Completeness)}
	if l == nil {
		cells = append(cells, instant(s.From), instant(s.Until), "", "", "", s.Why, "", "", "")
	} else {
		cells = append(cells, instant(l.First), instant(l.Last), number(int64(l.Count)), number(l.Amount), s.Unit, l.What, l.IP, l.Agent, l.Who)
	}
	for i := range cells {
		cells[i] = cell(cells[i])
	}
	return cells
}

func instant(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.UTC().Format(time.RFC3339)
}

func number(n int64) string {
	if n == 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// cell keeps a spreadsheet from taking a stranger's words for a formula
// (https://owasp.org/www-community/attacks/CSV_Injection).
func cell(text string) string {
	if text != "" && strings.ContainsAny(text[:1], "=+-@\t\r\n|%") {
		return "'" + text
	}
	return text
}

// Markdown is the report for people: what needs an answer, then what it is judged
// by, then everything else.
func (c *Case) Markdown() []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "# Exposure audit: %s\n\n", mark(c.Secret))
	if c.Reason != "" {
		fmt.Fprintf(&out, "What happened, in the words of whoever called: %s\n\n", mark(c.Reason))
	}
	fmt.Fprintf(&out, "%s\n\n", mark(c.Summary()))
	unusual, none := c.Unusual(), "Nothing, in what could be read."
	if c.blind() {
		none = "Nothing could be read, so nothing is known."
	}
	fmt.Fprintf(&out, "## What needs an answer (%d)\n\n", len(unusual))
	table(&out, unusual, none)
	c.addresses(&out, unusual)
	c.timeline(&out)
	c.sources(&out)
	untold := c.untold()
	fmt.Fprintf(&out, "## What cannot be told from the application's own work (%d)\n\n", len(untold))
	if len(untold) > 0 {
		out.WriteString("The source keeps no addresses, or does not say with which key. Look for what the application never does, and for more of it than usual.\n\n")
	}
	table(&out, untold, "Nothing.")
	usual := c.Findings()[len(unusual)+len(untold):]
	fmt.Fprintf(&out, "## What is usual (%d)\n\n", len(usual))
	table(&out, usual, "Nothing was told.")
	out.WriteString("Rekey's own acts are left out. Uses that are alike and close together stand in one line, never across the moments above.\n")
	return out.Bytes()
}

func (c *Case) timeline(out *bytes.Buffer) {
	out.WriteString("## When\n\n| moment | time |\n|---|---|\n")
	type moment struct {
		name string
		at   time.Time
	}
	moments := []moment{
		{"the audit begins: " + c.Basis, c.From}, {"somebody called for help", c.Alarmed}, {"the application was proved to run on the new one", c.Moved},
		{"the old one was ended", c.Ended}, {"the old one was proved dead", c.Dead}, {"last look", c.Closed},
	}
	if c.Dead.IsZero() && !c.Dies.IsZero() {
		moments = append(moments, moment{"the old one dies by itself", c.Dies})
	}
	for _, m := range moments {
		at := "not reached"
		if !m.at.IsZero() {
			at = stamp(m.at)
		}
		fmt.Fprintf(out, "| %s | %s |\n", mark(m.name), at)
	}
	out.WriteString("\n")
}

func (c *Case) sources(out *bytes.Buffer) {
	out.WriteString("## What was asked, and how far it may be believed\n\n| source | about | | why | it tells |\n|---|---|---|---|---|\n")
	for _, s := range c.Sources {
		of := s.Of + map[Role]string{Old: " (the leaked one)", New: " (the new one, to compare with)"}[s.Role]
		fmt.Fprintf(out, "| %s | %s | **%s** | %s | %s |\n", mark(s.Name), mark(of), s.Completeness, mark(s.Why), mark(s.Tells))
	}
	out.WriteString("\nNot available and partial mean that more may have happened than stands here.\n\n")
}

// addresses draws together what came from one address: who read the vault and
// used the key is one intruder.
func (c *Case) addresses(out *bytes.Buffer, unusual []Finding) {
	type trace struct {
		first, last time.Time
		lines       int
		where       []string
	}
	traces, order := map[string]*trace{}, []string{}
	for _, f := range unusual {
		ip := f.Line.IP
		if ip == "" {
			continue
		}
		t := traces[ip]
		if t == nil {
			t = &trace{first: f.Line.First, last: f.Line.Last}
			traces[ip], order = t, append(order, ip)
		}
		if f.Line.First.Before(t.first) {
			t.first = f.Line.First
		}
		if f.Line.Last.After(t.last) {
			t.last = f.Line.Last
		}
		if t.lines++; !slices.Contains(t.where, f.Source.Name) {
			t.where = append(t.where, f.Source.Name)
		}
	}
	if len(order) == 0 {
		return
	}
	out.WriteString("## The same, by address\n\n| address | first | last | findings | seen in |\n|---|---|---|---|---|\n")
	for _, ip := range order {
		t := traces[ip]
		fmt.Fprintf(out, "| %s | %s | %s | %d | %s |\n", mark(ip), stamp(t.first), stamp(t.last), t.lines, mark(strings.Join(t.where, ", ")))
	}
	out.WriteString("\n")
}

func table(out *bytes.Buffer, all []Finding, none string) {
	if len(all) == 0 {
		fmt.Fprintf(out, "%s\n\n", none)
		return
	}
	out.WriteString("| finding | source | about | first | last | count | what | address | agent | who |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, f := range all {
		l := f.Line
		what := l.What
		if l.Amount > 0 && f.Source.Unit != "" {
			what += fmt.Sprintf(" (%d %s)", l.Amount, f.Source.Unit)
		}
		fmt.Fprintf(out, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", f.Rank, mark(f.Source.Name), mark(f.Source.Of),
			stamp(l.First), stamp(l.Last), number(int64(l.Count)), mark(what), mark(l.IP), mark(l.Agent), mark(l.Who))
	}
	out.WriteString("\n")
}

// mark escapes a stranger's words for a table in Markdown: they make no link, no
// picture, no mention and no cell.
func mark(text string) string {
	var out strings.Builder
	for _, r := range strings.Join(strings.Fields(text), " ") {
		switch {
		case r == '<':
			out.WriteString("&lt;")
			continue
		case r == '&':
			out.WriteString("&amp;")
			continue
		case strings.ContainsRune("\\`*_{}[]|!#~$", r):
			out.WriteByte('\\')
		case r == '@':
			out.WriteString("&#64;")
			continue
		}
		out.WriteRune(r)
	}
	return out.String()
}
