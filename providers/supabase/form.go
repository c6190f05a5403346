package supabase

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// The form of a key is lenient on purpose: its length is not documented.
// Names are as the Management API takes them.
var (
	keyForm  = regexp.MustCompile(`^sb_secret_[A-Za-z0-9_-]{20,512}$`)
	jwtForm  = regexp.MustCompile(`^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)
	idForm   = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)
	nameForm = regexp.MustCompile(`^[a-z_][a-z0-9_]{3,63}$`)
)

// What the values of Supabase begin with.
const (
	secretMark      = "sb_secret_"
	publishableMark = "sb_publishable_"
	tokenMark       = "sbp_"
)

// operators is the name of the key that functions look up; it belongs to the
// operator of the project.
const operators = "default"

// unlike says why a text is no secret key, in a sentence without it; "" when
// it has the form of one.
func unlike(v secret.Value) string {
	switch {
	case keyForm.MatchString(v.Reveal()):
		return ""
	case v.HasPrefix(publishableMark):
		return "that is a publishable key, which has none of the rights of service_role; the application needs a secret key"
	case v.HasPrefix(tokenMark):
		return "that is an access token of an account, not a key of a project"
	case v.HasPrefix(secretMark):
		return "that is a part of a secret key; it is copied whole"
	default:
		return "that has not the form of a secret key (sb_secret_…)"
	}
}

// read takes the one value out of a credential's values, whatever it is.
func (p *Provider) read(values providers.Values) (secret.Value, error) {
	for name := range values {
		if name != p.config.Variable {
			return secret.Value{}, fmt.Errorf("%s is not a variable of this key", name)
		}
	}
	v := values[p.config.Variable]
	if v.IsZero() {
		return secret.Value{}, errors.New(p.config.Variable + " has no value")
	}
	return v, nil
}

// isLegacy recognises a JWT, as the legacy keys are.
func isLegacy(v secret.Value) bool { return jwtForm.MatchString(v.Reveal()) }

// claims are what a legacy key says of itself. The signature is not checked:
// nothing is granted by it here.
type claims struct {
	Role string `json:"role"`
	Ref  string `json:"ref"`
}

func claimed(v secret.Value) claims {
	var c claims
	parts := strings.Split(v.Reveal(), ".")
	if len(parts) == 3 {
		text, err := base64.RawURLEncoding.DecodeString(parts[1])
		if err == nil {
			_ = json.Unmarshal(text, &c) // no claims: it says nothing of itself
		}
	}
	return c
}

// telling is how many characters of a prefix must come after what all keys
// begin with, for the prefix to say anything.
const telling = 4

// fits reports whether a key's prefix is the beginning of the value. The list
// may leave out what all keys begin with, and mark where it stops.
func (k wireKey) fits(v secret.Value) bool {
	own := strings.TrimPrefix(strings.TrimRight(k.Prefix, ".…*·•"), secretMark)
	return len(own) >= telling && v.HasPrefix(secretMark+own)
}

// hashed reports whether a key's hash is the value's SHA-256. Which hash the
// list shows is not documented, so that it is another one proves nothing.
func (k wireKey) hashed(v secret.Value) bool {
	sum := sha256.Sum256([]byte(v.Reveal()))
	return k.Hash.Equal(secret.New(hex.EncodeToString(sum[:]))) || k.Hash.Equal(secret.New(base64.StdEncoding.EncodeToString(sum[:])))
}
