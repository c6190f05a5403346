package loki

import (
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Labels name a stream.
type Labels map[string]string

// String is the label set as Loki writes it, keys in order.
func (l Labels) String() string {
	var b strings.Builder
	for i, k := range slices.Sorted(maps.Keys(l)) {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(k + "=" + strconv.Quote(l[k]))
	}
	return "{" + b.String() + "}"
}

// Line is one log line.
type Line struct {
	Time   time.Time
	Labels Labels // shared by all lines of the stream: not to be changed
	Text   string
}

// DefaultLines is how many lines a store keeps.
const DefaultLines = 200_000

// Store keeps lines in the order of their times. The zero value is ready.
type Store struct {
	// MaxLines bounds the memory; the oldest half goes when it is full. Zero
	// means DefaultLines. Set it before the first line.
	MaxLines int

	mu      sync.Mutex
	lines   []Line
	streams map[string]Labels
	silent  bool
	lag     time.Duration
}

// Push adds a line with the present time.
func (s *Store) Push(l Labels, text string) { s.PushAt(time.Now(), l, text) }

// PushAt adds a line with a time of its own, in its place among the others.
func (s *Store) PushAt(at time.Time, l Labels, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.silent {
		return
	}
	limit := s.MaxLines
	if limit <= 0 {
		limit = DefaultLines
	}
	if len(s.lines) >= limit {
		s.lines = slices.Clone(s.lines[len(s.lines)-limit/2:])
	}
	line := Line{at, s.sharedLocked(l), text}
	i := sort.Search(len(s.lines), func(i int) bool { return s.lines[i].Time.After(at) })
	s.lines = slices.Insert(s.lines, i, line)
}

// sharedLocked returns one copy of equal label sets.
func (s *Store) sharedLocked(l Labels) Labels {
	key := l.String()
	if known, ok := s.streams[key]; ok {
		return known
	}
	if s.streams == nil {
		s.streams = map[string]Labels{}
	}
	s.streams[key] = maps.Clone(l)
	return s.streams[key]
}

// Silence makes the store drop every later line, as a broken log shipper does;
// queries go on being answered.
func (s *Store) Silence(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.silent = on
}

// SetLag makes lines appear to queries only that long after their time.
func (s *Store) SetLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = d
}

// Lines returns all lines kept, oldest first, those that lag included.
func (s *Store) Lines() []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// between returns the visible lines with from <= time < to, oldest first.
func (s *Store) between(from, to time.Time) []Line {
	s.mu.Lock()
	defer s.mu.Unlock()
	if visible := time.Now().Add(-s.lag); s.lag > 0 && to.After(visible) {
		to = visible
	}
	before := func(t time.Time) int {
		return sort.Search(len(s.lines), func(i int) bool { return !s.lines[i].Time.Before(t) })
	}
	i, j := before(from), before(to)
	if i >= j {
		return nil
	}
	return slices.Clone(s.lines[i:j])
}
