package rotation

import "testing"

// The tables of moments and the storms are complete without the race detector,
// which sees in a sample of them what it would see in all.

// stride is how many of a table's rows one stands for.
func stride() int {
	if racing {
		return 7 // prime to what the tables repeat, so that every call is met
	}
	return 1
}

// sampled is the part of a table that is played.
func sampled[T any](all []T) []T {
	var some []T
	for i := 0; i < len(all); i += stride() {
		some = append(some, all[i])
	}
	return some
}

// long marks a test of thousands of looks, one after another, in which nothing
// runs side by side that other tests do not have.
func long(t *testing.T) {
	t.Helper()
	if racing {
		t.Skip("it is played without the race detector")
	}
}

// TestSampleMeetsEveryCall: the sample of each table still has a moment for
// every call, in one world or another.
func TestSampleMeetsEveryCall(t *testing.T) {
	if !racing {
		t.Skip("the tables are complete")
	}
	missed := map[string]bool{}
	met := map[string]bool{}
	for name, ground := range grounds {
		for i, c := range whole(t, ground.arrange, ground.enough, name == "overlap") {
			missed[c.call] = true
			met[c.call] = met[c.call] || i%stride() == 0
		}
	}
	for call := range met {
		if met[call] {
			delete(missed, call)
		}
	}
	if len(missed) > 0 {
		t.Errorf("no replica dies at %v while the race detector looks on", missed)
	}
}
