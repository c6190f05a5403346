package secret

import (
	"fmt"
	"io"
	"log/slog"
	"strings"
	"unicode"
)

// Bounds of what is shown of a [Quote].
const (
	maxLines = 3
	maxRunes = 200
)

// Quote is what somebody else said: a line of a log, the last words of a
// program, what a deploy target says about a failure. Nobody knows what is in
// it, so it prints as a mask like a [Value], and [Quote.Masked] is the only
// way to its text. It is an error, so that it can be the cause of one.
type Quote struct{ said func() string }

// Quoted wraps lines as they were said: neither masked nor cut, because half a
// value is not recognised and still too much.
func Quoted(lines ...string) Quote {
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	if text == "" {
		return Quote{}
	}
	return Quote{said: func() string { return text }}
}

// IsZero reports that nothing was said.
func (q Quote) IsZero() bool { return q.said == nil }

// Equal reports the same words. go-cmp finds this method by its name.
func (q Quote) Equal(other Quote) bool {
	if q.said == nil || other.said == nil {
		return q.IsZero() && other.IsZero()
	}
	return q.said() == other.said()
}

// Masked returns a few short lines in which the values are masked. Without a
// value in hand it returns nothing: whoever knows none of them cannot know
// that the words hold none.
func (q Quote) Masked(values ...Value) string {
	if q.said == nil || len(values) == 0 {
		return ""
	}
	lines := strings.Split(Redact(q.said(), values...), "\n")
	var shown []string
	for _, line := range lines[:min(len(lines), maxLines)] {
		shown = append(shown, presentable(line))
	}
	return strings.Join(shown, "\n")
}

// presentable makes words fit for one line of a message. What cannot be seen
// becomes a space and is not dropped: what stood around it could join into a
// value.
func presentable(line string) string {
	runes := []rune(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(line, " ")))
	if len(runes) > maxRunes {
		return string(runes[:maxRunes-1]) + "…"
	}
	return string(runes)
}

const quoted = "[quoted]"

// Cause is the quote as the cause of an error; nil when nothing was said.
func (q Quote) Cause() error {
	if q.IsZero() {
		return nil
	}
	return q
}

// Error returns a mask.
func (q Quote) Error() string { return quoted }

// GoString returns a mask.
func (q Quote) GoString() string { return quoted }

// Format writes a mask for every verb and flag.
func (q Quote) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, quoted) }

// LogValue returns a mask.
func (q Quote) LogValue() slog.Value { return slog.StringValue(quoted) }

// MarshalText refuses, for JSON and most other encoders.
func (q Quote) MarshalText() ([]byte, error) { return nil, ErrEncode }
