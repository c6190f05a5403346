package audit_test

import (
	"slices"
	"strings"
	"testing"

	"rekey/rotation/audit"
)

// TestALineAcrossTwoLooksIsKept: what went on after the first look is not lost
// because it had begun before.
func TestALineAcrossTwoLooksIsKept(t *testing.T) {
	seen := func(upTo, n int) audit.Line {
		return audit.Line{First: at(10), Last: at(upTo), Count: n, What: "GET /users", IP: "203.0.113.66"}
	}
	k := &audit.Case{From: from}
	k.Take(audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Partial, Why: "cut", From: from, Until: at(60), Lines: []audit.Line{line(1, "", ""), seen(55, 40)}})
	k.Take(audit.Source{Name: "logs", Role: audit.Old, Completeness: audit.Partial, Why: "cut", From: from, Until: at(90), Lines: []audit.Line{seen(80, 90)}})
	got := k.Sources[0].Lines
	if len(got) != 2 || got[1] != seen(80, 90) {
		t.Errorf("%+v", got)
	}
}

// TestABorrowedIdentityIsFound: a declared identity at an intruder's address needs
// an answer; at the application's own it does not.
func TestABorrowedIdentityIsFound(t *testing.T) {
	for ip, want := range map[string]audit.Rank{"203.0.113.66": audit.Borrowed, "198.51.100.10": audit.Usual, "192.0.2.77": audit.Usual} {
		c := incident()
		vault := &c.Sources[len(c.Sources)-1]
		vault.Lines = append(vault.Lines, audit.Line{First: at(8), Last: at(8), Count: 1, What: "read by name", Who: "app-prod (77aa)", IP: ip})
		all := c.Findings()
		i := slices.IndexFunc(all, func(f audit.Finding) bool { return f.Line.First.Equal(at(8)) })
		if i < 0 || all[i].Rank != want {
			t.Errorf("from %s: %+v", ip, all)
		}
		if want == audit.Borrowed && !slices.IsSortedFunc(all, func(a, b audit.Finding) int { return int(a.Rank) - int(b.Rank) }) {
			t.Error("the findings are out of order")
		}
	}
}

// TestNothingReadIsNothingKnown: where every source failed nobody reads that there
// was nothing unusual.
func TestNothingReadIsNothingKnown(t *testing.T) {
	c := &audit.Case{Secret: "FAL_KEY", Credential: "x", Sources: []audit.Source{
		{Name: "logs", Role: audit.Old, Completeness: audit.Unavailable, Why: "It did not answer."},
		{Name: "logs", Role: audit.New, Completeness: audit.Complete},
	}}
	for name, text := range map[string]string{"summary": c.Summary(), "report": string(c.Markdown())} {
		if strings.Contains(text, "nothing unusual") || strings.Contains(text, "Nothing, in what") || !strings.Contains(text, "nothing is known") {
			t.Errorf("%s: %s", name, text)
		}
	}
	c.Sources = append(c.Sources, audit.Source{Name: "vault", Role: audit.Vault, Completeness: audit.Partial, Why: "cut"})
	if text := c.Summary(); !strings.Contains(text, "nothing unusual in what could be read") {
		t.Error(text)
	}
}
