package trail

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"rekey/internal/secret"
)

// Said is a use in the words of its source.
type Said struct {
	What, From, Agent, Who string
	Own                    bool
}

// Tally is what a source counted over a stretch of time. A Count of 0 is an
// unknown one.
type Tally struct {
	First, Last time.Time
	Count       int
	Amount      int64 // in the source's own unit
}

// grains are the stretches within which uses that are alike are joined, finest
// first. They grow where there are too many to keep; the last one is the window.
var grains = []time.Duration{time.Minute, time.Hour, 24 * time.Hour, 0}

// longest bounds how much of each of a source's words is looked at.
const longest = 4 << 10

type alike struct {
	Said
	part  int   // between which marks
	grain int64 // which stretch
}

// Gather joins uses that are alike. It is not safe for concurrent use.
type Gather struct {
	window  Window
	grain   int
	seen    map[alike]Tally
	dropped int
}

// NewGather begins an empty one.
func NewGather(w Window) *Gather { return &Gather{window: w, seen: make(map[alike]Tally)} }

// Add takes a use in. One that is outside the window is none.
func (g *Gather) Add(at time.Time, s Said) { g.AddMany(Tally{First: at, Last: at, Count: 1}, s) }

// AddMany takes in what a source counted. A stretch that reaches over the
// window's edge is taken.
func (g *Gather) AddMany(t Tally, s Said) {
	if t.Last.Before(g.window.From) || !t.First.Before(g.window.To) {
		return
	}
	s.What, s.From, s.Agent, s.Who = cut(s.What), cut(s.From), cut(s.Agent), cut(s.Who)
	t.First, t.Last = t.First.UTC(), t.Last.UTC()
	g.put(g.key(t.First, s), t)
	for len(g.seen) > g.window.Most && g.grain < len(grains)-1 {
		g.coarsen()
	}
}

// cut keeps a hostile word from filling the memory. Half a value must not be kept,
// so what is too long is left out whole.
func cut(word string) string {
	if len(word) > longest {
		return "(too long to be kept)"
	}
	return word
}

func (g *Gather) key(at time.Time, s Said) alike {
	part := 0
	for _, m := range g.window.Marks {
		if !at.Before(m) {
			part++
		}
	}
	k := alike{Said: s, part: part}
	if d := grains[g.grain]; d > 0 {
		k.grain = at.Unix() / int64(d/time.Second)
	}
	return k
}

func (g *Gather) put(k alike, t Tally) {
	known, there := g.seen[k]
	switch {
	case !there && len(g.seen) >= g.window.Most && g.grain == len(grains)-1:
		g.dropped++
	case !there:
		g.seen[k] = t
	default:
		g.seen[k] = known.with(t)
	}
}

func (t Tally) with(other Tally) Tally {
	if other.First.Before(t.First) {
		t.First = other.First
	}
	if other.Last.After(t.Last) {
		t.Last = other.Last
	}
	if t.Count == 0 || other.Count == 0 {
		t.Count = -other.Count // unknown together
	}
	t.Count += other.Count
	t.Amount += other.Amount
	return t
}

// coarsen joins over longer stretches.
func (g *Gather) coarsen() {
	g.grain++
	fine := g.seen
	g.seen = make(map[alike]Tally, len(fine))
	for k, t := range fine {
		g.put(g.key(t.First, k.Said), t)
	}
}

// Len is how many uses there are that differ.
func (g *Gather) Len() int { return len(g.seen) }

// Trail is what was gathered, in order. It is partial where there were more uses
// of different kinds than may be kept.
func (g *Gather) Trail(s Source, c Completeness, why string) Trail {
	t := Trail{Source: s.Name, Completeness: c, Why: why}
	for k, n := range g.seen {
		from, _ := netip.ParseAddr(k.From) // in another form: not told
		t.Uses = append(t.Uses, Use{
			First: n.First, Last: n.Last, Count: n.Count, Amount: n.Amount, What: secret.Quoted(k.What), From: from.Unmap().WithZone(""),
			Agent: secret.Quoted(k.Agent), Who: secret.Quoted(k.Who), Own: k.Own,
		})
	}
	slices.SortFunc(t.Uses, func(a, b Use) int {
		return cmp.Or(a.First.Compare(b.First), a.Last.Compare(b.Last), a.From.Compare(b.From))
	})
	if g.dropped > 0 {
		t.Completeness = Partial
		t.Why = fmt.Sprintf("%d more uses differ from these and are not kept. %s", g.dropped, why)
	}
	return t
}
