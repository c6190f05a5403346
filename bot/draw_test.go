//go:build !release

package main

import (
	"flag"
	"hash/fnv"
	"testing"
	"time"
)

var everyWorld = flag.Bool("worlds", false, "play every world under the race detector, not a sixth of them")

// parts is of how many worlds one is played under the race detector.
const parts = 6

// drawn skips a world that is not in today's draw. All of them are played
// without the race detector; with it, a sixth, and another sixth each day, so
// that a day's runs can be repeated.
func drawn(t *testing.T) {
	t.Helper()
	if !racing || *everyWorld {
		return
	}
	name := fnv.New32a()
	_, _ = name.Write([]byte(t.Name())) // never fails
	if today := uint32(time.Now().UTC().YearDay()); (name.Sum32()+today)%parts != 0 {
		t.Skip("its day to be played under the race detector is another one; -worlds plays all")
	}
}
