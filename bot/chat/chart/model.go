package chart

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"rekey/rotation/watch"
)

// Bounds of what is drawn.
const (
	mostChecks = 8  // rows, and lines of a panel
	longest    = 20 // characters of a check's name
	highest    = 1e9
)

// Watch is what is to be drawn.
type Watch struct {
	Secret  string
	Of      string // the environment
	After   bool   // of the old key's end
	Verdict watch.Verdict
	Start   time.Time
	Rules   watch.Params
	Series  []watch.Series
	Marks   []Mark
}

// Mark is a moment worth an upright line.
type Mark struct {
	Name string
	At   time.Time // zero where it has not happened
}

// Model is a drawing in numbers. X counts minutes, or seconds where the watch
// is a short one, since the watch began.
type Model struct {
	Title   string
	Verdict watch.Verdict
	Unit    string // of the axis of time
	From    float64
	Until   float64
	Panels  []Panel
	Rows    []Row
	Marks   []Upright
	Aside   string // what lies outside the time shown
	Words   string // the figures, for Alt
}

// Panel is one set of lines over the axis of time.
type Panel struct {
	Title string
	Lines []Line
	Top   float64
	Whole bool // values are counts
}

// Line is one check's values. A gap ends a stroke and begins another one.
type Line struct {
	Name    string
	Strokes [][]Point
	Usual   float64 // dashed; negative for none
}

// Point is a value at a moment.
type Point struct{ X, Y float64 }

// Row is what a check's looks came to.
type Row struct {
	Name  string
	Looks []Look
}

// Look is one sign of a row.
type Look struct {
	X       float64
	Outcome watch.Outcome
	Hard    bool
}

// Upright is a mark on the axis.
type Upright struct {
	Name string
	X    float64
}

// Of makes the model of a watch. Values that cannot be drawn are left out:
// what was not measured is a gap, never a zero.
func Of(w Watch) Model {
	scale, unit := time.Minute, "minutes"
	if w.Rules.Window < 2*time.Minute {
		scale, unit = time.Second, "seconds"
	}
	a := axis{w, scale}
	m := Model{Title: w.Secret + ": " + a.what(), Verdict: w.Verdict, Unit: unit + " since the watch began", Until: a.at(time.Duration(watch.Expected(w.Rules)) * w.Rules.Interval)}
	for _, s := range w.Series[:min(len(w.Series), mostChecks)] {
		m.Rows = append(m.Rows, Row{short(s.Check), a.looks(s)})
	}
	m.Panels = slices.DeleteFunc([]Panel{a.latencies(), a.errors(watch.Count), a.errors(watch.Rate)}, func(p Panel) bool { return len(p.Lines) == 0 })
	m.Until = max(m.Until, a.last(m), 1e-3)
	a.mark(&m)
	m.Words = a.words()
	return m
}

// axis places what belongs to one watch.
type axis struct {
	Watch
	scale time.Duration
}

func (a axis) what() string {
	if a.After {
		return "watch after the end of the old key"
	}
	return "watch of " + a.Of
}

func (a axis) at(d time.Duration) float64 { return float64(d) / float64(a.scale) }

// ticks are those that can be placed, in order, one for each number.
func (a axis) ticks(s watch.Series) []watch.Tick {
	var kept []watch.Tick
	for _, t := range s.Ticks {
		if t.N >= 1 && t.N <= watch.Expected(a.Rules) {
			kept = append(kept, t)
		}
	}
	slices.SortStableFunc(kept, func(x, y watch.Tick) int { return cmp.Compare(x.N, y.N) })
	return slices.CompactFunc(kept, func(x, y watch.Tick) bool { return x.N == y.N })
}

// place is where look n stands: at the end of what it looked at.
func (a axis) place(n int) float64 {
	return a.at(a.Rules.InitialDelay - a.Rules.IngestDelay + time.Duration(n)*a.Rules.Interval)
}

func (a axis) looks(s watch.Series) []Look {
	var all []Look
	for _, t := range a.ticks(s) {
		all = append(all, Look{X: a.place(t.N), Outcome: watch.Effective(a.Rules, s, t), Hard: t.Hard})
	}
	return all
}

func (a axis) latencies() Panel {
	p := Panel{Title: "Answer time, ms"}
	for _, s := range a.Series {
		usual := -1.0
		if s.Before > 0 {
			usual = ms(s.Before)
		}
		p.add(a.line(s, usual, func(t watch.Tick) (float64, bool) { return ms(t.Latency), t.Latency > 0 }))
	}
	return p
}

func (a axis) errors(u watch.Unit) Panel {
	p := Panel{Title: "Errors counted, per look", Whole: u == watch.Count}
	share, factor := 1/float64(max(watch.Expected(a.Rules), 1)), 1.0
	if u == watch.Rate {
		p.Title, share, factor = "Failed requests, %", 1, 100
	}
	for _, s := range a.Series {
		if s.Unit != u {
			continue
		}
		usual := -1.0
		if s.Baseline != nil && drawable(*s.Baseline) {
			usual = *s.Baseline * share * factor
		}
		p.add(a.line(s, usual, func(t watch.Tick) (float64, bool) {
			return t.Value * factor, t.Outcome != watch.Error && !t.Hard
		}))
	}
	for _, s := range a.Series {
		if s.Unit == u && u == watch.Count && slices.ContainsFunc(s.Ticks, func(t watch.Tick) bool { return t.Hard }) {
			p.add(a.hits(s))
		}
	}
	return p
}

// hits are the lines in a log with this credential's own error.
func (a axis) hits(s watch.Series) Line {
	l := a.line(s, -1, func(t watch.Tick) (float64, bool) {
		if !t.Hard {
			return 0, t.Outcome != watch.Error
		}
		return t.Value, true
	})
	l.Name = "credential's own error"
	return l
}

// line takes a check's values in strokes.
func (a axis) line(s watch.Series, usual float64, value func(watch.Tick) (float64, bool)) Line {
	l := Line{Name: short(s.Check), Usual: usual}
	before := -1
	for _, t := range a.ticks(s) {
		y, ok := value(t)
		if !ok || !drawable(y) {
			continue
		}
		if t.N != before+1 || len(l.Strokes) == 0 {
			l.Strokes = append(l.Strokes, nil)
		}
		before = t.N
		last := len(l.Strokes) - 1
		l.Strokes[last] = append(l.Strokes[last], Point{a.place(t.N), y})
	}
	return l
}

func drawable(y float64) bool { return !math.IsNaN(y) && y >= 0 && y <= highest }

// add takes a line that has something to show, and room for it.
func (p *Panel) add(l Line) {
	if len(l.Strokes) == 0 || len(p.Lines) == mostChecks {
		return
	}
	p.Lines = append(p.Lines, l)
	p.Top = max(p.Top, l.Usual)
	for _, s := range l.Strokes {
		for _, point := range s {
			p.Top = max(p.Top, point.Y)
		}
	}
}

// last is the right-most sign.
func (a axis) last(m Model) float64 {
	right := 0.0
	for _, r := range m.Rows {
		for _, l := range r.Looks {
			right = max(right, l.X)
		}
	}
	return right
}

// mark draws what happened during the watch, or before it by no more than it is
// long, and tells of the rest beside the picture.
func (a axis) mark(m *Model) {
	room := m.Until
	var outside []string
	for _, k := range a.Marks {
		if k.At.IsZero() {
			continue
		}
		x := a.at(k.At.Sub(a.Start))
		if x < -room || x > m.Until+room {
			outside = append(outside, fmt.Sprintf("%s at %s UTC", k.Name, k.At.UTC().Format("15:04")))
			continue
		}
		m.Marks = append(m.Marks, Upright{k.Name, x})
		m.From, m.Until = min(m.From, x), max(m.Until, x)
	}
	m.Aside = strings.Join(outside, ", ")
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func short(name string) string {
	if r := []rune(name); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return name
}
