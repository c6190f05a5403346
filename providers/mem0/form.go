package mem0

import (
	"errors"
	"fmt"
	"regexp"

	"rekey/internal/secret"
	"rekey/providers"
)

// Marks of both kinds of keys.
const (
	platformMark = "m0-"
	serverMark   = "m0sk_"
)

// The forms. The platform's is lenient on purpose: its length is not
// documented.
var (
	platformForm = regexp.MustCompile(`^m0-[A-Za-z0-9_-]{16,512}$`)
	serverForm   = regexp.MustCompile(`^m0sk_[A-Za-z0-9_-]{43}$`)
)

// whose a key is.
type whose int

const (
	nobodys     whose = iota
	platformKey       // of Mem0's platform
	serverKey         // of a server of one's own
)

// ownerOf goes by the form alone.
func ownerOf(v secret.Value) whose {
	switch text := v.Reveal(); {
	case platformForm.MatchString(text):
		return platformKey
	case serverForm.MatchString(text):
		return serverKey
	default:
		return nobodys
	}
}

// unlike says in one sentence what is wrong with a text where a key of the
// platform is expected; "" when it has the form of one.
func unlike(v secret.Value) string {
	switch {
	case ownerOf(v) == platformKey:
		return ""
	case v.HasPrefix(serverMark):
		return "That is a key of a server of one's own, and the application uses Mem0's platform; nobody was shown it. Make one in the dashboard."
	case v.HasPrefix(platformMark):
		return "That is a part of a Mem0 key. The dashboard has a button that copies the whole."
	default:
		return "That has not the form of a Mem0 key, which begins with m0-. The dashboard has a button that copies the whole."
	}
}

// read takes the one value out of a credential's values, and finds out whose
// it is.
func (p *Provider) read(values providers.Values) (secret.Value, whose, error) {
	name := p.config.Variable
	for other := range values {
		if other != name {
			return secret.Value{}, nobodys, fmt.Errorf("%s is not a variable of this key", other)
		}
	}
	v := values[name]
	of := ownerOf(v)
	switch own := len(p.servers) > 0; {
	case v.IsZero():
		return secret.Value{}, nobodys, errors.New(name + " has no value")
	case of == nobodys:
		return secret.Value{}, nobodys, errors.New(name + " has not the form of a Mem0 key: m0-… of the platform, or m0sk_… of a server of one's own. The text that such a server has as ADMIN_API_KEY is changed where it runs, not here")
	case of == serverKey && !own:
		return secret.Value{}, nobodys, errors.New(name + " is a key of a server of one's own (m0sk_…), and the configuration names no server. It was shown to nobody, above all not to Mem0's platform. Write the servers of both environments")
	case of == platformKey && own:
		return secret.Value{}, nobodys, errors.New(name + " is a key of Mem0's platform (m0-…), and the configuration names servers of one's own. It was shown to nobody, above all not to them. Leave the servers out, or mend the value")
	}
	return v, of, nil
}
