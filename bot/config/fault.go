package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with the file.
type Fault struct {
	File    string
	Line    int    // from 1
	What    string // what is wrong, beginning with the key's path
	Write   string // what to write
	Missing bool   // nothing is there yet, so Write replaces nothing
}

// String is "file:line: what; write X instead".
func (f Fault) String() string {
	text := fmt.Sprintf("%s:%d: %s; write %s", f.File, f.Line, f.What, f.Write)
	if !f.Missing {
		text += " instead"
	}
	return text
}

// Faults is everything wrong with the file, in the order of its lines. It is
// the error that [Load] returns for a file that could be read.
type Faults []Fault

// Error gives one fault a line.
func (f Faults) Error() string {
	lines := make([]string, len(f))
	for i, one := range f {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

func (f Faults) sorted() Faults {
	slices.SortStableFunc(f, func(a, b Fault) int { return cmp.Compare(a.Line, b.Line) })
	return slices.Compact(f)
}

// nearest returns the known word with the fewest edits from word, or "" when
// none is near enough to be meant: a third of its length, at least two.
func nearest(word string, known []string) string {
	const longest = 64 // the table grows with the product of the lengths
	if len(word) > longest {
		return ""
	}
	best, limit := "", max(2, len(word)/3)
	for _, k := range known {
		if n := edits(word, k); n <= limit {
			best, limit = k, n-1
		}
	}
	return best
}

// edits counts insertions, deletions, replacements and swaps of neighbours
// that turn a into b, by one row of the usual table at a time.
func edits(a, b string) int {
	before, last := []int(nil), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
