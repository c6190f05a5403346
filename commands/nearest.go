package commands

import "strings"

// longestWord is the length from which a word is not compared: nobody mistypes
// a name that far, and comparing costs the product of both lengths.
const longestWord = 80

// nearest returns the candidate a person most likely meant, or "" when none is
// near: at most a third of the letters may differ.
func nearest(word string, candidates []string) string {
	best, bestDistance := "", 0
	folded := fold(word)
	if len(folded) > longestWord {
		return ""
	}
	for _, c := range candidates {
		limit := max(1, max(len(folded), len(c))/3)
		d := distance(folded, fold(c))
		if d <= limit && (best == "" || d < bestDistance) {
			best, bestDistance = c, d
		}
	}
	if best != "" || len(folded) < 3 {
		return best
	}
	return onlyPrefixed(folded, candidates)
}

// onlyPrefixed returns the one candidate that begins with the word, so that
// "fal" finds FAL_KEY.
func onlyPrefixed(folded string, candidates []string) string {
	found := ""
	for _, c := range candidates {
		if !strings.HasPrefix(fold(c), folded) {
			continue
		}
		if found != "" {
			return ""
		}
		found = c
	}
	return found
}

// fold makes spellings of one name alike.
func fold(s string) string {
	return strings.ToLower(strings.NewReplacer("-", "_", " ", "_").Replace(s))
}

// distance counts the insertions, deletions, substitutions and swaps of
// neighbours that turn a into b (optimal string alignment).
func distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	rows := make([][]int, len(x)+1)
	for i := range rows {
		rows[i] = make([]int, len(y)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(x); i++ {
		for j := 1; j <= len(y); j++ {
			cost := 1
			if x[i-1] == y[j-1] {
				cost = 0
			}
			rows[i][j] = min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && x[i-1] == y[j-2] && x[i-2] == y[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(x)][len(y)]
}
