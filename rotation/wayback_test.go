package rotation

import (
	"math/rand/v2"
	"testing"
)

// some draws n of the rows of a table by the seed of the bad days, which is
// printed; with -baddays it is all of them.
func some[T any](t *testing.T, all []T, n int) []T {
	if *wholeBadDay || n >= len(all) {
		return all
	}
	seed := *badDay
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("%d of %d rows, drawn with -badday=%d", n, len(all), seed)
	all = append([]T(nil), all...)
	rand.New(rand.NewPCG(seed, 7)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:n]
}
