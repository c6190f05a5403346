package secrettest_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"rekey/internal/secret"
	"rekey/internal/secret/secrettest"
)

const text = "kid-00000001:s3cr3t+with/odd chars"

// recorder is a test that only notes its failures.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Errorf(format string, args ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

// The shapes that leak in other people's code.
type (
	stringKind string
	marshals   string
	hidden     struct{ value stringKind }
	onPointer  struct{ Value string }
	bad        struct{ inner error }
)

func (stringKind) String() string             { return "[masked]" }
func (stringKind) GoString() string           { return "[masked]" }
func (marshals) MarshalJSON() ([]byte, error) { return []byte(`"[masked]"`), nil }
func (*onPointer) String() string             { return "[masked]" }
func (b bad) Error() string                   { return "something went wrong" }
func (b bad) Unwrap() error                   { return b.inner }

func TestNoLeakBites(t *testing.T) {
	v := secret.New(text)
	part := "s3cr3t+with/odd chars"
	for name, leak := range map[string]any{
		"text":                        "the key is " + text,
		"bytes":                       []byte(text),
		"secret part alone":           part,
		"half":                        part[:len(part)/2] + "…",
		"base64":                      base64.RawURLEncoding.EncodeToString([]byte(text)),
		"query":                       "https://x.example/?key=" + url.QueryEscape(text),
		"string kind, %d only":        stringKind(text),
		"string kind, unexported":     hidden{stringKind(text)},
		"JSON masked only":            marshals(text),
		"pointer receiver":            onPointer{text},
		"error":                       errors.New(text),
		"wrapped error":               fmt.Errorf("calling: %w", errors.New(text)),
		"error that hides its cause":  bad{errors.New(text)},
		"joined under a quiet error":  bad{errors.Join(errors.New("x"), errors.New(text))},
		"url.Error with the query":    &url.Error{Op: "Get", URL: "https://x.example/?k=" + text, Err: errors.New("no route")},
		"nested in unexported fields": struct{ inner struct{ text []string } }{struct{ text []string }{[]string{text}}},
		"JSON only, behind a pointer": struct{ P *struct{ Text string } }{&struct{ Text string }{text}},
	} {
		r := &recorder{}
		secrettest.NoLeak(r, []secret.Value{v}, leak)
		if len(r.failures) == 0 {
			t.Errorf("%s: the leak was not seen", name)
		}
		for _, failure := range r.failures {
			for _, form := range secrettest.Forms(v) {
				if strings.Contains(failure, form) {
					t.Errorf("%s: the failure itself shows the value", name)
				}
			}
		}
	}
}

func TestNoLeakIsQuietOtherwise(t *testing.T) {
	v := secret.New(text)
	r := &recorder{}
	secrettest.NoLeak(r, []secret.Value{v}, nil, "kid-00000001 is public", v, &v, struct{ v secret.Value }{v}, errors.New("refused"))
	if len(r.failures) > 0 {
		t.Errorf("found what is not there: %q", r.failures)
	}
}

func TestNoLeakRefusesWhatItCannotLookFor(t *testing.T) {
	r := &recorder{}
	secrettest.NoLeak(r, []secret.Value{secret.New("short"), {}}, "anything")
	if len(r.failures) != 2 {
		t.Errorf("unfindable values passed: %q", r.failures)
	}
}

func TestFormsAreSortedOutOnce(t *testing.T) {
	forms := secrettest.Forms(secret.New(text))
	if !slices.Contains(forms, text) || len(slices.Compact(slices.Clone(forms))) != len(forms) {
		t.Errorf("%d forms without the text itself or with doubles", len(forms))
	}
}
