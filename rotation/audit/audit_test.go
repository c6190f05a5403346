package audit_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/rotation/audit"
)

var (
	from  = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	moved = from.Add(time.Hour)
	dead  = from.Add(2 * time.Hour)
)

func at(minutes int) time.Time { return from.Add(time.Duration(minutes) * time.Minute) }

func line(minutes int, ip, agent string) audit.Line {
	return audit.Line{First: at(minutes), Last: at(minutes), Count: 1, What: "GET /", IP: ip, Agent: agent}
}

// incident is a key that somebody else used, and a vault that somebody else read.
func incident() *audit.Case {
	return &audit.Case{
		Secret: "FAL_KEY", Credential: "key-old", From: from, Basis: "when the old key was made", Moved: moved, Ended: dead.Add(-time.Minute), Dead: dead, Closed: dead.Add(15 * time.Minute),
		Readers: []string{"app-prod", "3f0c"},
		Sources: []audit.Source{
			{Name: "logs", Of: "key-old", Role: audit.Old, Completeness: audit.Complete, From: from, Until: dead, Lines: []audit.Line{
				line(1, "198.51.100.10", "app/1"), line(2, "203.0.113.66", "curl/8"), line(3, "198.51.100.10", "curl/8"),
				line(70, "198.51.100.10", "app/1"), line(71, "203.0.113.66", "curl/8"), line(130, "203.0.113.66", "curl/8"),
				line(119, "192.0.2.9", audit.Agent), line(118, "203.0.113.66", audit.Agent),
			}},
			{Name: "logs", Of: "key-new", Role: audit.New, Completeness: audit.Complete, From: from, Until: dead, Lines: []audit.Line{
				line(62, "198.51.100.10", "app/1"), line(50, "192.0.2.9", audit.Agent),
			}},
			{Name: "objects", Of: "key-old", Role: audit.Old, Completeness: audit.Unavailable, Why: "Nobody keeps a log of them."},
			{Name: "vault", Of: "FAL_KEY in production", Role: audit.Vault, Completeness: audit.Partial, Why: "It may not reach so far.", From: from, Until: dead, Lines: []audit.Line{
				{First: at(5), Last: at(5), Count: 1, What: "read by name", Who: "app-prod (77aa)", IP: "198.51.100.10"},
				{First: at(6), Last: at(6), Count: 1, What: "listed with its folder", Who: "laptop (9e1b)", IP: "203.0.113.66"},
				{First: at(7), Last: at(7), Count: 1, What: "read by name", Who: "Rekey", Own: true},
			}},
		},
	}
}

func ranks(c *audit.Case) []string {
	var all []string
	for _, f := range c.Findings() {
		all = append(all, fmt.Sprintf("%s %s %s", f.Line.First.Format("15:04"), f.Line.IP, f.Rank))
	}
	return all
}

func TestFindingsAreInAnInvestigatorsOrder(t *testing.T) {
	want := []string{
		"12:10 203.0.113.66 after its death",
		"10:06 203.0.113.66 by an unknown identity",
		"11:11 203.0.113.66 after the application had moved to the new one",
		"11:58 203.0.113.66 after the application had moved to the new one", // it calls itself Rekey
		"10:02 203.0.113.66 from an unknown address",
		"10:03 198.51.100.10 by an unknown program",
		"11:10 198.51.100.10 after the move, from a known address",
		"10:01 198.51.100.10 usual",
		"10:05 198.51.100.10 usual",
	}
	if got := ranks(incident()); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A service without addresses: what is used after the move is somebody else's,
// or forgotten.
func TestWithoutAddressesTheMoveTells(t *testing.T) {
	c := &audit.Case{From: from, Moved: moved, Sources: []audit.Source{{Name: "billing", Role: audit.Old, Completeness: audit.Complete, Lines: []audit.Line{line(1, "", ""), line(61, "", "")}}}}
	got := c.Findings()
	if len(got) != 2 || got[0].Rank != audit.AfterMove || got[1].Rank != audit.Placeless {
		t.Errorf("%+v", got)
	}
}

func TestDeclaredNetworksAreKnown(t *testing.T) {
	c := incident()
	c.Addresses = []string{"203.0.113.0/24"}
	for _, f := range c.Findings() {
		if f.Rank == audit.UnknownPlace {
			t.Errorf("%+v", f)
		}
	}
}

func TestSummarySaysWhatWasNotSeen(t *testing.T) {
	c := incident()
	text := c.Summary()
	for _, part := range []string{"7 findings need an answer", "Used after its death", "FAL_KEY in production was read in the vault by an unknown identity", "laptop (9e1b)", "And 4 more",
		"Cannot audit: objects.", "Read in part: vault for FAL_KEY in production.", "no proof that nothing happened"} {
		if !strings.Contains(text, part) {
			t.Errorf("%q is not in %s", part, text)
		}
	}
	// Nothing seen where nothing can be seen is never "nothing happened".
	empty := (&audit.Case{Credential: "x", Sources: []audit.Source{{Name: "objects", Role: audit.Old, Completeness: audit.Unavailable, Why: "w"}}}).Summary()
	for _, c := range []string{empty, (&audit.Case{Credential: "x"}).Summary()} {
		if !strings.Contains(c, "no proof that nothing happened") {
			t.Error(c)
		}
	}
	clean := (&audit.Case{Credential: "x", Sources: []audit.Source{{Name: "logs", Role: audit.Old, Completeness: audit.Complete}}}).Summary()
	if strings.Contains(clean, "no proof") || !strings.Contains(clean, "nothing unusual in what could be read") {
		t.Error(clean)
	}
}

// What was read is not given up for an answer that tells less.
func TestTakeKeepsWhatWasRead(t *testing.T) {
	first := audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Complete, From: from, Until: at(60), Lines: []audit.Line{line(1, "203.0.113.66", "")}}
	cases := map[string]struct {
		later audit.Source
		lines int
		want  audit.Completeness
	}{
		"asked again":        {audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Complete, From: from, Until: at(90), Lines: []audit.Line{line(1, "", ""), line(80, "", "")}}, 2, audit.Complete},
		"gone":               {audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Unavailable, Why: "gone", From: from, Until: at(90)}, 1, audit.Partial},
		"less than before":   {audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Partial, Why: "cut", From: from, Until: at(90), Lines: []audit.Line{line(80, "", "")}}, 2, audit.Partial},
		"from there on":      {audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Complete, From: at(60), Until: at(90)}, 1, audit.Complete},
		"from there on, cut": {audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Partial, Why: "cut", From: at(60), Until: at(90), Lines: []audit.Line{line(61, "", "")}}, 2, audit.Partial},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			k := &audit.Case{From: from}
			k.Take(first)
			k.Take(c.later)
			if s := k.Sources[0]; len(k.Sources) != 1 || len(s.Lines) != c.lines || s.Completeness != c.want || c.want != audit.Complete && s.Why == "" || !s.From.Equal(from) {
				t.Errorf("%+v", k.Sources)
			}
		})
	}
}

// The odd line outlives a thousand usual ones.
func TestBoundKeepsTheUnusual(t *testing.T) {
	c := incident()
	for i := range 2000 {
		c.Sources[0].Lines = append(c.Sources[0].Lines, line(i%50, "198.51.100.10", "app/1"))
	}
	c.Bound(20 << 10)
	body, err := json.Marshal(c)
	if err != nil || len(body) > 20<<10 {
		t.Errorf("%d bytes, %v", len(body), err)
	}
	if got := len(c.Unusual()); got != 7 || c.Sources[0].Completeness != audit.Partial {
		t.Errorf("%d unusual findings are left, the source is %s", got, c.Sources[0].Completeness)
	}
}

func TestWhoIsDeclared(t *testing.T) {
	for who, usual := range map[string]bool{
		"app-prod (77aa)": true, "renamed (3f0c)": true, "ann@example.com Ann (u1)": true, "app-prod": true,
		"x app-prod (99)": false, "app-prod x (99)": false, "mallory (app-prod": false, "(3f0c) (99)": false, "": false, "Ann ann@example.com (u2)": false,
	} {
		c := incident()
		c.Readers = append(c.Readers, "ann@example.com")
		c.Sources = []audit.Source{{Name: "vault", Role: audit.Vault, Completeness: audit.Complete, Lines: []audit.Line{{First: from, Last: from, Who: who}}}}
		if got := len(c.Unusual()) == 0; got != usual {
			t.Errorf("%q is declared: %t", who, got)
		}
	}
}

// hostile is what a thief may call himself.
const hostile = "=HYPERLINK(\"http://x\",\"y\")|<script>![a](http://x) <!channel> `x` @here\n| z"

func TestFilesTakeNoOrders(t *testing.T) {
	c := incident()
	c.Sources[0].Lines[1].Agent, c.Sources[0].Lines[1].What = hostile, "-1+1"
	rows, err := csv.NewReader(strings.NewReader(string(c.CSV()))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 1+9+2+2 { // the head, the findings, what was compared with, what was not seen
		t.Errorf("%d rows", len(rows))
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t\r") {
				t.Errorf("a spreadsheet computes %q", cell)
			}
		}
	}
	page := string(c.Markdown())
	for _, bad := range []string{"<script", "![a]", "<!channel", "@here", "`x`"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q stands in the report", bad)
		}
	}
	for _, l := range strings.Split(page, "\n") {
		if strings.HasPrefix(l, "| after") && strings.Count(strings.ReplaceAll(l, `\|`, ""), "|") != 11 {
			t.Errorf("a row has another number of cells: %s", l)
		}
	}
	for _, part := range []string{"**not available**", "Nobody keeps a log of them.", "**partial**", "| 203.0.113.66 | 2026-11-22 10:02:00 UTC | 2026-11-22 12:10:00 UTC | 5 | logs, vault |", "What needs an answer (7)", "| after its death |"} {
		if !strings.Contains(page, part) {
			t.Errorf("the report does not say %q", part)
		}
	}
}
