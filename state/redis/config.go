package redis

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Defaults of [Config].
const (
	DefaultTimeout = 5 * time.Second
	DefaultPing    = time.Minute
	DefaultBackoff = 10 * time.Second
)

// Config says where the Redis is and how long to wait for it.
type Config struct {
	Addr     string // host:port
	Username string // of the access list; empty means the default user
	Password Password
	TLS      bool // TLS 1.2 or later, the host's certificate is checked
	DB       int

	// Installation names the installation: 1 to 40 of a-z, 0-9, _ and -.
	// Two installations share a Redis without seeing each other.
	Installation string

	// Log hears of interrupted signals; nil means nobody does.
	Log *slog.Logger

	// Timeout bounds dialling, each write and each read, besides the
	// caller's context. Zero means DefaultTimeout.
	Timeout time.Duration
	// Ping is how long a silent pub/sub connection is trusted before it is
	// asked whether it still lives. Zero means DefaultPing.
	Ping time.Duration
	// Backoff is the longest pause between two tries to subscribe again.
	// The first pause is a 128th of it. Zero means DefaultBackoff.
	Backoff time.Duration

	// dial replaces the network in tests.
	dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

var installationForm = regexp.MustCompile(`^[a-z0-9_-]{1,40}$`)

func (c Config) check() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Addr); err != nil {
		errs = append(errs, errors.New("the address is not host:port"))
	}
	if !installationForm.MatchString(c.Installation) {
		errs = append(errs, fmt.Errorf("installation %.50q: 1 to 40 of a-z, 0-9, _ and - are allowed", c.Installation))
	}
	if c.DB < 0 {
		errs = append(errs, fmt.Errorf("database number %d is negative", c.DB))
	}
	if c.Timeout < 0 || c.Ping < 0 || c.Backoff < 0 {
		errs = append(errs, errors.New("a duration is negative"))
	}
	return errors.Join(errs...)
}

func (c Config) withDefaults() Config {
	orElse := func(d *time.Duration, standard time.Duration) {
		if *d == 0 {
			*d = standard
		}
	}
	orElse(&c.Timeout, DefaultTimeout)
	orElse(&c.Ping, DefaultPing)
	orElse(&c.Backoff, DefaultBackoff)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return c
}

// ParseURL reads redis://user:password@host:port/db, or rediss:// for TLS,
// into a Config; the installation is left to the caller. The port is 6379
// where none is given (https://www.iana.org/assignments/uri-schemes/prov/redis).
// No part of the text appears in an error, because any part may be the
// password.
func ParseURL(text string) (Config, error) {
	u, err := url.Parse(strings.TrimSpace(text))
	if err != nil {
		return Config{}, errors.New("parsing the Redis URL: it is no URL; a password with special characters must be percent-encoded")
	}
	if u.Scheme != "redis" && u.Scheme != "rediss" {
		return Config{}, errors.New("parsing the Redis URL: it must begin with redis:// or rediss://")
	}
	if u.Hostname() == "" || u.Opaque != "" {
		return Config{}, errors.New("parsing the Redis URL: it names no host")
	}
	if u.RawQuery != "" || u.Fragment != "" {
		return Config{}, errors.New("parsing the Redis URL: it has a query or a fragment; a password with ? or # must be percent-encoded")
	}
	db, err := parseDB(u.Path)
	if err != nil {
		return Config{}, err
	}
	port := u.Port()
	if port == "" {
		port = "6379"
	}
	password, _ := u.User.Password()
	return Config{
		Addr:     net.JoinHostPort(u.Hostname(), port),
		Username: u.User.Username(),
		Password: NewPassword(password),
		TLS:      u.Scheme == "rediss",
		DB:       db,
	}, nil
}

func parseDB(path string) (int, error) {
	path = strings.Trim(path, "/")
	if path == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(path, 10, 16)
	if err != nil {
		return 0, errors.New("parsing the Redis URL: its path is no database number")
	}
	return int(n), nil
}

// Password is a text that prints as a mask and refuses to be encoded. It wraps
// a pointer because fmt calls no methods on unexported fields and would print
// a string there.
type Password struct{ text *string }

// NewPassword wraps text.
func NewPassword(text string) Password { return Password{&text} }

var errEncode = errors.New("a password must not be encoded")

func (p Password) reveal() string {
	if p.text == nil {
		return ""
	}
	return *p.text
}

// String returns a mask.
func (p Password) String() string { return "[password]" }

// GoString returns a mask.
func (p Password) GoString() string { return p.String() }

// Format writes a mask for every verb.
func (p Password) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue returns a mask.
func (p Password) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText refuses, and with it JSON and YAML.
func (p Password) MarshalText() ([]byte, error) { return nil, errEncode }

// GobEncode refuses.
func (p Password) GobEncode() ([]byte, error) { return nil, errEncode }
