// Package secret holds the one type in which Rekey keeps secret values.
//
// # The model
//
// A [Value] prints as a mask wherever it ends up: in a log line, an error, a
// test failure, a struct dumped with any fmt verb. It refuses to be encoded:
// a marshaler that wrote a mask could put the mask into a vault as the new
// value, so encoders get [ErrEncode] instead. It can be decoded from JSON,
// because that is how services hand out what they made; it refuses every
// other decoder, because those read configuration, where no value may stand.
//
// The text sits behind a function. fmt does not call the methods of a value
// in an unexported field, so a string kind there would be printed; a pointer
// would survive fmt, but dumpers that follow pointers (go-cmp in a failing
// test, for one) would print what it points at. Nothing looks into a closure.
// A struct that holds a function also cannot be compared with ==, so that
// comparing values by accident does not compile: use [Value.Equal].
//
// [Value.Reveal] is the only way to the text. Its call sites are listed by
// name in a test of the whole tree. What may be stored and shown instead is a
// [Fingerprint]. [Redact] is a second net below the type, for text that was
// made by somebody else's code.
//
// # What may run twice
//
// Everything: values are immutable and may be shared between goroutines.
package secret

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const mask = "[secret]"

// ErrEncode is returned by every encoder of a [Value].
var ErrEncode = errors.New("a secret value must not be encoded")

// ErrDecode is returned by every decoder of a [Value] but a JSON string's.
// It never quotes what was to be decoded.
var ErrDecode = errors.New("a secret value must not be decoded from here")

// Value is a secret text. The zero Value is empty and valid.
type Value struct{ reveal func() string }

// New wraps text.
func New(text string) Value { return Value{reveal: func() string { return text }} }

// Reveal returns the text itself. Every call site must be able to say why.
func (v Value) Reveal() string {
	if v.reveal == nil {
		return ""
	}
	return v.reveal()
}

// IsZero reports whether the value is empty.
func (v Value) IsZero() bool { return v.Len() == 0 }

// Len is the length of the text in bytes.
func (v Value) Len() int { return len(v.Reveal()) }

// Equal compares in constant time for values of equal length; the length
// itself is not hidden. go-cmp finds this method by its name.
func (v Value) Equal(other Value) bool {
	return subtle.ConstantTimeCompare([]byte(v.Reveal()), []byte(other.Reveal())) == 1
}

// Contains reports whether the text holds the other text, which must not be
// empty. It is for finding aliases among values we may read anyway, and not
// constant in time.
func (v Value) Contains(other Value) bool {
	return !other.IsZero() && strings.Contains(v.Reveal(), other.Reveal())
}

// Trimmed is the value without the white space that pasting brings along.
func (v Value) Trimmed() Value { return New(strings.TrimSpace(v.Reveal())) }

// HasPrefix reports whether the value begins with a text that is no secret,
// such as the mark of its kind.
func (v Value) HasPrefix(mark string) bool { return strings.HasPrefix(v.Reveal(), mark) }

// Last4 returns the last four characters, for people, where the service gives
// the credential no public id. Short values give nothing: four characters of
// a short value are too much of it.
func (v Value) Last4() string {
	const longEnough, shown = 20, 4
	characters := []rune(v.Reveal())
	if len(characters) < longEnough {
		return ""
	}
	return string(characters[len(characters)-shown:])
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

// MarshalText refuses; encoders of map keys, XML and flags ask for it.
func (v Value) MarshalText() ([]byte, error) { return nil, ErrEncode }

// MarshalBinary refuses.
func (v Value) MarshalBinary() ([]byte, error) { return nil, ErrEncode }

// MarshalYAML refuses.
func (v Value) MarshalYAML() (any, error) { return nil, ErrEncode }

// GobEncode refuses.
func (v Value) GobEncode() ([]byte, error) { return nil, ErrEncode }

// UnmarshalJSON takes a JSON string, or null for the empty value, so that a
// service's answer never passes through a type that prints.
func (v *Value) UnmarshalJSON(data []byte) error {
	var text *string
	if json.Unmarshal(data, &text) != nil {
		return ErrDecode
	}
	*v = Value{}
	if text != nil {
		*v = New(*text)
	}
	return nil
}

// UnmarshalText refuses. YAML decoders and flags ask for it; without it
// theirs would be an error that quotes the text.
func (v *Value) UnmarshalText([]byte) error { return ErrDecode }

// UnmarshalBinary refuses.
func (v *Value) UnmarshalBinary([]byte) error { return ErrDecode }

// GobDecode refuses.
func (v *Value) GobDecode([]byte) error { return ErrDecode }
