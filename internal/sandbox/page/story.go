package page

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey/internal/sandbox/slack"
)

const (
	keptEvents   = 512 // from which a reader may go on after a gap
	keptMessages = 400 // in a picture
	keptSamples  = 120 // points of the curve
)

// story is what happened so far, in the order in which readers are told.
type story struct {
	o Options

	mu       sync.Mutex
	epoch    string // another one means: forget what you knew
	seq      int    // of the last event
	events   []frame
	messages []slack.Message // by timestamp; whispers included
	views    map[string]slack.View
	curve    []sample
	totals   []total // the last few looks at the counters
	world    World
	pulse    pulse
	latest   [2]frame // world and pulse; seq counts their changes
	changed  chan struct{}
}

// total is a reading of the counters.
type total struct {
	at               time.Time
	requests, failed int
}

// frame is one event of the stream.
type frame struct {
	kind string
	id   string // empty for states, which are not resumed
	seq  int
	data []byte
}

// place is how far a reader has come.
type place struct {
	epoch             string
	seq, world, pulse int
}

func newStory(o Options) *story {
	return &story{o: o, changed: make(chan struct{}), latest: [2]frame{{kind: "world"}, {kind: "pulse"}}}
}

// begin takes the workspace as it is and forgets what was told before.
func (s *story) begin(now slack.Snapshot) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.epoch, s.seq, s.events, s.messages, s.views = rand.Text()[:8], 0, nil, nil, map[string]slack.View{}
	for _, m := range now.Messages[s.o.Channel] {
		s.insertLocked(m)
	}
	for _, list := range now.Ephemerals {
		for _, m := range list {
			s.insertLocked(m)
		}
	}
	for id, v := range now.Views {
		if v.Kind == modal {
			s.views[id] = v
		}
	}
	s.wakeLocked()
}

// modal is the kind of view that the page draws; it has no Home tab.
const modal = "modal"

// view tells of a modal that is new or changed.
func (s *story) view(v slack.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if v.Kind != modal {
		return
	}
	s.views[v.ID] = v
	s.tellLocked("view", v)
}

// unview tells of a modal that is gone.
func (s *story) unview(v slack.View) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.views[v.ID]; there {
		delete(s.views, v.ID)
		s.tellLocked("unview", map[string]string{"id": v.ID})
	}
}

// put tells of a message that is new or changed.
func (s *story) put(m slack.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m.Channel != s.o.Channel {
		return
	}
	s.tellLocked("message", s.insertLocked(m))
}

// remove tells of a message that is gone.
func (s *story) remove(m slack.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i, there := s.findLocked(m.TS); there {
		s.messages = slices.Delete(s.messages, i, i+1)
		s.tellLocked("gone", map[string]string{"ts": m.TS})
	}
}

// insertLocked keeps a message at its place in time, the newest version only.
// Its metadata is not for people.
func (s *story) insertLocked(m slack.Message) slack.Message {
	m.Metadata = nil
	if m.Channel != s.o.Channel {
		return m
	}
	i, there := s.findLocked(m.TS)
	if there {
		s.messages[i] = m
	} else {
		s.messages = slices.Insert(s.messages, i, m)
	}
	return m
}

// findLocked compares timestamps as text: they have one length.
func (s *story) findLocked(ts string) (int, bool) {
	return slices.BinarySearchFunc(s.messages, ts, func(m slack.Message, ts string) int { return strings.Compare(m.TS, ts) })
}

func (s *story) tellLocked(kind string, v any) {
	s.seq++
	s.events = append(s.events, frame{kind: kind, id: s.idLocked(), seq: s.seq, data: s.encode(v)})
	if len(s.events) > keptEvents {
		s.events = slices.Clone(s.events[keptEvents/2:])
	}
	s.wakeLocked()
}

// see takes consoles and counters as they are now.
func (s *story) see(w World, loads []Load, sockets int, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := pulse{At: now, Loads: loads, Connected: sockets > 0}
	for _, l := range loads {
		p.Requests += l.Requests
		p.Failed += l.Failed
	}
	p.Rate = s.measureLocked(total{now, p.Requests, p.Failed})
	s.world, s.pulse = w, p
	woke := false
	for i, v := range []any{w, p} {
		if data := s.encode(v); !bytes.Equal(data, s.latest[i].data) {
			s.latest[i].data = data
			s.latest[i].seq++
			woke = true
		}
	}
	if woke {
		s.wakeLocked()
	}
}

// measureLocked adds a point to the curve and returns the rate over the last
// few looks.
func (s *story) measureLocked(t total) float64 {
	const smoothed = 4
	var rate float64
	failed := 0
	if n := len(s.totals); n > 0 {
		first := s.totals[0]
		if d := t.at.Sub(first.at).Seconds(); d > 0 {
			rate = float64(t.requests-first.requests) / d
		}
		failed = t.failed - s.totals[n-1].failed
	}
	s.totals = append(s.totals, t)
	if len(s.totals) > smoothed {
		s.totals = s.totals[1:]
	}
	if len(s.totals) > 1 {
		s.curve = append(s.curve, sample{rate, failed})
	}
	if len(s.curve) > keptSamples {
		s.curve = slices.Clone(s.curve[len(s.curve)-keptSamples:])
	}
	return rate
}

// since returns what a reader at a place has not seen, the place after it, and
// the signal for more. A place that is not known gets a picture.
func (s *story) since(at place) ([]frame, place, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next := place{s.epoch, s.seq, s.latest[0].seq, s.latest[1].seq}
	first := s.seq - len(s.events) // the event before the first one kept
	if at.epoch != s.epoch || at.seq < first || at.seq > s.seq {
		return []frame{{kind: "picture", id: s.idLocked(), data: s.encode(s.pictureLocked())}}, next, s.changed
	}
	news := slices.Clone(s.events[at.seq-first:])
	for i, seen := range []int{at.world, at.pulse} {
		if s.latest[i].seq > seen {
			news = append(news, s.latest[i])
		}
	}
	return news, next, s.changed
}

func (s *story) pictureLocked() picture {
	names := map[string]string{}
	var bots []string
	for _, u := range s.o.Slack.Users() {
		names[u.ID] = u.Name
		if u.Bot {
			bots = append(bots, u.ID)
		}
	}
	for id, name := range s.o.Groups {
		names[id] = name
	}
	channel := Person{ID: s.o.Channel}
	for _, c := range s.o.Slack.Channels() {
		if c.ID == s.o.Channel {
			channel.Name = c.Name
		}
	}
	return picture{
		Channel: channel, Cast: s.o.Cast, Names: names, Bots: bots, Secrets: s.o.Secrets, Kinds: s.o.Kinds, Services: s.o.Services,
		Messages: append([]slack.Message{}, s.messages[max(0, len(s.messages)-keptMessages):]...), Views: append([]slack.View{}, slices.Collect(maps.Values(s.views))...), Curve: append([]sample{}, s.curve...), World: s.world, Pulse: s.pulse,
	}
}

func (s *story) wakeLocked() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// encode makes the one form in which anything leaves: JSON without any value
// that was ever issued.
func (s *story) encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("page: encoding an event: " + err.Error()) // unreachable: plain structs, and blocks that are JSON already
	}
	if s.o.Issued == nil {
		return data
	}
	return mask(data, s.o.Issued())
}
