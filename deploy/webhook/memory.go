package webhook

import (
	"sync"
	"time"
)

// memory is what this process knows of the deployments it follows.
type memory struct {
	mu    sync.Mutex
	known map[string]*trace
	order []string // oldest first
}

type trace struct {
	since  time.Time
	misses int
}

// remembered bounds the memory; a rotation follows one deployment at a time.
const remembered = 256

// begin notes when an id was first seen here.
func (m *memory) begin(id string, now time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.known[id] != nil {
		return
	}
	if m.known == nil {
		m.known = make(map[string]*trace)
	}
	if len(m.order) == remembered {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	m.known[id] = &trace{since: now}
	m.order = append(m.order, id)
}

func (m *memory) age(id string, now time.Time) time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.known[id]; t != nil {
		return now.Sub(t.since)
	}
	return 0
}

func (m *memory) answered(id string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.known[id]; t != nil {
		t.misses = 0
	}
}

// missed counts one more question without an answer.
func (m *memory) missed(id string) int {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.known[id]
	if t == nil {
		return 0
	}
	t.misses++
	return t.misses
}
