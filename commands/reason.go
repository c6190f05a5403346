package commands

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// alarmFlags are all flags of an emergency.
var alarmFlags = []string{"revoke-first", "env", "since", "drill"}

// noAlarmFlag turns down what was meant as a flag and is none.
func noAlarmFlag() *misfit {
	last := len(alarmFlags) - 1
	named := "`--" + strings.Join(alarmFlags[:last], "`, `--") + "` and `--" + alarmFlags[last] + "`"
	return &misfit{"There is no such flag, and none that skips a check. There are " + named + ".", "Try `/rotate-emergency NAME what happened`."}
}

// splitReason separates words from flags as split does, in a line that ends with
// a sentence of somebody's own. Arrows, and options of other programs, are words
// of that sentence once it has begun: nobody is sent back at night for having
// said what happened. What may be one of our own flags, mistyped, is no word.
func splitReason(text string) (words, flags []string) {
	for field := range strings.FieldsSeq(text) {
		w, f := split(field)
		if len(f) > 0 && (!lettered(f[0]) && strings.Trim(f[0], "-") != "" || len(words) > 1 && !likeFlag(f[0])) {
			w, f = f, nil
		}
		if len(w) > 0 && len(words) > 0 {
			w = []string{field} // with its commas: it is somebody's sentence
		}
		words, flags = append(words, w...), append(flags, f...)
	}
	return words, flags
}

func lettered(word string) bool { return strings.ContainsFunc(word, unicode.IsLetter) }

// likeFlag reports what is one of the flags, or may be one that was mistyped.
func likeFlag(word string) bool {
	name, _, _ := strings.Cut(strings.TrimLeft(word, "-"), "=")
	return name == "" || nearest(name, alarmFlags) != ""
}

// shortened is a reason as it is kept: whoever tells the whole story is not kept
// waiting for it.
func shortened(reason string) (kept string, cut bool) {
	if utf8.RuneCountInString(reason) <= ReasonLimit {
		return reason, false
	}
	return string([]rune(reason)[:ReasonLimit-1]) + "…", true
}

// Within is a line after `/rotate-emergency` in at most so many bytes, for a way to
// people that takes no longer ones: of the reason's end words are left out, and
// nothing else is. A line that is short enough, or of flags alone, stays as it is.
func Within(line string, limit int) (short string, cut bool) {
	fields := strings.Fields(line)
	kept := fixed(fields)
	for i := len(fields) - 1; i >= 0 && len(strings.Join(fields, " ")) > limit; i-- {
		if kept[i] {
			continue
		}
		room := limit - len(strings.Join(fields, " ")) + len(fields[i])
		if word := Clipped(fields[i], room); word != "" {
			fields[i] = word
		} else {
			fields = slices.Delete(fields, i, i+1)
		}
		cut = true
	}
	return strings.Join(fields, " "), cut
}

// fixed marks the words of such a line that are not of the reason: the flags, what
// may belong to one, and the name.
func fixed(fields []string) []bool {
	kept, named := make([]bool, len(fields)), false
	for i, f := range fields {
		_, flags := split(f)
		switch {
		case len(flags) > 0, i > 0 && takesValue(fields[i-1]):
			kept[i] = true
		case !named:
			kept[i], named = true, true
		}
	}
	return kept
}

// takesValue reports a flag whose value is the word behind it.
func takesValue(word string) bool {
	for _, flag := range []string{"since", "env"} {
		if _, given, here := valued(word, flag); here && !given {
			return true
		}
	}
	return false
}

// Clipped is a text in at most so many bytes, "" where that leaves nothing of it.
func Clipped(text string, limit int) string {
	const more = "…"
	if len(text) <= limit {
		return text
	}
	end := 0
	for at := range text {
		if at+len(more) <= limit {
			end = at
		}
	}
	if end == 0 {
		return ""
	}
	return strings.TrimSpace(text[:end]) + more
}

// others are the secrets that a reason names beside the one that it is about,
// with spaces between.
func (v vocabulary) others(a alarm) string {
	var named []string
	for word := range strings.FieldsFuncSeq(a.reason, func(r rune) bool { return unicode.IsSpace(r) || strings.ContainsRune(",;.:()/", r) }) {
		for _, name := range v.names {
			if !a.many && name != a.name && fold(name) == fold(word) && !slices.Contains(named, name) {
				named = append(named, name)
			}
		}
	}
	return strings.Join(named, " ")
}

// remarks are what whoever cried should know of how they were understood.
func (a alarm) remarks() []string {
	var notes []string
	if !a.since.IsZero() {
		notes = append(notes, "The audit looks from "+a.since.UTC().Format("2006-01-02 15:04 UTC")+" on.")
	}
	if a.cut {
		notes = append(notes, fmt.Sprintf("Of the reason the first %d characters are kept; tell the rest in the thread.", ReasonLimit))
	}
	for _, name := range strings.Fields(a.others) {
		notes = append(notes, "This is about "+a.name+" alone. If "+name+" leaked, too: `/rotate-emergency "+name+" what happened`.")
	}
	return notes
}
