package chart

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/text"
	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgimg"

	"rekey/rotation/watch"
)

// Measures of the picture in points; at dpi there are 1.5 pixels to each.
const (
	dpi       = 108
	width     = 800 * vg.Length(1)
	tile      = 142 * vg.Length(1) // a panel with its heading
	heading   = 30 * vg.Length(1)
	above     = 46 * vg.Length(1) // the title
	below     = 32 * vg.Length(1) // the legend of signs
	margin    = 16 * vg.Length(1)
	textSize  = 15 // read where Slack shows the picture at half its size
	titleSize = 20
)

var (
	paper = color.NRGBA{0xfd, 0xfd, 0xfe, 0xff}
	ink   = color.NRGBA{0x1f, 0x24, 0x30, 0xff}
	soft  = color.NRGBA{0x5a, 0x62, 0x70, 0xff}
	faint = color.NRGBA{0xe3, 0xe6, 0xeb, 0xff}
	red   = color.NRGBA{0xb3, 0x26, 0x1e, 0xff}
	green = color.NRGBA{0x11, 0x7a, 0x4a, 0xff}
	amber = color.NRGBA{0xa8, 0x5a, 0x00, 0xff}
)

// strokes are told apart by people who see colours differently.
var strokes = []color.NRGBA{
	{0x00, 0x5f, 0xa8, 0xff}, {0xc4, 0x4e, 0x00, 0xff}, {0x7a, 0x3e, 0x9d, 0xff}, {0x00, 0x7a, 0x6b, 0xff},
	{0x8c, 0x2d, 0x5a, 0xff}, {0x5b, 0x6b, 0x00, 0xff}, {0x3f, 0x4a, 0x7a, 0xff}, {0x6b, 0x4b, 0x3a, 0xff},
}

func face(size float64, bold bool) font.Font {
	f := font.Font{Typeface: "Liberation", Variant: "Sans", Size: vg.Length(size)}
	if bold {
		f.Weight = 3 // of golang.org/x/image/font
	}
	return f
}

func style(size float64, bold bool, c color.Color) draw.TextStyle {
	return draw.TextStyle{Color: c, Font: face(size, bold), Handler: text.Plain{Fonts: font.DefaultCache}, YAlign: draw.YBottom}
}

// PNG draws the model.
func (m Model) PNG() ([]byte, error) {
	rows := len(m.Panels) + 1
	height := above + below + vg.Length(rows)*tile + margin
	canvas := vgimg.NewWith(vgimg.UseWH(width, height), vgimg.UseDPI(dpi), vgimg.UseBackgroundColor(paper))
	whole := draw.New(canvas)
	plots := make([][]*plot.Plot, rows)
	for i, p := range m.Panels {
		plots[i] = []*plot.Plot{m.panel(p, i == 0)}
	}
	plots[rows-1] = []*plot.Plot{m.looks(rows == 1)}
	inner := draw.Crop(whole, margin, -margin, below, -above-heading)
	tiles := draw.Tiles{Rows: rows, Cols: 1, PadY: heading}
	cells := plot.Align(plots, tiles, inner)
	for i := range plots {
		plots[i][0].Draw(cells[i][0])
	}
	m.head(whole)
	for i, p := range m.Panels {
		lead(whole, cells[i][0], p)
	}
	lead(whole, cells[rows-1][0], Panel{Title: "Looks"})
	m.legend(whole)
	var b bytes.Buffer
	if _, err := (vgimg.PngCanvas{Canvas: canvas}).WriteTo(&b); err != nil {
		return nil, fmt.Errorf("drawing the watch of %s: %w", m.Title, err)
	}
	return b.Bytes(), nil
}

// head writes the title and the verdict.
func (m Model) head(c draw.Canvas) {
	at := vg.Point{X: margin, Y: c.Max.Y - above + 10}
	title := style(titleSize, true, ink)
	c.FillText(title, at, m.Title)
	at.X += title.Width(m.Title + "   ")
	c.FillText(style(titleSize, true, shade(m.Verdict)), at, result(m.Verdict))
}

func shade(v watch.Verdict) color.Color {
	switch v {
	case watch.Passed:
		return green
	case watch.Failed:
		return red
	default:
		return amber
	}
}

// lead writes a panel's heading, and each of its lines' names in its colour.
func lead(c, cell draw.Canvas, p Panel) {
	at := vg.Point{X: margin, Y: cell.Max.Y + 8}
	bold := style(textSize, true, ink)
	c.FillText(bold, at, p.Title)
	at.X += bold.Width(p.Title) + 18
	for i, l := range p.Lines {
		name := style(textSize, false, strokes[i%len(strokes)])
		c.StrokeLine2(draw.LineStyle{Color: name.Color, Width: 2.2}, at.X, at.Y+5, at.X+16, at.Y+5)
		c.FillText(name, vg.Point{X: at.X + 21, Y: at.Y}, l.Name)
		at.X += 21 + name.Width(l.Name) + 16
	}
	if dashed(p) {
		c.StrokeLine2(draw.LineStyle{Color: soft, Width: 1.4, Dashes: dashes}, at.X, at.Y+5, at.X+20, at.Y+5)
		c.FillText(style(textSize, false, soft), vg.Point{X: at.X + 25, Y: at.Y}, "before the deployment")
	}
}

var dashes = []vg.Length{vg.Points(5), vg.Points(4)}

func dashed(p Panel) bool {
	for _, l := range p.Lines {
		if l.Usual >= 0 {
			return true
		}
	}
	return false
}

// legend explains the signs in use, and what lies outside.
func (m Model) legend(c draw.Canvas) {
	at := vg.Point{X: margin, Y: c.Min.Y + 10}
	words := style(textSize, false, soft)
	for _, s := range signs {
		if !m.shows(s.name) {
			continue
		}
		c.DrawGlyph(s.style, vg.Point{X: at.X + 6, Y: at.Y + 4.5})
		c.FillText(words, vg.Point{X: at.X + 17, Y: at.Y}, s.name)
		at.X += 17 + words.Width(s.name) + 18
	}
	if m.Aside != "" {
		words.XAlign = draw.XRight
		c.FillText(words, vg.Point{X: c.Max.X - margin, Y: at.Y}, m.Aside)
	}
}

func (m Model) shows(name string) bool {
	for _, r := range m.Rows {
		for _, l := range r.Looks {
			if signs[sign(l)].name == name {
				return true
			}
		}
	}
	return false
}

// ground is a plot with the axis of time and the marks.
func (m Model) ground(top float64, named bool) *plot.Plot {
	p := plot.New()
	p.BackgroundColor = paper
	side := (m.Until - m.From) * 0.02
	p.X.Min, p.X.Max, p.Y.Min, p.Y.Max = m.From-side, m.Until+side, 0, top
	for _, a := range []*plot.Axis{&p.X, &p.Y} {
		a.LineStyle.Color, a.LineStyle.Width = faint, 1
		a.Tick.LineStyle.Color, a.Tick.Length = faint, 3
		a.Tick.Label = style(textSize, false, soft)
		a.Padding = 3
	}
	p.X.Tick.Label.XAlign, p.X.Tick.Label.YAlign = draw.XCenter, draw.YTop
	p.Y.Tick.Label.XAlign, p.Y.Tick.Label.YAlign = draw.XRight, draw.YCenter
	p.X.Tick.Marker = plot.ConstantTicks(rounded(m.From, m.Until, 8, false))
	for i, k := range m.Marks {
		p.Add(upright{k, top, named, i})
	}
	return p
}

// panel draws lines.
func (m Model) panel(in Panel, named bool) *plot.Plot {
	top := in.Top
	if top <= 0 {
		top = 1
	}
	room := 1.15
	if named {
		room += 0.2 * float64(len(m.Marks)) // their names stand one below the other
	}
	p := m.ground(top*room, named)
	p.X.Tick.Marker = plot.ConstantTicks(nil)
	marks := rounded(0, top, 4, in.Whole)
	p.Y.Tick.Marker = plot.ConstantTicks(marks)
	for _, t := range marks {
		p.Add(ruler{t.Value})
	}
	for i, l := range in.Lines {
		c := strokes[i%len(strokes)]
		if l.Usual >= 0 {
			p.Add(&plotter.Line{XYs: plotter.XYs{{X: m.From, Y: l.Usual}, {X: m.Until, Y: l.Usual}}, LineStyle: draw.LineStyle{Color: c, Width: 1.4, Dashes: dashes}})
		}
		for _, s := range l.Strokes {
			points := make(plotter.XYs, len(s))
			for j, at := range s {
				points[j] = plotter.XY{X: at.X, Y: at.Y}
			}
			p.Add(&plotter.Line{XYs: points, LineStyle: draw.LineStyle{Color: c, Width: 2.2}},
				&plotter.Scatter{XYs: points, GlyphStyle: draw.GlyphStyle{Color: c, Radius: 2.6, Shape: draw.CircleGlyph{}}})
		}
	}
	return p
}

// looks draws a row of signs for each check, the first one at the top.
func (m Model) looks(named bool) *plot.Plot {
	p := m.ground(float64(max(len(m.Rows), 1)), named)
	p.X.Label.Text, p.X.Label.TextStyle = m.Unit, style(textSize, false, soft)
	p.X.Label.TextStyle.XAlign, p.X.Label.TextStyle.YAlign = draw.XCenter, draw.YBottom
	p.X.Label.Padding = 2
	var names []plot.Tick
	for i, r := range m.Rows {
		y := float64(len(m.Rows)-i) - 0.5
		names = append(names, plot.Tick{Value: y, Label: r.Name})
		for _, l := range r.Looks {
			p.Add(&plotter.Scatter{XYs: plotter.XYs{{X: l.X, Y: y}}, GlyphStyle: signs[sign(l)].style})
		}
	}
	p.Y.Tick.Marker = plot.ConstantTicks(names)
	p.Y.Tick.Length = 0
	return p
}

// rounded are about n ticks at round numbers, or at whole ones.
func rounded(from, to float64, n int, whole bool) []plot.Tick {
	span := to - from
	if !(span > 0) {
		return nil
	}
	step := math.Pow(10, math.Floor(math.Log10(span/float64(n))))
	for _, f := range []float64{1, 2, 5, 10} {
		if span/(step*f) <= float64(n) {
			step *= f
			break
		}
	}
	if whole {
		step = math.Max(step, 1)
	}
	var ticks []plot.Tick
	for i := math.Ceil(from / step); i*step <= to*(1+1e-9) && len(ticks) <= 2*n; i++ {
		ticks = append(ticks, plot.Tick{Value: i * step, Label: strconv.FormatFloat(i*step+0, 'g', 4, 64)})
	}
	return ticks
}

// ruler is a faint line at a value.
type ruler struct{ y float64 }

// Plot implements plot.Plotter.
func (r ruler) Plot(c draw.Canvas, p *plot.Plot) {
	_, y := p.Transforms(&c)
	c.StrokeLine2(draw.LineStyle{Color: faint, Width: 1}, c.Min.X, y(r.y), c.Max.X, y(r.y))
}

// upright is a mark through a panel, with its name in the first one.
type upright struct {
	Upright
	top   float64
	named bool
	n     int
}

// Plot implements plot.Plotter.
func (u upright) Plot(c draw.Canvas, p *plot.Plot) {
	toX, _ := p.Transforms(&c)
	x := toX(u.X)
	c.StrokeLine2(draw.LineStyle{Color: ink, Width: 1.6, Dashes: []vg.Length{2, 3}}, x, c.Min.Y, x, c.Max.Y)
	if !u.named {
		return
	}
	words := style(textSize, true, ink)
	words.YAlign = draw.YTop
	at := vg.Point{X: x + 5, Y: c.Max.Y - 1 - vg.Length(u.n)*(textSize+2)}
	if x > (c.Min.X+c.Max.X)/2 {
		words.XAlign, at.X = draw.XRight, x-5
	}
	c.FillText(words, at, u.Name)
}
