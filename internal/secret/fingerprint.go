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
// whoever holds it could test guesses.
type Key struct{ key Value }

// NewKey takes at least 32 bytes of key material.
func NewKey(material Value) (Key, error) {
	if material.Len() < sha256.Size {
		return Key{}, ErrShortKey
	}
	return Key{key: material}, nil
}

// Fingerprint of a value; an empty value has the empty fingerprint.
func (k Key) Fingerprint(v Value) Fingerprint {
	if v.IsZero() {
		return ""
	}
	return Fingerprint(hex.EncodeToString(k.Sign("fingerprint", v.Reveal())[:16]))
}

// Sign returns an HMAC-SHA-256 of text under the key, separated by purpose
// so that a signature made for one purpose is worth nothing for another.
func (k Key) Sign(purpose, text string) []byte {
	mac := hmac.New(sha256.New, []byte(k.key.Reveal()))
	mac.Write([]byte(purpose))
	mac.Write([]byte{0})
	mac.Write([]byte(text))
	return mac.Sum(nil)
}
