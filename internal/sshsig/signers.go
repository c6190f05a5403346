package sshsig

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// maxSigners bounds the file.
const maxSigners = 1 << 20

// Signers are those whose signatures count.
type Signers struct {
	lines []signer
	// Unused are the lines that name nobody here, and why, for people.
	Unused []string
}

// signer is one line of the file.
type signer struct {
	number        int
	names         []string
	key           []byte
	namespaces    []string // patterns; none means every namespace
	after, before time.Time
}

// ReadSigners reads the file now.
func ReadSigners(path string) (Signers, error) {
	f, err := os.Open(path) //nolint:gosec // the path is the operator's own configuration
	if err != nil {
		return Signers{}, fmt.Errorf("reading the allowed signers: %w", err)
	}
	defer func() { _ = f.Close() }()
	body, err := io.ReadAll(io.LimitReader(f, maxSigners+1))
	if err == nil && len(body) > maxSigners {
		err = fmt.Errorf("the file is longer than %d bytes", maxSigners)
	}
	if err != nil {
		return Signers{}, fmt.Errorf("reading the allowed signers: %w", err)
	}
	return ParseSigners(body), nil
}

// ParseSigners reads the lines of a file. One that is not understood names
// nobody, and takes nobody else's standing.
func ParseSigners(body []byte) Signers {
	var s Signers
	for i, line := range strings.Split(string(body), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		one, err := parseSigner(line)
		if err != nil {
			s.Unused = append(s.Unused, fmt.Sprintf("line %d: %s", i+1, err))
			continue
		}
		one.number = i + 1
		s.lines = append(s.lines, one)
	}
	return s
}

func parseSigner(line string) (signer, error) {
	names, rest, err := word(line)
	if err != nil {
		return signer{}, err
	}
	s := signer{names: strings.Split(names, ",")}
	for _, name := range s.names {
		if name == "" || strings.ContainsAny(name, "*?!") {
			return signer{}, errors.New("a pattern in place of a name")
		}
	}
	// What follows has the form of a line of authorized_keys.
	key, _, options, tail, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil || len(tail) > 0 {
		return signer{}, errors.New("no key that can be read")
	}
	if why := unfit(key); why != "" {
		return signer{}, errors.New(why)
	}
	s.key = key.Marshal()
	for _, o := range options {
		if err := s.option(o); err != nil {
			return signer{}, err
		}
	}
	return s, nil
}

// word takes the first word of a line, which may stand in quotes.
func word(line string) (first, rest string, err error) {
	if quoted, is := strings.CutPrefix(line, `"`); is {
		first, rest, found := strings.Cut(quoted, `"`)
		if !found {
			return "", "", errors.New("quotes without an end")
		}
		return first, strings.TrimLeft(rest, " \t"), nil
	}
	at := strings.IndexAny(line, " \t")
	if at < 0 {
		return "", "", errors.New("a name alone")
	}
	return line[:at], strings.TrimLeft(line[at:], " \t"), nil
}

func (s *signer) option(text string) (err error) {
	name, value, _ := strings.Cut(text, "=")
	value = strings.Trim(value, `"`)
	switch strings.ToLower(name) {
	case "namespaces":
		s.namespaces = strings.Split(value, ",")
	case "valid-after":
		s.after, err = moment(value)
	case "valid-before":
		s.before, err = moment(value)
	default:
		return errors.New("an option that is not understood here")
	}
	return err
}

// moment reads a time as ssh-keygen writes it; without a Z it is local.
func moment(text string) (time.Time, error) {
	digits, utc := strings.CutSuffix(text, "Z")
	form, known := map[int]string{8: "20060102", 12: "200601021504", 14: "20060102150405"}[len(digits)]
	if !known {
		return time.Time{}, errors.New("a time that cannot be read")
	}
	where := time.Local
	if utc {
		where = time.UTC
	}
	at, err := time.ParseInLocation(form, digits, where)
	if err != nil {
		return time.Time{}, errors.New("a time that cannot be read")
	}
	return at, nil
}

// Principals are the names under which a key counts in a namespace at a moment,
// sorted.
func (s Signers) Principals(key ssh.PublicKey, namespace string, now time.Time) []string {
	var names []string
	for _, line := range s.lines {
		if bytes.Equal(line.key, key.Marshal()) && line.counts(namespace, now) {
			names = append(names, line.names...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s signer) counts(namespace string, now time.Time) bool {
	switch {
	case !s.after.IsZero() && now.Before(s.after), !s.before.IsZero() && !now.Before(s.before):
		return false
	default:
		return len(s.namespaces) == 0 || listed(s.namespaces, namespace)
	}
}

// listed reports whether a text is in a list of patterns. One that begins with !
// and fits takes it out, wherever it stands.
func listed(patterns []string, text string) bool {
	found := false
	for _, p := range patterns {
		bare, not := strings.CutPrefix(p, "!")
		if !fits(bare, text) {
			continue
		}
		if not {
			return false
		}
		found = true
	}
	return found
}

// fits matches * for any text and ? for any character.
func fits(pattern, text string) bool {
	star, mark := -1, 0
	p, t := 0, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, mark = p, t
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == text[t]):
			p, t = p+1, t+1
		case star >= 0:
			mark++
			p, t = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}
