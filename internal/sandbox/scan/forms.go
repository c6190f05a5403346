package scan

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"strconv"
	"strings"
)

// MinPart is the shortest part of a value that is looked for, in bytes.
const MinPart = 8

// Form is one way in which a value, or a part of it, may be written.
type Form struct {
	Name string // such as "second half, base64"
	Text string
}

// Forms lists the ways in which a value may be written, without repetition. A
// value shorter than MinPart has none.
func Forms(value string) []Form {
	var all []Form
	seen := map[string]bool{}
	for _, p := range parts(value) {
		for _, f := range encodings(p.Text) {
			if !seen[f.Text] {
				seen[f.Text] = true
				all = append(all, Form{p.Name + ", " + f.Name, f.Text})
			}
		}
	}
	return all
}

// parts cuts a value up. In "id:secret" only the secret part is cut further:
// the id may be shown to people.
func parts(value string) []Form {
	secret := value
	if _, after, ok := strings.Cut(value, ":"); ok {
		secret = after
	}
	half := len(secret) / 2
	all := []Form{{"whole", value}, {"secret part", secret}, {"first half", secret[:half]}, {"second half", secret[half:]}}
	kept := all[:0]
	for _, p := range all {
		if len(p.Text) >= MinPart {
			kept = append(kept, p)
		}
	}
	return kept
}

func encodings(text string) []Form {
	all := []Form{
		{"as it is", text},
		{"hex", hex.EncodeToString([]byte(text))},
		{"hex", strings.ToUpper(hex.EncodeToString([]byte(text)))},
		{"URL query", url.QueryEscape(text)},
		{"URL path", url.PathEscape(text)},
		{"URL query", lowerPercent(url.QueryEscape(text))},
		{"JSON", quoted(text)},
		{"JSON", strings.ReplaceAll(quoted(text), "/", `\/`)},
		{"JSON in JSON", quoted(quoted(text))},
		{"Go", strings.Trim(strconv.Quote(text), `"`)},
		{"HTML", html.EscapeString(text)},
	}
	for shift := range 3 {
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			all = append(all, Form{"base64", core(e, text, shift)})
		}
	}
	return all
}

// core is what the base64 of any text holds that has this one in it, starting
// at a position that leaves the given remainder by three. Characters that
// depend on the neighbours, and the padding, are cut off.
func core(e *base64.Encoding, text string, shift int) string {
	encoded := e.EncodeToString(append(make([]byte, shift), text...))
	first := (shift*8 + 5) / 6
	last := (shift + len(text)) * 8 / 6
	return encoded[first:last]
}

// quoted is the text inside a JSON string.
func quoted(text string) string {
	b, err := json.Marshal(text)
	if err != nil { // unreachable: a string always has a JSON form
		return text
	}
	return string(b[1 : len(b)-1])
}

// lowerPercent writes escapes as %2f instead of %2F.
func lowerPercent(text string) string {
	b := []byte(text)
	for i := 0; i+2 < len(b); i++ {
		if b[i] == '%' {
			copy(b[i+1:], strings.ToLower(text[i+1:i+3]))
		}
	}
	return string(b)
}
