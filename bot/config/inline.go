package config

import (
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// Texts that are secrets wherever they stand, by the prefixes their services
// document: Slack tokens (https://docs.slack.dev/authentication/tokens),
// JSON web tokens, and prefixes in common use for API keys.
var marked = regexp.MustCompile(`xox[a-z](?:\.xox[a-z])?-[A-Za-z0-9]|xapp-[A-Za-z0-9]|eyJ[A-Za-z0-9_-]{10,}\.|\bsk-[A-Za-z0-9_-]{8,}|\bsk_[a-z]+_[A-Za-z0-9]{8,}|\bgh[pousr]_[A-Za-z0-9]{16,}|-----BEGIN [A-Z ]*PRIVATE KEY`)

var (
	pair  = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}:[A-Za-z0-9_-]{16,}$`) // public id and secret, as fal.ai writes them
	token = regexp.MustCompile(`^[A-Za-z0-9_+=-]+$`)
	uuid  = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
)

// looksSecret reports whether a text is, or holds, something that should not
// be in a file. It may err on either side: a false alarm is answered by
// moving the text into a file, and what it misses the *_file and *_env keys
// still keep out.
func looksSecret(text string) bool {
	if marked.MatchString(text) || pair.MatchString(text) {
		return true
	}
	if strings.Contains(text, "://") {
		return secretURL(text)
	}
	return keyShaped(text)
}

// secretURL finds a password or a key in a URL.
func secretURL(text string) bool {
	u, err := url.Parse(text)
	if err != nil {
		return false
	}
	if _, has := u.User.Password(); has {
		return true
	}
	for _, values := range u.Query() {
		for _, v := range values {
			if keyShaped(v) {
				return true
			}
		}
	}
	return false
}

// keyShaped reports a long run of letters and digits as generators make them:
// no word, path, host or UUID looks like it.
func keyShaped(text string) bool {
	const short, long, digits = 20, 32, 4
	if len(text) < short || !token.MatchString(text) || uuid.MatchString(text) {
		return false
	}
	n, upper, lower := 0, false, false
	for _, r := range text {
		switch {
		case unicode.IsDigit(r):
			n++
		case unicode.IsUpper(r):
			upper = true
		case unicode.IsLower(r):
			lower = true
		}
	}
	return n >= digits && (len(text) >= long || (upper && lower))
}

// shown is a text as an error may repeat it: only short, plain words, and
// nothing that might be a secret.
func shown(text string) string {
	const longest = 40
	if len(text) > longest || looksSecret(text) || strings.ContainsFunc(text, odd) {
		return "what is written here"
	}
	return `"` + text + `"`
}

func odd(r rune) bool {
	return r > unicode.MaxASCII || (!unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune(" ._-/%", r))
}
