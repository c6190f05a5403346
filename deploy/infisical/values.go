package infisical

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"rekey/deploy"
	"rekey/internal/secret"
)

// shortest is the least length of a value in bytes. Nothing that any service
// issues is shorter; an accident often is.
const shortest = 8

// The limits of secretMetadata
// (https://infisical.com/docs/api-reference/endpoints/secrets/update).
const (
	longestMetaKey   = 255
	longestMetaValue = 1020
)

// masks are the words that tools print in the place of a value.
var masks = map[string]bool{
	"[secret]": true, "<secret>": true, "[redacted]": true, "<redacted>": true,
	"[hidden]": true, "<hidden>": true, "[masked]": true, hiddenPlaceholder: true,
}

// maskRun is how a value looks that was shown with its middle hidden.
var maskRun = regexp.MustCompile(`[*•●]{4}|^[*•●]+$|^[xX]+$`)

// asStored is what the server keeps of a text: trimmed, but for one newline
// at the end.
func asStored(text string) string {
	trimmed := strings.TrimFunc(text, func(r rune) bool {
		const byteOrderMark = '\uFEFF' // white space to JavaScript
		return unicode.IsSpace(r) || r == byteOrderMark
	})
	if strings.HasSuffix(text, "\n") {
		return trimmed + "\n"
	}
	return trimmed
}

// same compares as the server stores, in constant time.
func same(a, b secret.Value) bool {
	return secret.New(asStored(a.Reveal())).Equal(secret.New(asStored(b.Reveal())))
}

// unfit returns why a value must not be written; empty if it may be. A single
// newline at the end is kept by the server and may be written: whether it
// belongs to the value is for the caller to know, who also restores old values
// as they were.
func unfit(v secret.Value) string {
	text := v.Reveal()
	switch bare := strings.TrimSpace(text); {
	case bare == "":
		return "is empty"
	case masks[strings.ToLower(bare)], maskRun.MatchString(bare):
		return "looks like a mask, not like a value"
	case len(bare) < shortest:
		return fmt.Sprintf("is shorter than %d bytes", shortest)
	case strings.Contains(text, "${"):
		return "holds ${, which consumers would expand as a reference"
	case !utf8.ValidString(text):
		return "is not UTF-8 and would be altered on the way"
	case asStored(text) != text:
		return "has white space around it, or several newlines at its end, which the server would cut off"
	}
	return ""
}

// checked refuses assignments that must not be sent, before anything is.
func checked(op string, assignments []deploy.Assignment) error {
	if len(assignments) == 0 {
		return never(op, "there is nothing to write")
	}
	seen := map[string]bool{}
	for _, a := range assignments {
		if seen[a.Name] { // the server would take the last one
			return never(op, a.Name+" is there twice")
		}
		seen[a.Name] = true
		if why := unfit(a.Value); why != "" {
			return never(op, fmt.Sprintf("the value for %s %s", a.Name, why))
		}
		if a.From < 1 || a.ID == "" {
			return never(op, a.Name+" lacks the version and entry id that it replaces")
		}
		if why := unfitNote(a.Note, assignments); why != "" {
			return never(op, fmt.Sprintf("the note for %s %s", a.Name, why))
		}
	}
	return nil
}

// unfitNote also looks for the values themselves: whoever may read an entry's
// metadata may not always read its value.
func unfitNote(note deploy.Note, assignments []deploy.Assignment) string {
	for key, text := range note {
		if key == "" || len(key) > longestMetaKey || len(text) > longestMetaValue {
			return "has a key or text that is longer than the server takes"
		}
		for _, a := range assignments {
			bare := strings.TrimSpace(a.Value.Reveal())
			if a.Public {
				continue
			}
			if strings.Contains(text, bare) || strings.Contains(key, bare) {
				return "holds a value that is to be written"
			}
		}
	}
	return ""
}

// union is what is there with the note laid over it.
func union(there []wireMeta, note deploy.Note) []wireMeta {
	var all []wireMeta
	for _, m := range there {
		if _, replaced := note[m.Key]; !replaced {
			all = append(all, m)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(note)) {
		all = append(all, wireMeta{Key: key, Value: note[key]})
	}
	return all
}
