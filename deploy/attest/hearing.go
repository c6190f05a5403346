package attest

import (
	"maps"
	"slices"

	"rekey/deploy"
)

// verdict is which value an answer was made for.
type verdict int

const (
	holdsOther verdict = iota // neither: yet another value, or no holder of the key at all
	holdsOld
	holdsNew
)

// hearing collects the answers of one proof.
type hearing struct {
	config     Config
	latest     map[string]verdict // by instance
	counts     [holdsNew + 1]int
	last       verdict
	inARow     int
	deployment string // of the last answer for the new value
}

func (h *hearing) hear(a Answer, v verdict) {
	if h.inARow > 0 && v != h.last {
		h.inARow = 0
	}
	h.last = v
	h.inARow++
	h.counts[v]++
	h.latest[a.Instance] = v
	if v == holdsNew {
		h.deployment = a.Deployment
	}
}

// settled reports that asking on would not change the result: agreement, or a
// row of answers for something else than the new value.
func (h *hearing) settled() bool {
	return h.agreed() || (h.last != holdsNew && h.inARow >= h.config.InARow)
}

// agreed reports that enough was heard for the new value.
func (h *hearing) agreed() bool {
	if h.config.Instances == 0 {
		return h.last == holdsNew && h.inARow >= h.config.InARow
	}
	for _, v := range h.latest {
		if v != holdsNew {
			return false
		}
	}
	return len(h.latest) >= h.config.Instances
}

func (h *hearing) testimony() deploy.Testimony {
	return deploy.Testimony{
		Deployment: h.deployment,
		Instances:  slices.Sorted(maps.Keys(h.latest)),
		New:        h.counts[holdsNew],
		Old:        h.counts[holdsOld],
		Other:      h.counts[holdsOther],
		Agreed:     h.agreed(),
	}
}
