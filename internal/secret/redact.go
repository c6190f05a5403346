package secret

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// shortest is the length in bytes below which a form is not looked for: it
// would be found in innocent text.
const shortest = 8

// Redact replaces every form of the values (see [Forms]) in text by a mask.
// It is a second net for text made by code that is not ours, such as a log
// sample or a library's error; what is ours never holds a value in the first
// place. Empty and too short values are skipped. Forms that overlap are
// covered as one.
func Redact(text string, values ...Value) string {
	var found []span
	for _, v := range values {
		for _, form := range Forms(v.Reveal()) {
			found = appendSpans(found, text, form)
		}
	}
	if len(found) == 0 {
		return text
	}
	return cover(text, found)
}

// span is a half open range of bytes.
type span struct{ from, to int }

// appendSpans adds every occurrence of form, overlapping ones included.
func appendSpans(found []span, text, form string) []span {
	for from := 0; ; {
		at := strings.Index(text[from:], form)
		if at < 0 {
			return found
		}
		found = append(found, span{from + at, from + at + len(form)})
		from += at + 1
	}
}

// cover writes one mask for each run of overlapping or touching spans.
func cover(text string, found []span) string {
	sort.Slice(found, func(i, j int) bool { return found[i].from < found[j].from })
	var out strings.Builder
	written := 0 // text before this is dealt with
	for i, s := range found {
		if i == 0 || s.from > written {
			out.WriteString(text[written:s.from])
			out.WriteString(mask)
		}
		written = max(written, s.to)
	}
	out.WriteString(text[written:])
	return out.String()
}

// Forms lists the texts in which a secret is usually seen when it leaks: the
// text itself, its secret part, and each half of that part, each as it is, in
// base64 (standard and URL alphabet, padded or not, and as the middle of
// something longer, like a Basic header), in hexadecimal, as a list of byte
// numbers, and escaped for URLs, JSON and Go. Forms shorter than 8 bytes are
// left out, so a short text has none. It is for code that already holds the
// text: [Redact] and leak tests.
func Forms(text string) []string {
	var forms []string
	for _, part := range parts(text) {
		if len(part) < shortest {
			continue
		}
		forms = append(forms, part)
		forms = append(forms, base64Forms(part)...)
		forms = append(forms, byteForms(part)...)
		forms = append(forms, escapedForms(part)...)
	}
	forms = slices.DeleteFunc(forms, func(f string) bool { return len(f) < shortest })
	slices.Sort(forms)
	return slices.Compact(forms)
}

// parts returns the whole, what is secret in it, and the two halves of that.
func parts(text string) []string {
	found := []string{text}
	for _, kept := range secretParts(text) {
		half := len(kept) / 2
		found = append(found, kept, kept[:half], kept[half:])
	}
	return found
}

// secretParts drops what a service treats as public: the id before a colon,
// and of a URL everything but password and query.
func secretParts(text string) []string {
	if u, err := url.Parse(text); err == nil && u.Host != "" {
		return urlSecrets(u)
	}
	if _, after, found := strings.Cut(text, ":"); found {
		return []string{after}
	}
	return []string{text}
}

func urlSecrets(u *url.URL) []string {
	var found []string
	if password, set := u.User.Password(); set {
		found = append(found, password)
	}
	for _, values := range u.Query() {
		found = append(found, values...)
	}
	return found
}

// base64Forms returns the encodings of the text alone, padded and not, and
// what stays the same of them when other bytes stand before and after it:
// three alignments, without the edge characters that the neighbours change.
func base64Forms(text string) []string {
	var forms []string
	for _, padded := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
		raw := padded.WithPadding(base64.NoPadding)
		forms = append(forms, padded.EncodeToString([]byte(text)), raw.EncodeToString([]byte(text)))
		for before := range 3 {
			whole := raw.EncodeToString([]byte(strings.Repeat("\x00", before) + text))
			first := (before*8 + 5) / 6           // the first character made of our bits only
			after := (before + len(text)) * 8 / 6 // one past the last of them
			forms = append(forms, whole[first:after])
		}
	}
	return forms
}

func byteForms(text string) []string {
	digits := hex.EncodeToString([]byte(text))
	numbers := fmt.Sprint([]byte(text))
	return []string{
		digits, strings.ToUpper(digits),
		fmt.Sprintf("% x", text), fmt.Sprintf("% X", text),
		strings.Trim(numbers, "[]"),
		strings.ReplaceAll(strings.Trim(numbers, "[]"), " ", ","),
	}
}

func escapedForms(text string) []string {
	forms := []string{
		url.QueryEscape(text), url.PathEscape(text),
		inside(strconv.Quote(text)), inside(strconv.QuoteToASCII(text)),
	}
	if quoted, err := json.Marshal(text); err == nil {
		forms = append(forms, inside(string(quoted)))
	}
	return append(forms, inside(plainJSON(text)))
}

// plainJSON is JSON as most other languages write it: <, > and & as they are.
func plainJSON(text string) string {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if encoder.Encode(text) != nil {
		return `""` // unreachable unless a string stops being encodable
	}
	return strings.TrimSuffix(out.String(), "\n")
}

// inside drops the quotes around a quoted text.
func inside(quoted string) string { return quoted[1 : len(quoted)-1] }
