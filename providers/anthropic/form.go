package anthropic

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The form of a key is lenient on purpose: neither length nor alphabet is
// documented.
var (
	keyForm = regexp.MustCompile(`^sk-ant-api\d{2}-[A-Za-z0-9_-]{20,512}$`)
	idForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{4,128}$`)
)

// Neighbours of an API key, by what they begin with.
const (
	adminPrefix      = "sk-ant-admin"
	enterprisePrefix = "sk-ant-api01-"
	familyPrefix     = "sk-ant-"
)

// unlike says why a text is no API key, in a sentence without it; "" when it
// has the form of one.
func unlike(v secret.Value) string {
	text := v.Reveal()
	switch {
	case strings.HasPrefix(text, adminPrefix):
		return "That is an Admin API key, which may do everything in the organisation; no application runs on one. Archive it in the Console if others can read this place, and paste an ordinary API key."
	case strings.HasPrefix(text, enterprisePrefix):
		return "That is an access key of Claude Enterprise, not an API key. Make an API key in the Console."
	case keyForm.MatchString(text):
		return ""
	case strings.HasPrefix(text, familyPrefix):
		return "That is something else of Anthropic's, or a part of a key. An API key is copied whole, at the moment it is made."
	default:
		return "That has not the form of an Anthropic API key. The Console shows the whole key once, with a button to copy it."
	}
}

// read takes the one value out of a credential's values.
func (p *Provider) read(values providers.Values) (secret.Value, error) {
	for name := range values {
		if name != p.config.Variable {
			return secret.Value{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	v := values[p.config.Variable]
	switch {
	case v.IsZero():
		return secret.Value{}, errors.New(p.config.Variable + " has no value")
	case unlike(v) != "":
		return secret.Value{}, errors.New(p.config.Variable + " has not the form of an Anthropic API key")
	}
	return v, nil
}

// ellipsis is how the middle of a key is left out of its hint.
var ellipsis = regexp.MustCompile(`\.{2,}|…+|\*{2,}`)

// telling is how many characters of a hint must be beyond what all keys begin
// with, for the hint to say anything.
const telling = 4

// fits reports whether a hint is of this value: its beginning and its end. A
// hint that tells too little fits nothing.
func fits(hint, v secret.Value) bool {
	shown := ellipsis.Split(hint.Reveal(), -1)
	if len(shown) != 2 {
		return false
	}
	head, tail, text := shown[0], shown[1], v.Reveal()
	own := strings.TrimLeft(strings.TrimPrefix(head, familyPrefix), "abcdefghijklmnopqrstuvwxyz0123456789")
	return len(own)+len(tail) > telling && len(text) > len(head)+len(tail) &&
		strings.HasPrefix(text, head) && strings.HasSuffix(text, tail)
}
