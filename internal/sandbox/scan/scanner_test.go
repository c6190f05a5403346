package scan

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
	"testing/iotest"
)

// value has characters that every escaping changes.
const value = `3f2a9c1e-key:s3cr/t+"pa&rt"<0123456789>~ZZtop`

var secretPart = value[strings.Index(value, ":")+1:]

func scanner() *Scanner { return New(Secret{"FAL_KEY", value}, Secret{"OTHER", "another-value-0001"}) }

func TestFindsEveryForm(t *testing.T) {
	twice := func(s string) string { return quoted(quoted(s)) }
	forms := map[string]func(string) string{
		"as it is":    func(s string) string { return s },
		"std base64":  func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
		"raw base64":  func(s string) string { return base64.RawStdEncoding.EncodeToString([]byte(s)) },
		"url base64":  func(s string) string { return base64.URLEncoding.EncodeToString([]byte(s)) },
		"rawurl":      func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) },
		"hex":         func(s string) string { return hex.EncodeToString([]byte(s)) },
		"HEX":         func(s string) string { return strings.ToUpper(hex.EncodeToString([]byte(s))) },
		"query":       url.QueryEscape,
		"path":        url.PathEscape,
		"lower query": func(s string) string { return lowerPercent(url.QueryEscape(s)) },
		"json": func(s string) string {
			b, _ := json.Marshal(map[string]string{"v": s})
			return string(b)
		},
		"json in json": twice,
		"go":           func(s string) string { return fmt.Sprintf("%q", s) },
		"html":         html.EscapeString,
	}
	half := len(secretPart) / 2
	for part, text := range map[string]string{
		"whole": value, "secret part": secretPart, "first half": secretPart[:half], "second half": secretPart[half:],
	} {
		for name, form := range forms {
			for _, around := range []string{"", "x", "xy", "xyz", "user:", `{"a":"`} {
				hits := scanner().Bytes("here", []byte(around+form(text)+around))
				if len(hits) != 1 || hits[0].Secret != "FAL_KEY" || hits[0].Where != "here" {
					t.Errorf("%s as %s inside %q: %v", part, name, around, hits)
				}
			}
		}
	}
}

// Base64 of a longer text holds the value at any of three alignments.
func TestFindsBase64OfSurroundings(t *testing.T) {
	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawURLEncoding} {
		for before := range 4 {
			for after := range 4 {
				text := strings.Repeat("u", before) + value + strings.Repeat("t", after)
				if hits := scanner().Bytes("", []byte(e.EncodeToString([]byte(text)))); len(hits) != 1 {
					t.Errorf("%d before, %d after: %v", before, after, hits)
				}
			}
		}
	}
}

// The id in front of the colon may be shown, and other text is other text.
func TestNoFalseAlarm(t *testing.T) {
	s := New(Secret{"K", value}, Secret{"SHORT", "hunter2"}, Secret{"EMPTY", ""}, Secret{"WORD", "true"})
	id, _, _ := strings.Cut(value, ":")
	for _, text := range []string{id, id + ":", "hunter2 true", secretPart[:MinPart-1], "", "a", strings.Repeat("0", 5000)} {
		if hits := s.Bytes("", []byte(text)); len(hits) != 0 {
			t.Errorf("%.40q: %v", text, hits)
		}
	}
	noise := make([]byte, 4<<20)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = "0123456789abcdefABCDEF+/-_:\"\\{}"[r.IntN(31)]
	}
	if hits := s.Bytes("noise", noise); len(hits) != 0 {
		t.Errorf("noise: %v", hits)
	}
	if got := fmt.Sprint(s.Ignored()); got != "[SHORT EMPTY WORD]" {
		t.Errorf("ignored = %s", got)
	}
}

func TestHitsNeverShowTheValue(t *testing.T) {
	hits := scanner().Bytes("a log", []byte("x "+value+" "+value))
	if len(hits) != 1 || hits[0].Offset != 2 {
		t.Fatalf("hits = %v, want one at the first place", hits)
	}
	for _, f := range Forms(value) {
		if strings.Contains(fmt.Sprintf("%v %+v %#v", hits, hits, hits), f.Text) {
			t.Errorf("a hit shows the %s", f.Name)
		}
	}
}

func TestReaderFindsAcrossChunks(t *testing.T) {
	for _, at := range []int{0, 1, chunk - 20, chunk - 1, chunk, chunk + 7, 2*chunk + 13} {
		text := append(bytes.Repeat([]byte("."), at), base64.StdEncoding.EncodeToString([]byte(value))...)
		text = append(text, "another-value-0001"...)
		for name, r := range map[string]io.Reader{
			"whole": bytes.NewReader(text), "half reads": iotest.HalfReader(bytes.NewReader(text)),
			"data with EOF": iotest.DataErrReader(bytes.NewReader(text)),
		} {
			hits, err := scanner().Reader("stream", r)
			if err != nil || len(hits) != 2 || hits[0].Offset != int64(at) {
				t.Errorf("at %d, %s: %v, %v", at, name, hits, err)
			}
		}
	}
}

func TestReaderTellsOfAnError(t *testing.T) {
	r := io.MultiReader(strings.NewReader(value), iotest.ErrReader(io.ErrClosedPipe))
	hits, err := scanner().Reader("stream", r)
	if err == nil || len(hits) != 1 {
		t.Errorf("= %v, %v; want the hit and the error", hits, err)
	}
}

func BenchmarkScan(b *testing.B) {
	var secrets []Secret
	for i := range 30 {
		secrets = append(secrets, Secret{fmt.Sprint(i), fmt.Sprintf("id-%d:%032x", i, rand.Uint64())})
	}
	s := New(secrets...)
	text := bytes.Repeat([]byte(`level=info msg=request path=/ status=200 deployment=production-1 `), 1<<14)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if len(s.Bytes("", text)) != 0 {
			b.Fatal("a hit in plain logs")
		}
	}
}
