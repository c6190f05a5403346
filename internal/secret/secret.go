// Package secret holds the one type in which Rekey keeps secret values.
//
// A Value prints as a mask wherever it ends up: in a log line, an error, a
// test failure, a struct dumped with any fmt verb. It refuses to be encoded:
// a marshaler that wrote a mask could put the mask into a vault as the new
// value, so encoders get an error instead.
//
// The type is a struct around a pointer because fmt does not call methods on
// unexported fields: a string kind inside another struct would be printed,
// a pointer is printed as an address.
//
// [Value.Reveal] is the only way to the text. Its call sites are listed by
// name in a test of the whole tree.
package secret

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"log/slog"
)

const mask = "[secret]"

// ErrEncode is returned by every encoder of a Value.
var ErrEncode = errors.New("a secret value must not be encoded")

// Value is a secret text. The zero Value is empty and valid.
// Values must be compared with [Value.Equal]; == compares addresses.
type Value struct{ text *string }

// New wraps text.
func New(text string) Value { return Value{text: &text} }

// Reveal returns the text itself. Every call site must be able to say why.
func (v Value) Reveal() string {
	if v.text == nil {
		return ""
	}
	return *v.text
}

// IsZero reports whether the value is empty.
func (v Value) IsZero() bool { return v.text == nil || *v.text == "" }

// Len is the length of the text in bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Equal compares in constant time for values of equal length.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// Last4 returns the last four characters, for people, where the service gives
// the credential no public id. Short values give nothing: four characters of
// a short value are too much of it.
func (v Value) Last4() string {
	const longEnough = 20
	if v.Len() < longEnough {
		return ""
	}
	s := v.Reveal()
	return s[len(s)-4:]
}

// String returns a mask.
func (v Value) String() string { return mask }

// GoString returns a mask.
func (v Value) GoString() string { return mask }

// Format writes a mask for every verb and flag.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, mask) }

// LogValue returns a mask.
func (v Value) LogValue() slog.Value { return slog.StringValue(mask) }

// MarshalJSON refuses.
func (v Value) MarshalJSON() ([]byte, error) { return nil, ErrEncode }

// MarshalText refuses.
func (v Value) MarshalText() ([]byte, error) { return nil, ErrEncode }

// MarshalBinary refuses.
func (v Value) MarshalBinary() ([]byte, error) { return nil, ErrEncode }

// MarshalYAML refuses.
func (v Value) MarshalYAML() (any, error) { return nil, ErrEncode }

// GobEncode refuses.
func (v Value) GobEncode() ([]byte, error) { return nil, ErrEncode }
