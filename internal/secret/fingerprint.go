package secret

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
)

// Fingerprint names a value without telling it: 32 hexadecimal digits of an
// HMAC-SHA-256 under the installation's [Key]. Equal values have equal
// fingerprints within one installation and nowhere else, so a fingerprint may
// be stored and shown. The empty Fingerprint stands for no value.
type Fingerprint string

// Short is the form shown to people: the first eight digits.
func (f Fingerprint) Short() string {
	const shown = 8
	if len(f) < shown {
		return string(f)
	}
	return string(f[:shown])
}

// ErrShortKey is returned by [NewKey] for less than 32 bytes.
var ErrShortKey = errors.New("fingerprint key is shorter than 32 bytes")

// Key makes fingerprints. It comes from a file and is never stored in Redis:
// whoever holds it could test guesses. The zero Key is a mistake and panics
// when used: a fingerprint under a key that everybody knows is no secret.
type Key struct{ key Value }

// NewKey takes at least 32 bytes of key material.
func NewKey(material Value) (Key, error) {
	if material.Len() < sha256.Size {
		return Key{}, ErrShortKey
	}
	return Key{key: material}, nil
}

// IsZero reports the zero Key, so that a configuration without one is refused
// before it is used.
func (k Key) IsZero() bool { return k.key.IsZero() }

// Fingerprint of a value; an empty value has the empty fingerprint. Half of
// the digest is kept: 128 bits are far beyond chance and fit on a card.
func (k Key) Fingerprint(v Value) Fingerprint {
	if v.IsZero() {
		return ""
	}
	return Fingerprint(hex.EncodeToString(k.Sign("fingerprint", v.Reveal())[:sha256.Size/2]))
}

// Sign returns an HMAC-SHA-256 of text under the key, separated by purpose
// so that a signature made for one purpose is worth nothing for another. A
// purpose holds no NUL byte.
func (k Key) Sign(purpose, text string) []byte {
	if k.key.IsZero() {
		panic("secret: the zero Key signs nothing; make one with NewKey")
	}
	mac := hmac.New(sha256.New, []byte(k.key.Reveal()))
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
