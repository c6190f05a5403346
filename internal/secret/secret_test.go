package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

const text = "9f8e7d6c-0001:Zx9+/q\"<wu>&7 äöü_2b1c0d"

type open struct {
	Name  string
	Value secret.Value
}

type closed struct {
	name  string
	value secret.Value
}

type embedded struct{ secret.Value }

type deep struct {
	inner  *closed
	any    any
	list   []secret.Value
	byName map[string]closed
	array  [2]secret.Value
}

type refusal struct{ value secret.Value }

func (r refusal) Error() string { return fmt.Sprintf("refused %v", r.value) }

// shapes are the places a value may sit in.
func shapes(v secret.Value) map[string]any {
	c := closed{"FAL_KEY", v}
	return map[string]any{
		"value":             v,
		"pointer":           &v,
		"exported field":    open{"FAL_KEY", v},
		"unexported field":  c,
		"pointer to struct": &c,
		"embedded":          embedded{v},
		"map":               map[string]secret.Value{"FAL_KEY": v},
		"map of unexported": map[string]closed{"FAL_KEY": c},
		"slice":             []secret.Value{v, v},
		"slice of any":      []any{v, &v, c, &c},
		"deep":              deep{&c, c, []secret.Value{v}, map[string]closed{"x": c}, [2]secret.Value{v}},
		"error":             refusal{v},
		"wrapped error":     fmt.Errorf("rotating: %w", refusal{v}),
		"joined errors":     errors.Join(errors.New("first"), fmt.Errorf("%+v %#v", c, v)),
		"reflected":         reflect.ValueOf(c),
		"anonymous":         struct{ v any }{v},
	}
}

func TestValueShowsNowhere(t *testing.T) {
	v := secret.New(text)
	for name, shape := range shapes(v) {
		t.Run(name, func(t *testing.T) { secrettest.NoLeak(t, []secret.Value{v}, shape) })
	}
}

func TestValuePrintsItsMask(t *testing.T) {
	for _, format := range secrettest.Formats() {
		if strings.ContainsAny(format, "Tpw") {
			continue // the type, or what fmt says without asking a Formatter
		}
		if got := fmt.Sprintf(format, secret.New(text)); got != "[secret]" {
			t.Errorf("%s printed %q", format, got)
		}
	}
}

// TestDumpersThatFollowPointers holds the reason for the closure: go-cmp
// prints unexported fields in failing tests.
func TestDumpersThatFollowPointers(t *testing.T) {
	v, other := secret.New(text), secret.New(text+"2")
	look := cmp.AllowUnexported(closed{})
	a, b := closed{"a", v}, closed{"b", other}
	secrettest.NoLeak(t, []secret.Value{v, other},
		cmp.Diff(a, b, look),
		cmp.Diff([]any{a}, []any{1, "2"}, look),
		cmp.Diff(map[string]closed{"x": a}, map[string]closed{}, look))
	if !cmp.Equal(a, closed{"a", secret.New(text)}, look) {
		t.Error("go-cmp does not use Equal")
	}
}

func TestPanicShowsNothing(t *testing.T) {
	v := secret.New(text)
	defer func() { secrettest.NoLeak(t, []secret.Value{v}, recover()) }()
	panic(closed{"FAL_KEY", v})
}

func TestEncodersAreRefused(t *testing.T) {
	v := secret.New(text)
	encoders := map[string]func(any) ([]byte, error){
		"json": json.Marshal,
		"yaml": yaml.Marshal,
		"xml":  xml.Marshal,
		"gob": func(in any) ([]byte, error) {
			var out bytes.Buffer
			err := gob.NewEncoder(&out).Encode(in)
			return out.Bytes(), err
		},
		"text":   func(any) ([]byte, error) { return v.MarshalText() },
		"binary": func(any) ([]byte, error) { return v.MarshalBinary() },
	}
	for name, encode := range encoders {
		for _, shape := range []any{v, &v, open{"FAL_KEY", v}, &open{"FAL_KEY", v}, []secret.Value{v}} {
			out, err := encode(shape)
			if !errors.Is(err, secret.ErrEncode) {
				t.Errorf("%s of %T: %v, want ErrEncode", name, shape, err)
			}
			secrettest.NoLeak(t, []secret.Value{v}, out, err)
			if bytes.Contains(out, []byte("[secret]")) {
				t.Errorf("%s of %T wrote the mask, which could become the new value", name, shape)
			}
		}
	}
}

func TestEmptyValueIsRefusedByEncodersToo(t *testing.T) {
	if _, err := json.Marshal(open{}); !errors.Is(err, secret.ErrEncode) {
		t.Errorf("json of an empty value: %v", err)
	}
}

func TestDecodesJSONStringsOnly(t *testing.T) {
	var got struct{ Key, Gone secret.Value }
	if err := json.Unmarshal([]byte(`{"key":"a\u0062c","gone":null}`), &got); err != nil {
		t.Fatal(err)
	}
	if !got.Key.Equal(secret.New("abc")) || !got.Gone.IsZero() {
		t.Error("decoding lost or changed the value")
	}
	for _, bad := range []string{`{"key":12345678901}`, `{"key":["super-secret-1"]}`, `{"key":{"super-secret-1":1}}`} {
		err := json.Unmarshal([]byte(bad), &got)
		if !errors.Is(err, secret.ErrDecode) {
			t.Errorf("%s: %v, want ErrDecode", bad, err)
		}
	}
}

func TestConfigurationCannotHoldValues(t *testing.T) {
	v := secret.New("sk-inline-0123456789")
	var got open
	err := yaml.Unmarshal([]byte("value: "+v.Reveal()), &got)
	if !errors.Is(err, secret.ErrDecode) {
		t.Errorf("yaml: %v, want ErrDecode", err)
	}
	secrettest.NoLeak(t, []secret.Value{v}, err)
	if got.Value.UnmarshalBinary([]byte("x")) == nil || got.Value.GobDecode([]byte("x")) == nil {
		t.Error("a binary decoder was accepted")
	}
}

func TestEqual(t *testing.T) {
	long := strings.Repeat("x", 4096)
	for _, c := range []struct {
		a, b secret.Value
		want bool
	}{
		{secret.New("same"), secret.New("same"), true},
		{secret.New("same"), secret.New("samE"), false},
		{secret.New("same"), secret.New("same "), false},
		{secret.New(long + "a"), secret.New(long + "b"), false},
		{secret.Value{}, secret.New(""), true},
		{secret.Value{}, secret.New("x"), false},
	} {
		if c.a.Equal(c.b) != c.want || c.b.Equal(c.a) != c.want {
			t.Errorf("Equal of lengths %d and %d is not %v both ways", c.a.Len(), c.b.Len(), c.want)
		}
	}
}

// TestNotComparable: == would have to compare addresses, so it must not compile.
func TestNotComparable(t *testing.T) {
	if reflect.TypeFor[secret.Value]().Comparable() {
		t.Error("Value can be compared with ==")
	}
}

func TestContains(t *testing.T) {
	v := secret.New("id:inner-secret")
	for part, want := range map[string]bool{"inner-secret": true, "id:inner-secret": true, "other": false, "": false} {
		if v.Contains(secret.New(part)) != want {
			t.Errorf("Contains(%q) is not %v", part, want)
		}
	}
}

func TestTrimmed(t *testing.T) {
	for in, want := range map[string]string{"": "", " \n": "", "\tkey \n": "key", "two words": "two words"} {
		if got := secret.New(in).Trimmed(); got.Reveal() != want {
			t.Errorf("%q is not %q", in, want)
		}
	}
	if !(secret.Value{}).Trimmed().IsZero() {
		t.Error("nothing became something")
	}
}

func TestLast4(t *testing.T) {
	for in, want := range map[string]string{
		"":                      "",
		"1234567890123456789":   "",
		"12345678901234567890":  "7890",
		"1234567890123456789äö": "89äö",
	} {
		if got := secret.New(in).Last4(); got != want {
			t.Errorf("Last4 of %d bytes is %q, want %q", len(in), got, want)
		}
	}
}
