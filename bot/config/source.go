package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"rekey/internal/secret"
)

// Lookup finds an environment variable, as [os.LookupEnv] does.
type Lookup func(name string) (value string, found bool)

// maxSecret bounds what is read of a secret's file. The longest value known
// is a private key in PEM form.
const maxSecret = 64 << 10

// Source is where a secret is read from: an environment variable or a file,
// never both. The zero Source is absent.
type Source struct {
	Env  string // name of a variable
	File string // path of a file

	Path string // key path in the configuration, for messages
	env  Lookup
}

// IsZero reports whether no source was configured.
func (s Source) IsZero() bool { return s.Env == "" && s.File == "" }

// Same reports whether both read from the same place.
func (s Source) Same(other Source) bool {
	return !s.IsZero() && s.Env == other.Env && s.File == other.File
}

// String names the place, never the value.
func (s Source) String() string {
	switch {
	case s.File != "":
		return "file " + s.File
	case s.Env != "":
		return "variable " + s.Env
	default:
		return "nowhere"
	}
}

// Read reads the secret now; a mounted file may have changed since the last
// time. One newline at the end is dropped, because editors add it. An empty
// secret is an error.
func (s Source) Read() (secret.Value, error) {
	text, err := s.text()
	if err != nil {
		return secret.Value{}, fmt.Errorf("reading %s from %s: %w", s.Path, s, err)
	}
	text = strings.TrimSuffix(strings.TrimSuffix(text, "\n"), "\r")
	if text == "" {
		return secret.Value{}, fmt.Errorf("reading %s from %s: %w", s.Path, s, errEmpty)
	}
	return secret.New(text), nil
}

var (
	errAbsent = errors.New("no source is configured")
	errUnset  = errors.New("the variable is not set")
	errEmpty  = errors.New("it is empty")
	errLong   = fmt.Errorf("it is longer than %d bytes", maxSecret)
)

func (s Source) text() (string, error) {
	if s.File != "" {
		return readFile(s.File)
	}
	if s.Env == "" {
		return "", errAbsent
	}
	lookup := s.env
	if lookup == nil {
		lookup = os.LookupEnv
	}
	text, found := lookup(s.Env)
	if !found {
		return "", errUnset
	}
	return text, nil
}

func readFile(path string) (string, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's own configuration
	if err != nil {
		return "", bare(err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	switch {
	case err != nil:
		return "", bare(err)
	case len(body) > maxSecret:
		return "", errLong
	}
	return string(body), nil
}

// bare drops the path that os adds: the message names it already.
func bare(err error) error {
	var p *os.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	return err
}

// Warning says what is unsafe about the place, or "": a file that others than
// its owner may read. Absent files are no warning; reading them is an error.
func (s Source) Warning() string {
	if s.File == "" {
		return ""
	}
	facts, err := os.Stat(s.File)
	if err != nil || facts.Mode().Perm()&0o077 == 0 {
		return ""
	}
	return fmt.Sprintf("%s: %s may be read by others (mode %04o); run chmod 600", s.Path, s, facts.Mode().Perm())
}
