package fal

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The form of a key. It is lenient on purpose: the vendor's samples differ in
// prefix and length, and both halves are documented as opaque.
var (
	wholeForm  = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}:[A-Za-z0-9_-]{16,512}$`)
	idForm     = regexp.MustCompile(`^[A-Za-z0-9-]{8,64}$`)
	secretForm = regexp.MustCompile(`^[A-Za-z0-9_-]{16,512}$`)
)

// form knows which variable carries what of a key.
type form struct{ variables []string }

func newForm(variables []string) (form, error) {
	f := form{slices.Clone(variables)}
	slices.Sort(f.variables)
	if len(slices.Compact(slices.Clone(f.variables))) != len(f.variables) || slices.Contains(f.variables, "") {
		return form{}, errors.New("variables must be named, each once")
	}
	whole := slices.ContainsFunc(f.variables, func(n string) bool { return !carriesID(n) && !carriesSecret(n) })
	halves := slices.ContainsFunc(f.variables, carriesID) && slices.ContainsFunc(f.variables, carriesSecret)
	if !whole && !halves {
		return form{}, fmt.Errorf("%s do not carry a whole key", strings.Join(f.variables, ", "))
	}
	return f, nil
}

func carriesID(name string) bool     { return strings.HasSuffix(name, "_ID") }
func carriesSecret(name string) bool { return strings.HasSuffix(name, "_SECRET") }

// key is a value taken apart.
type key struct {
	id    providers.ID
	whole secret.Value
}

// parse takes a whole key apart.
func parse(whole secret.Value) (key, bool) {
	text := whole.Reveal()
	if !wholeForm.MatchString(text) {
		return key{}, false
	}
	id, _, _ := strings.Cut(text, ":")
	return key{providers.ID(id), whole}, true
}

// spread is the opposite of read: the values of all variables for a key.
func (f form) spread(k key) providers.Values {
	_, hidden, _ := strings.Cut(k.whole.Reveal(), ":")
	values := make(providers.Values, len(f.variables))
	for _, name := range f.variables {
		switch {
		case carriesID(name):
			values[name] = secret.New(string(k.id))
		case carriesSecret(name):
			values[name] = secret.New(hidden)
		default:
			values[name] = k.whole
		}
	}
	return values
}

// read puts the key together that all variables carry. Its errors name
// variables only.
func (f form) read(values providers.Values) (key, error) {
	for name := range values {
		if !slices.Contains(f.variables, name) {
			return key{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	k, err := f.assemble(values)
	if err != nil {
		return key{}, err
	}
	for name, want := range f.spread(k) {
		if !want.Equal(values[name]) {
			return key{}, fmt.Errorf("%s belongs to another key than the rest", name)
		}
	}
	return k, nil
}

func (f form) assemble(values providers.Values) (key, error) {
	var id, hidden secret.Value
	for _, name := range f.variables {
		switch v := values[name]; {
		case carriesID(name) && idForm.MatchString(v.Reveal()):
			id = v
		case carriesSecret(name) && secretForm.MatchString(v.Reveal()):
			hidden = v
		default:
			if k, ok := parse(v); ok {
				return k, nil
			}
			return key{}, fmt.Errorf("%s has not the form of a fal.ai key", name)
		}
	}
	k, ok := parse(secret.New(id.Reveal() + ":" + hidden.Reveal()))
	if !ok {
		return key{}, errors.New("the variables do not make a whole fal.ai key") // unreachable unless newForm lets halves through
	}
	return k, nil
}

func (f form) identify(values providers.Values) (providers.ID, error) {
	k, err := f.read(values)
	return k.id, err
}
