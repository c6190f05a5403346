package wire

import (
	"net/http"
	"strings"
	"sync"
)

// Match says which requests a fault is for. Empty fields match everything.
type Match struct {
	Method string
	// Path is compared with the request's path as sent; a trailing * stands for
	// any ending: "/api/chat.*".
	Path string
	// When, if set, must agree too. The body has been read and may be searched.
	When func(Request) bool
}

func (m Match) matches(q Request) bool {
	if m.Method != "" && m.Method != q.Method {
		return false
	}
	if prefix, open := strings.CutSuffix(m.Path, "*"); open {
		if !strings.HasPrefix(q.Path, prefix) {
			return false
		}
	} else if m.Path != "" && m.Path != q.Path {
		return false
	}
	return m.When == nil || m.When(q)
}

// Fault is one way in which a server is told to misbehave.
type Fault struct {
	Match Match
	// Skip lets that many matching requests through first: 2 means from the
	// third on.
	Skip int
	// Limit is how often the fault fires; zero means until cleared.
	Limit int
	// Do is what happens instead of plain handling.
	Do Action
}

// Turn is one request on which a fault fires.
type Turn struct {
	W    http.ResponseWriter
	R    *http.Request
	Next http.Handler // the real handler
	// Released is closed when the fault is cleared.
	Released <-chan struct{}
}

// Action carries out a fault. It either answers by itself or calls t.Next.
type Action func(t Turn)

// Faults is the set of faults of one server, each with a name by which it can
// be looked at and cleared. The zero value is an empty set.
type Faults struct {
	mu    sync.Mutex
	order []string
	named map[string]*injected
}

type injected struct {
	Fault
	seen     int // matching requests
	fired    int
	released chan struct{}
}

// Inject adds a fault under a name, replacing (and releasing) one of the same
// name. Of several faults due for one request the one injected first fires.
func (f *Faults) Inject(name string, ft Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clearLocked(name)
	if f.named == nil {
		f.named = map[string]*injected{}
	}
	f.named[name] = &injected{Fault: ft, released: make(chan struct{})}
	f.order = append(f.order, name)
}

// Clear removes a fault and releases the requests it holds. A name that is not
// there is no error. It reports how often the fault had fired.
func (f *Faults) Clear(name string) (fired int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clearLocked(name)
}

func (f *Faults) clearLocked(name string) int {
	in, ok := f.named[name]
	if !ok {
		return 0
	}
	close(in.released)
	delete(f.named, name)
	for i, n := range f.order {
		if n == name {
			f.order = append(f.order[:i:i], f.order[i+1:]...)
			break
		}
	}
	return in.fired
}

// Fired is how often the named fault has fired so far; zero for a name that is
// not there. A fault that has reached its limit stays, so that it can be asked.
func (f *Faults) Fired(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if in, ok := f.named[name]; ok {
		return in.fired
	}
	return 0
}

// Names lists the faults in the order of injection, spent ones included.
func (f *Faults) Names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]string(nil), f.order...)
}

// due finds the fault that fires for q and counts its firing. Every fault that
// matches counts the request, whether or not it is the one that fires.
func (f *Faults) due(q Request) *injected {
	f.mu.Lock()
	defer f.mu.Unlock()
	var chosen *injected
	for _, name := range f.order {
		in := f.named[name]
		if !in.Match.matches(q) {
			continue
		}
		in.seen++
		spent := in.Limit > 0 && in.fired >= in.Limit
		if chosen == nil && in.seen > in.Skip && !spent {
			chosen = in
			in.fired++
		}
	}
	return chosen
}
