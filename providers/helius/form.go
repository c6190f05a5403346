package helius

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// keyForm is a UUID, the parameter's name is the one the service documents.
var keyForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

const parameter = "api-key"

// spot is one variable's value taken apart: what stands before and after its
// key. The address is nil where the key stands by itself.
type spot struct {
	before, after string
	at            *url.URL // to ask, without a query
}

// with is the value with another key, and nothing else changed.
func (s spot) with(key secret.Value) secret.Value {
	return secret.New(s.before + key.Reveal() + s.after)
}

// taken is a credential's values taken apart: all carry one key.
type taken struct {
	key   secret.Value
	spots map[string]spot
}

// with are the same values with another key.
func (t taken) with(key secret.Value) providers.Values {
	values := make(providers.Values, len(t.spots))
	for name, s := range t.spots {
		values[name] = s.with(key)
	}
	return values
}

// Key is the key inside a value, or the value itself where it is no URL with
// one: what a build's scripts are searched for.
func Key(v secret.Value) secret.Value {
	if u, err := url.Parse(v.Reveal()); err == nil {
		if key := u.Query().Get(parameter); keyForm.MatchString(key) {
			return secret.New(key)
		}
	}
	return v
}

// errNoKey marks values that have the form of something else of the service's.
type errNoKey struct{ sentence string }

func (e errNoKey) Error() string { return e.sentence }

const (
	secureURL = "a Secure URL of Helius, which holds no key: there is nothing to rotate in it, and another one comes from the dashboard"
	elsewhere = "an address that is not Helius's, such as a public RPC: there is no key of Helius in it"
	formless  = "neither a key of Helius nor an address with one in its parameter " + parameter
)

// split takes a value apart. Errors say what it is instead, without it.
func (p *Provider) split(v secret.Value) (secret.Value, spot, error) {
	text := v.Reveal()
	if keyForm.MatchString(text) {
		return v, spot{}, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Opaque != "" {
		return secret.Value{}, spot{}, errNoKey{formless}
	}
	at := p.asked(u)
	if at == nil {
		return secret.Value{}, spot{}, errNoKey{elsewhere}
	}
	base, query, _ := strings.Cut(text, "?")
	segments := strings.Split(query, "&")
	carries := func(s string) bool { return strings.HasPrefix(s, parameter+"=") }
	n := slices.IndexFunc(segments, carries)
	switch {
	case n < 0 && !strings.Contains(query, parameter):
		return secret.Value{}, spot{}, errNoKey{secureURL}
	case n < 0, slices.ContainsFunc(segments[n+1:], carries), !keyForm.MatchString(segments[n][len(parameter)+1:]):
		return secret.Value{}, spot{}, errNoKey{formless}
	}
	s := spot{before: base + "?" + join(segments[:n], false) + parameter + "=", after: join(segments[n+1:], true), at: at}
	return secret.New(segments[n][len(parameter)+1:]), s, nil
}

// join puts segments of a query back together, with the separator that stands
// before or behind them.
func join(segments []string, before bool) string {
	if len(segments) == 0 {
		return ""
	}
	text := strings.Join(segments, "&")
	if before {
		return "&" + text
	}
	return text + "&"
}

// asked is where a value's key is tried: the very host of its address, over
// HTTP. Hosts of others are never asked: a public RPC takes any key.
func (p *Provider) asked(u *url.URL) *url.URL {
	scheme, known := map[string]string{"https": "https", "wss": "https", "http": "http", "ws": "http"}[u.Scheme]
	at := &url.URL{Scheme: scheme, Host: u.Host, Path: strings.TrimSuffix(u.Path, "/") + "/"}
	host := strings.ToLower(u.Hostname())
	theirs := strings.HasSuffix("."+host, ".helius-rpc.com") || strings.HasSuffix("."+host, ".helius.xyz")
	switch {
	case !known:
		return nil
	case theirs && scheme == "https" && u.Port() == "":
		return at
	case p.rpc != nil && u.Host == p.rpc.Host && scheme == p.rpc.Scheme:
		return at
	}
	return nil
}

// read takes all values of a credential apart. Errors name variables only.
func (p *Provider) read(values providers.Values) (taken, error) {
	for name := range values {
		if !slices.Contains(p.config.Variables, name) {
			return taken{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	all := taken{spots: make(map[string]spot)}
	for _, name := range p.config.Variables {
		v := values[name]
		if v.IsZero() {
			return taken{}, errors.New(name + " has no value")
		}
		key, s, err := p.split(v)
		switch {
		case err != nil:
			return taken{}, errNoKey{name + " is " + err.Error()}
		case !all.key.IsZero() && !all.key.Equal(key):
			return taken{}, fmt.Errorf("%s holds another key than %s; they are rotated together only when they hold one", name, p.config.Variables[0])
		}
		all.key, all.spots[name] = key, s
	}
	return all, nil
}

// at is where the key is tried: at the first address among the values.
func (p *Provider) at(t taken) *url.URL {
	for _, name := range p.config.Variables {
		if at := t.spots[name].at; at != nil {
			return at
		}
	}
	if p.rpc != nil {
		return &url.URL{Scheme: p.rpc.Scheme, Host: p.rpc.Host, Path: p.rpc.Path + "/"}
	}
	at, _ := url.Parse(DefaultRPC + "/") // a constant
	return at
}
