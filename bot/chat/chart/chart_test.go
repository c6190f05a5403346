package chart

import (
	"bytes"
	"encoding/json"
	"flag"
	"image"
	"image/color"
	"image/png"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rekey/rotation/watch"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// story is a watch with something of everything.
func story() Watch {
	base := 15.0
	w := Watch{Secret: "FAL_KEY", Of: "production", Verdict: watch.Passed, Start: noon, Rules: watch.Defaults(),
		Marks: []Mark{{"deploy", noon.Add(-40 * time.Second)}, {"end of the old key", time.Time{}}, {"asked for", noon.Add(-3 * time.Hour)}},
		Series: []watch.Series{
			{Check: "attest", Required: true, Instant: true}, {Check: "affected", Required: true, Instant: true},
			{Check: "errors", Required: true, Unit: watch.Count, Baseline: &base},
			{Check: "health", Required: true, Instant: true, Before: 38 * time.Millisecond},
		}}
	for n := 1; n <= 15; n++ {
		for i, k := range []watch.Tick{
			{Value: 3}, {Requests: 1, Latency: time.Duration(180+n*n%37) * time.Millisecond},
			{Requests: 118, Value: float64(n * n % 4)}, {Requests: 1, Latency: time.Duration(36+n*7%11) * time.Millisecond},
		} {
			k.N, k.Outcome = n, watch.OK
			w.Series[i].Ticks = append(w.Series[i].Ticks, k)
		}
	}
	w.Series[2].Ticks[6].Outcome, w.Series[1].Ticks[6].Outcome, w.Series[1].Ticks[6].Latency = watch.Error, watch.Error, 0
	w.Series[2].Ticks[9].Outcome = watch.NoData
	return w
}

var update = flag.Bool("update", false, "write the golden file")

// TestModel keeps what is drawn: every number and name of it.
func TestModel(t *testing.T) {
	failed := story()
	failed.Verdict, failed.After = watch.Failed, true
	failed.Marks[1].At = noon.Add(-90 * time.Second)
	failed.Series[2].Ticks[3] = watch.Tick{N: 4, Outcome: watch.Bad, Hard: true, Value: 2, Requests: 9, Detail: "a line that may hold a secret"}
	quick := story()
	quick.Rules.Window, quick.Rules.Interval, quick.Rules.InitialDelay, quick.Rules.IngestDelay = 3*time.Second, 200*time.Millisecond, 0, 0
	rate := Watch{Secret: "FAL_KEY", Of: "production", Verdict: watch.CannotMeasure, Start: noon, Rules: watch.Defaults(), Series: []watch.Series{
		{Check: "a check with a name too long to be drawn", Unit: watch.Rate, Ticks: []watch.Tick{{N: 1, Outcome: watch.OK, Value: 0.015}, {N: 2, Outcome: "new"}}}}}
	models := map[string]Model{"passed": Of(story()), "failed": Of(failed), "quick": Of(quick), "rate": Of(rate), "empty": Of(Watch{Of: "production"})}
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	for _, name := range slices.Sorted(maps.Keys(models)) {
		m := models[name]
		if err := enc.Encode(struct {
			Name, Alt string
			Model     Model
		}{name, m.Alt(), m}); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join("testdata", "models.json")
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("models (-want +got):\n%s", diff)
	}
	if strings.Contains(got.String(), "may hold a secret") {
		t.Error("a detail is drawn")
	}
}

func picture(t *testing.T, w Watch) image.Image {
	t.Helper()
	b, err := Of(w).PNG()
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	if len(b) > 200<<10 || img.Bounds().Dx() != 1200 || img.Bounds().Dy() > 1200 {
		t.Errorf("%d bytes of %v", len(b), img.Bounds())
	}
	return img
}

// TestPicture looks at the pixels: nothing is transparent, so that the picture
// looks the same on any background, and each line and sign can be found.
func TestPicture(t *testing.T) {
	w := story()
	w.Series[2].Ticks[12].Outcome = watch.Bad
	found := map[color.NRGBA]int{}
	img := picture(t, w)
	for y := range img.Bounds().Dy() {
		for x := range img.Bounds().Dx() {
			c, ok := color.NRGBAModel.Convert(img.At(x, y)).(color.NRGBA)
			if !ok || c.A != 0xff {
				t.Fatalf("the pixel at %d, %d is %v", x, y, c)
			}
			found[c]++
		}
	}
	for name, c := range map[string]color.NRGBA{"affected": strokes[0], "health": strokes[1], "good": green, "bad": red, "not answered": amber, "nothing to judge": soft, "text": ink} {
		if found[c] < 50 {
			t.Errorf("%s: %d pixels", name, found[c])
		}
	}
	if paperShare := float64(found[paper]) / float64(img.Bounds().Dx()*img.Bounds().Dy()); paperShare < 0.5 {
		t.Errorf("%.0f %% is background", 100*paperShare)
	}
}

// TestContrast holds text and lines to the ratios of WCAG 2.2, 1.4.3 and 1.4.11.
func TestContrast(t *testing.T) {
	for _, c := range []color.NRGBA{ink, soft, red, green, amber} {
		if r := contrast(c, paper); r < 4.5 {
			t.Errorf("text in %v: %.1f", c, r)
		}
	}
	for i, c := range strokes {
		if r := contrast(c, paper); r < 4.5 { // their names are written in it
			t.Errorf("line %d: %.1f", i, r)
		}
	}
}

func contrast(a, b color.NRGBA) float64 {
	light := func(c color.NRGBA) float64 {
		part := func(v uint8) float64 {
			s := float64(v) / 255
			if s <= 0.04045 {
				return s / 12.92
			}
			return math.Pow((s+0.055)/1.055, 2.4)
		}
		return 0.2126*part(c.R) + 0.7152*part(c.G) + 0.0722*part(c.B)
	}
	x, y := light(a), light(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// FuzzPNG draws whatever a record may hold.
func FuzzPNG(f *testing.F) {
	f.Add(uint64(1), 15, 60.0, "errors", 0.0)
	f.Add(uint64(2), 0, 0.0, "", math.NaN())
	f.Add(uint64(3), 1, 1e-3, "x", math.Inf(1))
	f.Add(uint64(4), 900, 1e6, "é\n<b>", -1e300)
	f.Add(uint64(5), 1000, 1.0, "\xff", 1e308)
	f.Fuzz(func(t *testing.T, seed uint64, looks int, interval float64, name string, value float64) {
		random := rand.New(rand.NewPCG(seed, 3))
		w := Watch{Secret: name, Start: noon, Rules: watch.Defaults(), Marks: []Mark{{name, noon.Add(time.Duration(value))}, {"deploy", noon.Add(-time.Minute)}}}
		w.Rules.Interval = time.Duration(min(max(interval, 0), 1e6) * float64(time.Second))
		w.Rules.Window = w.Rules.Interval * time.Duration(min(max(looks, 0), 1000))
		for range random.IntN(12) {
			s := watch.Series{Check: name, Required: true, Unit: []watch.Unit{watch.Plain, watch.Count, watch.Rate, "?"}[random.IntN(4)], Baseline: &value, Before: time.Duration(value)}
			for range random.IntN(20) {
				s.Ticks = append(s.Ticks, watch.Tick{
					N: random.IntN(20) - 2, Outcome: []watch.Outcome{watch.OK, watch.Bad, watch.NoData, watch.Error, "new"}[random.IntN(5)],
					Value: []float64{value, 0, 1, 1e9, math.NaN()}[random.IntN(5)], Requests: value, Hard: random.IntN(5) == 0, Latency: time.Duration(value * random.Float64()),
				})
			}
			w.Series = append(w.Series, s)
		}
		m := Of(w)
		b, err := m.PNG()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := png.DecodeConfig(bytes.NewReader(b)); err != nil {
			t.Fatal(err)
		}
		if n := utf8.RuneCountInString(m.Alt()); n == 0 || n > longestAlt {
			t.Errorf("the description has %d characters", n)
		}
	})
}
