package r2

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The forms of a pair and of a token's value. Values made since 2026 begin with
// whose they are; older ones are 40 characters.
var (
	idForm     = regexp.MustCompile(`^[0-9a-f]{32}$`)
	secretForm = regexp.MustCompile(`^[0-9a-f]{64}$`)
	tokenForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{40,80}$`)
)

// personal is what the value of a token begins with that belongs to a person.
const personal = "cfut_"

// pair is an access key.
type pair struct {
	id     providers.ID
	secret secret.Value
}

// derived is the pair of a token's value.
func derived(id string, value secret.Value) pair {
	sum := sha256.Sum256([]byte(value.Reveal()))
	return pair{providers.ID(id), secret.New(hex.EncodeToString(sum[:]))}
}

// form knows which variable carries what of a pair.
type form struct{ variables []string }

func newForm(variables []string) (form, error) {
	f := form{slices.Sorted(slices.Values(variables))}
	if len(slices.Compact(slices.Clone(f.variables))) != len(f.variables) {
		return form{}, errors.New("variables must be named, each once")
	}
	for _, name := range f.variables {
		if !carriesSecret(name) && !carriesID(name) {
			return form{}, fmt.Errorf("%q carries neither half of a key by its name: one has SECRET in it, the other ends in _ID", name)
		}
	}
	if !slices.ContainsFunc(f.variables, carriesID) || !slices.ContainsFunc(f.variables, carriesSecret) {
		return form{}, fmt.Errorf("%s do not carry a whole key", strings.Join(f.variables, ", "))
	}
	return f, nil
}

func carriesSecret(name string) bool { return strings.Contains(name, "SECRET") }
func carriesID(name string) bool     { return !carriesSecret(name) && strings.HasSuffix(name, "_ID") }

// spread is the opposite of read.
func (f form) spread(p pair) providers.Values {
	values := make(providers.Values, len(f.variables))
	for _, name := range f.variables {
		if carriesSecret(name) {
			values[name] = p.secret
		} else {
			values[name] = secret.New(string(p.id))
		}
	}
	return values
}

// read puts the pair together. Its errors name variables only.
func (f form) read(values providers.Values) (pair, error) {
	for name := range values {
		if !slices.Contains(f.variables, name) {
			return pair{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	var p pair
	for _, name := range f.variables {
		if wrong := unlike(name, values[name]); wrong != "" {
			return pair{}, errors.New(name + " " + wrong)
		}
		if carriesSecret(name) {
			p.secret = values[name]
		} else {
			p.id = providers.ID(values[name].Reveal())
		}
	}
	for name, want := range f.spread(p) {
		if !want.Equal(values[name]) {
			return pair{}, fmt.Errorf("%s belongs to another key than the rest", name)
		}
	}
	return p, nil
}

// unlike says why a value is not the half of a key that its name promises; ""
// when it has the form. A token's own value is the likeliest mistake.
func unlike(name string, v secret.Value) string {
	text := v.Reveal()
	switch {
	case text == "":
		return "has no value"
	case carriesSecret(name) && secretForm.MatchString(text), carriesID(name) && idForm.MatchString(text):
		return ""
	case tokenForm.MatchString(strings.TrimSpace(text)) && carriesSecret(name):
		return "holds something like an API token's value; R2 wants its SHA-256 in lower case hex"
	case carriesSecret(name):
		return "is not 64 lower case hex digits"
	default:
		return "is not 32 lower case hex digits"
	}
}
