package langfuse

import (
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The form of both halves. Keys that the service makes are UUIDs behind the
// prefix; those that an owner chose need only begin with it.
var (
	publicForm = regexp.MustCompile(`^pk-lf-[A-Za-z0-9_-]{4,250}$`)
	secretForm = regexp.MustCompile(`^sk-lf-[A-Za-z0-9_-]{8,250}$`)
)

// pair is a key taken apart.
type pair struct {
	public string
	secret secret.Value
}

func (p pair) id() providers.ID { return providers.ID(p.public) }

// form knows which variable carries which half.
type form struct{ variables []string }

func newForm(variables []string) (form, error) {
	f := form{slices.Clone(variables)}
	slices.Sort(f.variables)
	if len(slices.Compact(slices.Clone(f.variables))) != len(f.variables) {
		return form{}, errors.New("each variable is named once")
	}
	for _, name := range f.variables {
		if !carriesPublic(name) && !carriesSecret(name) {
			return form{}, fmt.Errorf("%s must end in _PUBLIC_KEY or in _SECRET_KEY, for the half that it carries", name)
		}
	}
	if !slices.ContainsFunc(f.variables, carriesPublic) || !slices.ContainsFunc(f.variables, carriesSecret) {
		return form{}, errors.New("a key is a pair, and both halves need a variable")
	}
	return f, nil
}

func carriesPublic(name string) bool { return strings.HasSuffix(name, "_PUBLIC_KEY") }
func carriesSecret(name string) bool { return strings.HasSuffix(name, "_SECRET_KEY") }

// parse joins two halves, if each has its form.
func parse(public, hidden secret.Value) (pair, bool) {
	p := pair{public.Reveal(), hidden}
	return p, publicForm.MatchString(p.public) && secretForm.MatchString(hidden.Reveal())
}

// read puts the pair together that all variables carry. Its errors name
// variables only.
func (f form) read(values providers.Values) (pair, error) {
	for name := range values {
		if !slices.Contains(f.variables, name) {
			return pair{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	var public, hidden secret.Value
	for _, name := range f.variables {
		v, half := values[name], &hidden
		if carriesPublic(name) {
			half = &public
		}
		switch {
		case v.IsZero():
			return pair{}, errors.New(name + " has no value")
		case !half.IsZero() && !half.Equal(v):
			return pair{}, errors.New(name + " holds another value than the variable beside it that carries the same half")
		}
		*half = v
	}
	p, ok := parse(public, hidden)
	if !ok {
		return pair{}, errors.New(f.misshapen(public))
	}
	return p, nil
}

// misshapen says which half has not its form.
func (f form) misshapen(public secret.Value) string {
	carries, prefix := carriesSecret, "sk-lf-"
	if !publicForm.MatchString(public.Reveal()) {
		carries, prefix = carriesPublic, "pk-lf-"
	}
	name := f.variables[slices.IndexFunc(f.variables, carries)]
	return name + " has not the form of that half of a Langfuse key, which begins with " + prefix
}

// spread is the opposite of read.
func (f form) spread(p pair) providers.Values {
	values := make(providers.Values, len(f.variables))
	for _, name := range f.variables {
		values[name] = p.secret
		if carriesPublic(name) {
			values[name] = secret.New(p.public)
		}
	}
	return values
}

// shown is how many characters of a secret key the list shows of its
// beginning and of its end.
const (
	shownHead = 6
	shownTail = 4
)

// fits reports whether what the list shows of a secret is of this one.
func fits(display string, v secret.Value) bool {
	text := v.Reveal()
	return len(display) > shownHead+shownTail && len(text) > shownHead+shownTail &&
		strings.HasPrefix(text, display[:shownHead]) && strings.HasSuffix(text, display[len(display)-shownTail:])
}

// basic is the pair as a header carries it; exporters of traces are configured
// with this text instead of the halves.
func (p pair) basic() secret.Value {
	return secret.New(base64.RawStdEncoding.EncodeToString([]byte(p.public + ":" + p.secret.Reveal())))
}

// trimmed are values without the white space that pasting brings along.
func trimmed(values providers.Values) providers.Values {
	clean := make(providers.Values, len(values))
	for name, v := range values {
		clean[name] = v.Trimmed()
	}
	return clean
}
