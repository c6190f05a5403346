package ayrshare

import (
	"fmt"
	"regexp"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// documented is the form of the vendor's sample. Keys of another form are
// known to exist, so that it is only hinted at.
var documented = regexp.MustCompile(`^[0-9A-Z]{7}(-[0-9A-Z]{7}){3}$`)

const (
	shortest = 16
	longest  = 128
)

// unlike says why a value cannot be a key; "" when it may be one.
func unlike(v secret.Value) string {
	text := v.Reveal()
	switch {
	case text == "":
		return "it is empty"
	case len(text) < shortest:
		return "it is too short for a key"
	case len(text) > longest:
		return "it is too long for a key"
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return "it holds white space or other characters that no key has"
	}
	return ""
}

// strange reports a value that has not the documented form.
func strange(v secret.Value) bool { return !documented.MatchString(v.Reveal()) }

// read takes the key out of the variable.
func (p *Provider) read(op string, v providers.Values) (secret.Value, error) {
	key, there := v[p.config.Variable]
	why := unlike(key)
	switch {
	case !there || len(v) != 1:
		why = "it is not the only variable"
	case why == "":
		return key, nil
	}
	return secret.Value{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("%s cannot be a key of Ayrshare: %s", p.config.Variable, why))
}
