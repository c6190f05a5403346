// Package upstash issues, probes, switches off and deletes tokens of Upstash's
// Redis databases.
//
// # The model
//
// The value is a bearer token of a database's REST API. Which kind it is the
// database says itself, asked with the token who it is:
//
//   - A user of the access control list: its successor is another user with the
//     same rules, any number of users are valid together, and one can be
//     switched off and on. The shape is overlap. The user's name is the public
//     id, behind its database's.
//   - The database's own user, "default": nothing but a reset of the whole
//     database replaces its credentials. It is one call that makes the new ones
//     and ends all old ones at once, the read-only token and the password of the
//     Redis protocol among them. The shape is cutover. There is no public id. An
//     account that a platform made has no API for it: people reset in the console.
//
// Moving from the second to the first is an operator's decision and work; and
// the default token lives on behind it until it is reset once.
//
// The list is read and changed with the Redis protocol over TLS, as the default
// user; the database's REST API answers who a token is and whether it lives; the
// account's API lists databases and resets. The three take different
// credentials, and none is sent to another.
//
// What may be believed:
//
//   - A token is alive when its database answers PING to it, and refused when
//     that answers 401 with WRONGPASS. Another right than PING may be missing
//     to a token that is alive.
//   - A user is gone when every token of it is refused and the list is without
//     its name.
//   - A reset happened when the database shows another token than before. A lost
//     answer is settled by reading it, never by resetting again.
//
// The service keeps no log of commands (ACL LOG is always empty), so when a
// token was last used is not asked.
//
// # What may run twice
//
// Reading, and switching off, switching on or deleting the same user. Creating a
// user never with a name that exists: rules and passwords would add up. A reset
// never: each one is an outage.
//
// Sources: https://github.com/upstash/docs, redis/features/restapi.mdx,
// redis/commands/server/acl-gentoken.mdx, acl-setuser.mdx, acl-resttoken.mdx and
// acl-deluser.mdx, redis/features/security.mdx and devops/developer-api.
package upstash

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"path"
	"regexp"
	"strings"
	"time"

	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultBaseURL is the account's API.
const DefaultBaseURL = "https://api.upstash.com"

// DefaultConsole lists the databases.
const DefaultConsole = "https://console.upstash.com/redis"

// DefaultTimeout is how long one conversation over the Redis protocol may take.
const DefaultTimeout = 15 * time.Second

// port of the Redis protocol at every database.
const port = "6379"

// DefaultWaits are the pauses that suit Upstash. A change of the list is stored
// and copied before it is answered; how late a far region learns of it is not
// documented, so the old one is asked about for a minute. The hold lets what was
// started before the deployment come to its end.
func DefaultWaits() providers.Waits {
	return providers.Waits{
		Settle:     30 * time.Second,
		Hold:       5 * time.Minute,
		ProbeEvery: 10 * time.Second,
		ProbeFor:   time.Minute,
	}
}

// Database is one that an environment uses.
type Database struct {
	// URL of its REST API, as the application has it.
	URL string
	// Redis is where it speaks the Redis protocol over TLS; empty is the URL's
	// host and the usual port.
	Redis string
	// ID in the account; empty is looked up by the host's name.
	ID string
	// Password returns that of the default user, who keeps the list. It is
	// asked before each use; nil where none is configured.
	Password func(context.Context) (secret.Value, error)
}

// Config of a [Provider].
type Config struct {
	// BaseURL of the account's API; empty is [DefaultBaseURL].
	BaseURL string
	// Account returns the account's e-mail address and API key, joined by a
	// colon. It is asked before each use; nil where none is configured.
	Account func(context.Context) (secret.Value, error)
	// ByHand says that people reset databases in the console, where no API can.
	ByHand bool
	// Console is where they do; empty is [DefaultConsole].
	Console string
	// Databases by environment.
	Databases map[string]Database
	// Roots are trusted to sign the certificates of the Redis protocol; nil are
	// the system's.
	Roots *x509.CertPool
	// Own returns where Rekey keeps its own records, as host:port. It is asked
	// at each survey; nil where there is nothing to compare.
	Own func() (string, error)
	// Name gives ids to credentials that have none.
	Name providers.Namer
	// Variables that carry the credential; empty is UPSTASH_REDIS_REST_TOKEN.
	// What each carries is told by its name, see docs/configuration.md.
	Variables []string
	// HTTP makes the calls; nil is a client of its own.
	HTTP *http.Client
	// Timeout of one conversation over the Redis protocol; zero is
	// [DefaultTimeout].
	Timeout time.Duration
	// Waits are all taken as they are, unless all are zero: [DefaultWaits].
	Waits providers.Waits
}

// Provider is Upstash as one application uses it.
type Provider struct {
	api       *rest.Client
	databases map[string]*database // by environment; shared ones are the same
	form      form
	config    Config
}

// database is one, and how to reach it.
type database struct {
	name     string // of the host, or of the address's last part
	host     string // of the REST API
	redis    string // host:port
	id       string // in the account; "" is looked up
	api      *rest.Client
	password func(context.Context) (secret.Value, error)
}

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,99}$`)
	uuidForm = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
)

// New checks the configuration and makes no call.
func New(c Config) (*Provider, error) {
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("configuring Upstash: %w", err)
	}
	c = c.withDefaults()
	p := &Provider{config: c, databases: make(map[string]*database)}
	var err error
	if p.form, err = newForm(c.Variables); err != nil {
		return nil, fmt.Errorf("configuring Upstash: %w", err)
	}
	if p.api, err = rest.New(rest.Config{Base: c.BaseURL, HTTP: c.HTTP}); err != nil {
		return nil, fmt.Errorf("configuring Upstash: %w", err)
	}
	for env, d := range c.Databases {
		if p.databases[env], err = newDatabase(d, c.HTTP); err != nil {
			return nil, fmt.Errorf("configuring Upstash, %s: %w", env, err)
		}
	}
	return p, p.distinct()
}

func (c Config) check() error {
	switch w := c.Waits; {
	case len(c.Databases) == 0:
		return errors.New("the database of each environment is needed")
	case c.Name == nil:
		return errors.New("a namer is needed: the credentials of a reset have no id")
	case w != (providers.Waits{}) && (w.Settle < 0 || w.Hold < 0 || w.ProbeEvery <= 0 || w.ProbeFor <= 0):
		return errors.New("settle and hold must not be negative, probe_every and probe_for must be positive")
	}
	return nil
}

func (c Config) withDefaults() Config {
	if c.BaseURL == "" {
		c.BaseURL = DefaultBaseURL
	}
	if c.Console == "" {
		c.Console = DefaultConsole
	}
	if len(c.Variables) == 0 {
		c.Variables = []string{"UPSTASH_REDIS_REST_TOKEN"}
	}
	if c.Timeout <= 0 {
		c.Timeout = DefaultTimeout
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultWaits()
	}
	return c
}

func newDatabase(d Database, client *http.Client) (*database, error) {
	api, err := rest.New(rest.Config{Base: d.URL, HTTP: client})
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(d.URL)
	if err != nil {
		return nil, errors.New("the address is no URL") // unreachable: rest has read it
	}
	made := &database{name: nameOf(u), host: strings.ToLower(u.Hostname()), redis: d.Redis, id: d.ID, api: api, password: d.Password}
	if made.redis == "" {
		made.redis = net.JoinHostPort(u.Hostname(), port)
	}
	switch host, _, err := net.SplitHostPort(made.redis); {
	case err != nil || host == "":
		return nil, errors.New("where it speaks the Redis protocol must be host:port")
	case !nameForm.MatchString(made.name):
		return nil, errors.New("no name of the database can be told from its address")
	case d.ID != "" && !uuidForm.MatchString(d.ID):
		return nil, errors.New("the database's id must be the one that the console shows")
	}
	return made, nil
}

// nameOf is what a database is named after: the first part of its host's name,
// or the last of its path where databases share a host.
func nameOf(u *url.URL) string {
	if name := path.Base(strings.Trim(u.Path, "/")); name != "." && name != "/" {
		return name
	}
	if net.ParseIP(u.Hostname()) != nil {
		return u.Hostname()
	}
	first, _, _ := strings.Cut(strings.ToLower(u.Hostname()), ".")
	return first
}

// distinct makes environments with the same database share it, and refuses two
// databases of one name: ids are told apart by it.
func (p *Provider) distinct() error {
	byName := make(map[string]*database)
	for _, env := range sorted(p.databases) {
		d := p.databases[env]
		first, taken := byName[d.name]
		if !taken {
			byName[d.name] = d
			continue
		}
		if first.host != d.host || first.redis != d.redis || first.id != d.id {
			return fmt.Errorf("configuring Upstash: %s is named like another environment's database and is not the same", env)
		}
		if first.password == nil {
			first.password = d.password
		}
		p.databases[env] = first
	}
	return nil
}
