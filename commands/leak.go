package commands

import (
	"math"
	"regexp"
	"strings"
	"unicode"
)

// keyShapes are forms that services give to their credentials, and the forms
// secrets generally come in. Each needs enough of the value to be told from
// talk about it: "sk-ant-" alone is a word.
var keyShapes = []*regexp.Regexp{
	// Prefixes: Anthropic and others, Langfuse, Slack, Supabase, Mem0,
	// Trigger.dev, Cloudflare, GitHub, AWS, Google.
	regexp.MustCompile(`(?i)(?:^|[^a-z0-9])(?:sk-|pk-lf-|xox[a-z]-|xoxe\.|xapp-|sb_secret_|sb_publishable_|sbp_|m0-|m0sk_|tr_(?:dev|prod|stg|preview|pat)_|cf[aukt]+_|gh[opsu]_|github_pat_|whsec_)[a-z0-9_.\-]{6,}`),
	regexp.MustCompile(`(?:^|[^A-Za-z0-9])(?:AKIA|ASIA|AIza)[A-Za-z0-9_-]{12,}`),
	// A signed or encrypted JSON web token begins with base64 of `{"`.
	regexp.MustCompile(`(?:^|[^A-Za-z0-9])eyJ[A-Za-z0-9_-]{8,}`),
	// fal.ai and basic credentials: id:secret.
	regexp.MustCompile(`(?i)(?:^|[^a-z0-9])[a-z0-9][a-z0-9-]{6,}:[a-z0-9_+/=.-]{12,}`),
	// Keys in URLs: Helius takes ?api-key=, others spell it otherwise.
	regexp.MustCompile(`(?i)[?&;](?:api[-_]?key|key|token|secret|access[-_]?token|password|sig|signature)=[^\s&]{4,}`),
	// user:password@host.
	regexp.MustCompile(`(?i)[a-z][a-z0-9+.-]*://[^\s/:@]*:[^\s/@]{3,}@`),
	regexp.MustCompile(`-----BEGIN [A-Z ]+-----`),
}

// pointer is the address of something in a repository: where a key was seen is told
// by it, and the hash in it is none.
var pointer = regexp.MustCompile(`(https?://[^\s?#|<>]+/(?:commits?|blob|tree|raw)/)[0-9a-f]{40}\b`)

// longEnough is the length from which a word without a known form is judged by
// how random it looks.
const longEnough = 24

// KeyShaped reports whether a text holds something that looks like a secret
// value. It prefers a false alarm to a missed key, except for words that read
// like names.
func KeyShaped(text string) bool {
	text = pointer.ReplaceAllString(visible(text), "$1")
	for _, shape := range keyShapes {
		if shape.MatchString(text) {
			return true
		}
	}
	for word := range strings.FieldsFuncSeq(text, betweenWords) {
		if len(word) >= longEnough && !nameShaped(word) && entropy(word) >= 3 {
			return true
		}
	}
	return false
}

// visible drops characters that do not show: a zero-width space inside a
// pasted key must not hide it.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Cf, r) {
			return -1
		}
		return r
	}, text)
}

// betweenWords are characters that do not occur inside the random part of a
// value in any of the usual alphabets.
func betweenWords(r rune) bool {
	return unicode.IsSpace(r) || strings.ContainsRune("=,;|<>()[]{}\"'`“”‘’", r)
}

// nameShaped reports whether a word reads like a name: parts of letters in one
// case, or capitalised, and short numbers, joined by punctuation. Random text
// mixes digits and letters within a part.
func nameShaped(word string) bool {
	parts := strings.FieldsFunc(word, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	for _, part := range parts {
		if !plainPart(part) {
			return false
		}
	}
	return len(parts) > 0
}

var plainForms = regexp.MustCompile(`^(?:\p{Lu}{1,15}|\p{Lu}?\p{Ll}{1,15}|[A-Z]{1,6}[0-9]{1,2}|[0-9]{1,4})$`)

func plainPart(part string) bool { return plainForms.MatchString(part) }

// entropy is the Shannon entropy of a word's characters, in bits per
// character. Random hex comes near 4, base64 near 5, "aaaaaaaa" is 0.
func entropy(word string) float64 {
	counts, total := make(map[rune]int), 0
	for _, r := range word {
		counts[r]++
		total++
	}
	var h float64
	for _, n := range counts {
		p := float64(n) / float64(total)
		h -= p * math.Log2(p)
	}
	return h
}
