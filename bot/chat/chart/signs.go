package chart

import (
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"

	"rekey/rotation/watch"
)

// signs are the shapes of the looks, the first that applies.
var signs = []struct {
	name  string
	is    func(Look) bool
	style draw.GlyphStyle
}{
	{"credential's own error", func(l Look) bool { return l.Hard }, draw.GlyphStyle{Color: red, Radius: 6, Shape: cross{boxed: true}}},
	{"bad", func(l Look) bool { return l.Outcome == watch.Bad }, draw.GlyphStyle{Color: red, Radius: 5, Shape: cross{}}},
	{"good", func(l Look) bool { return l.Outcome == watch.OK }, draw.GlyphStyle{Color: green, Radius: 4.5, Shape: draw.CircleGlyph{}}},
	{"nothing to judge", func(l Look) bool { return l.Outcome == watch.NoData }, draw.GlyphStyle{Color: soft, Radius: 5, Shape: bar{}}},
	{"not answered", func(Look) bool { return true }, draw.GlyphStyle{Color: amber, Radius: 5.5, Shape: draw.PyramidGlyph{}}},
}

// sign is the index of a look's sign.
func sign(l Look) int {
	for i, s := range signs {
		if s.is(l) {
			return i
		}
	}
	return len(signs) - 1
}

// cross is a thick ✕, in a box where it means more.
type cross struct{ boxed bool }

// DrawGlyph implements draw.GlyphDrawer.
func (g cross) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	line := draw.LineStyle{Color: s.Color, Width: 2.6}
	r := s.Radius * 0.8
	if g.boxed {
		draw.SquareGlyph{}.DrawGlyph(c, s, at)
		c.FillPolygon(s.Color, square(at, s.Radius))
		line.Color = paper
		r = s.Radius * 0.6
	}
	c.StrokeLine2(line, at.X-r, at.Y-r, at.X+r, at.Y+r)
	c.StrokeLine2(line, at.X-r, at.Y+r, at.X+r, at.Y-r)
}

func square(at vg.Point, r vg.Length) []vg.Point {
	return []vg.Point{{X: at.X - r, Y: at.Y - r}, {X: at.X + r, Y: at.Y - r}, {X: at.X + r, Y: at.Y + r}, {X: at.X - r, Y: at.Y + r}}
}

// bar is a thick dash: somebody answered, and there was nothing.
type bar struct{}

// DrawGlyph implements draw.GlyphDrawer.
func (bar) DrawGlyph(c *draw.Canvas, s draw.GlyphStyle, at vg.Point) {
	c.StrokeLine2(draw.LineStyle{Color: s.Color, Width: 3.2}, at.X-s.Radius, at.Y, at.X+s.Radius, at.Y)
}
