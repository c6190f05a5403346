package upstash

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The forms of a token, of a password of the Redis protocol and of a user.
var (
	tokenForm    = regexp.MustCompile(`^[A-Za-z0-9_+/-]{40,512}={0,2}$`)
	passwordForm = regexp.MustCompile(`^[\x21-\x7e]{8,512}$`)
	userForm     = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@:-]{0,127}$`)
)

// role is what a variable carries of a credential.
type role int

const (
	unknown  role = iota
	token         // of the REST API
	readOnly      // another one, which may only read
	password      // of the Redis protocol
	user          // who has the password
	address       // of the Redis protocol, with user and password in it
)

// roleOf tells it by the variable's name.
func roleOf(name string) role {
	ends := func(all ...string) bool {
		return slices.ContainsFunc(all, func(end string) bool { return strings.HasSuffix(name, end) })
	}
	switch name = strings.ToUpper(name); {
	case ends("READ_ONLY_TOKEN", "READONLY_TOKEN"):
		return readOnly
	case ends("_TOKEN"):
		return token
	case ends("_PASSWORD"):
		return password
	case ends("_USER", "_USERNAME"):
		return user
	case ends("REST_URL", "REST_API_URL"):
		return unknown
	case ends("_URL"):
		return address
	}
	return unknown
}

// own is a credential of one application, taken apart. What no variable carries
// is empty.
type own struct {
	token, readOnly, password secret.Value
	user                      string // whose the password is; "" where nothing says so
	addresses                 map[string]secret.Value
}

// form knows which variable carries what.
type form struct{ variables []string }

func newForm(variables []string) (form, error) {
	f := form{slices.Sorted(slices.Values(variables))}
	if len(slices.Compact(slices.Clone(f.variables))) != len(f.variables) {
		return form{}, errors.New("variables must be named, each once")
	}
	for _, name := range f.variables {
		if roleOf(name) == unknown {
			return form{}, fmt.Errorf("%q does not tell by its name what it carries: a token's ends in _TOKEN, the read-only one's in READ_ONLY_TOKEN, a password's in _PASSWORD, "+
				"a user's in _USERNAME, a Redis address's in _URL. The address of the REST API (REST_URL) holds no secret and never changes: leave it out", name)
		}
	}
	if !f.carries(token) {
		return form{}, errors.New("a variable that ends in _TOKEN is needed")
	}
	return f, nil
}

func (f form) carries(r role) bool {
	return slices.ContainsFunc(f.variables, func(name string) bool { return roleOf(name) == r })
}

// read takes the values apart. Its errors name variables only.
func (f form) read(values providers.Values) (own, error) {
	for name := range values {
		if !slices.Contains(f.variables, name) {
			return own{}, fmt.Errorf("%s is not a variable of this credential", name)
		}
	}
	o := own{addresses: make(map[string]secret.Value)}
	for _, name := range f.variables {
		if err := o.take(name, values[name]); err != nil {
			return own{}, err
		}
	}
	return o, nil
}

// take adds what one variable carries, which must agree with the others.
func (o *own) take(name string, v secret.Value) error {
	if wrong := unlike(roleOf(name), v); wrong != "" {
		return errors.New(name + " " + wrong)
	}
	switch roleOf(name) {
	case token:
		return same(name, &o.token, v)
	case readOnly:
		return same(name, &o.readOnly, v)
	case password:
		return same(name, &o.password, v)
	case user:
		return o.named(name, v.Reveal())
	default:
		o.addresses[name] = v
		u, _ := url.Parse(v.Reveal()) // unlike has read it
		hidden, _ := u.User.Password()
		return cmp.Or(same(name, &o.password, secret.New(hidden)), o.named(name, cmp.Or(u.User.Username(), defaultUser)))
	}
}

func same(name string, have *secret.Value, v secret.Value) error {
	if !have.IsZero() && !have.Equal(v) {
		return errors.New(name + " belongs to another credential than the variables beside it")
	}
	*have = v
	return nil
}

func (o *own) named(name, who string) error {
	if o.user != "" && o.user != who {
		return errors.New(name + " names another user than the variables beside it")
	}
	o.user = who
	return nil
}

// unlike says why a value has not the form of what its variable carries; "" when
// it has.
func unlike(r role, v secret.Value) string {
	text := v.Reveal()
	switch {
	case text == "":
		return "has no value"
	case (r == token || r == readOnly) && !tokenForm.MatchString(text):
		return "has not the form of a token of Upstash's REST API"
	case r == password && !passwordForm.MatchString(text):
		return "has not the form of a password"
	case r == user && !userForm.MatchString(text):
		return "has not the form of a user's name"
	case r == address:
		return unlikeAddress(text)
	}
	return ""
}

func unlikeAddress(text string) string {
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.Hostname() == "" || u.User == nil || strings.Count(text, "@") != 1 {
		return "is no address like rediss://default:…@host:6379"
	}
	if hidden, _ := u.User.Password(); !passwordForm.MatchString(hidden) {
		return "holds no password"
	}
	return ""
}

// spread is the opposite of read. Of an address nothing changes but user and
// password.
func (f form) spread(o own) providers.Values {
	values := make(providers.Values, len(f.variables))
	for _, name := range f.variables {
		switch roleOf(name) {
		case token:
			values[name] = o.token
		case readOnly:
			values[name] = o.readOnly
		case password:
			values[name] = o.password
		case user:
			values[name] = secret.New(o.user)
		case address:
			values[name] = addressed(o.addresses[name], o.user, o.password)
		}
	}
	return values
}

func addressed(old secret.Value, who string, v secret.Value) secret.Value {
	scheme, rest, _ := strings.Cut(old.Reveal(), "://")
	_, rest, _ = strings.Cut(rest, "@")
	return secret.New(scheme + "://" + url.UserPassword(who, v.Reveal()).String() + "@" + rest)
}

// unfilled is a token without what its encoding fills it up with.
func unfilled(v secret.Value) secret.Value { return secret.New(strings.TrimRight(v.Reveal(), "=")) }

// inside are the secret texts that a token carries in its encoding: a standard
// token holds the password of the Redis protocol in clear.
func inside(v secret.Value) []secret.Value {
	plain := strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(v.Reveal())
	text, err := base64.RawStdEncoding.DecodeString(plain)
	if err != nil {
		return nil
	}
	var found []secret.Value
	for _, run := range printable.FindAllString(string(text), -1) {
		if run = uuidInside.ReplaceAllString(run, ""); len(run) >= 16 {
			found = append(found, secret.New(run))
		}
	}
	return found
}

var (
	printable  = regexp.MustCompile(`[A-Za-z0-9+/=_-]{16,}`)
	uuidInside = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)
)

// names reports whether a token carries the id of a database in its encoding.
func names(v secret.Value, id string) bool {
	text, err := base64.RawStdEncoding.DecodeString(strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(v.Reveal()))
	return err == nil && id != "" && strings.Contains(string(text), id)
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
