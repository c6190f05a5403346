package infisical

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Place is where one environment's secrets lie in the project.
type Place struct {
	Environment string // slug, for example "prod"
	Path        string // folder, default "/"
}

func (p Place) String() string { return p.Environment + " (" + p.Path + ")" }

// SyncsUnread says what to do when the list of secret syncs cannot be read.
type SyncsUnread string

const (
	// SyncsAsk stops and asks a person: a sync nobody saw could deploy the
	// old value. It is the zero value.
	SyncsAsk SyncsUnread = ""
	// SyncsAccepted goes on. Somebody has made sure that no sync carries
	// values from these paths.
	SyncsAccepted SyncsUnread = "accepted"
)

// Source gives a part of the credential. It is asked at every login, and after
// a refused one at every call, so it should be quick: a file or a variable.
type Source func() (secret.Value, error)

// Fixed is a Source that always gives the same value.
func Fixed(v secret.Value) Source {
	return func() (secret.Value, error) { return v, nil }
}

// Config of a [Vault]. Zero durations and numbers mean the defaults named.
type Config struct {
	SiteURL      string           // https, or http on loopback; for example https://eu.infisical.com
	ProjectID    string           // v4 routes take the id only, not the slug
	ClientID     Source           // of the machine identity's universal auth
	ClientSecret Source           // of the same
	Environments map[string]Place // by the configuration's environment name
	Inboxes      map[string]Place // where people paste values, by the same names; may be left out
	SyncsUnread  SyncsUnread      // default: ask a person

	HTTP       *http.Client  // copied; the SDK uses its transport. Default: the zero http.Client
	Timeout    time.Duration // of one call, default 15 s
	LoginPause time.Duration // after a login without an answer, default 30 s: the server then has forgotten a bad one
	Log        *slog.Logger  // default: none
}

const (
	defaultTimeout    = 15 * time.Second
	defaultLoginPause = 30 * time.Second
)

var (
	slugForm = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)
	pathForm = regexp.MustCompile(`^/$|^(/[A-Za-z0-9_-]+)+$`)
	idForm   = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
)

// normal fills the defaults and returns every fault of the configuration at once.
func (c Config) normal() (Config, error) {
	c.SiteURL = strings.TrimSuffix(strings.TrimSuffix(c.SiteURL, "/"), "/api")
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.LoginPause == 0 {
		c.LoginPause = defaultLoginPause
	}
	if c.HTTP == nil {
		c.HTTP = new(http.Client)
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	places, err := normalPlaces(c.Environments)
	c.Environments = places
	inboxes, inboxErr := normalInboxes(c.Inboxes, places)
	c.Inboxes = inboxes
	return c, errors.Join(c.faults(), err, inboxErr)
}

func (c Config) faults() error {
	var faults []error
	if _, err := rest.ParseBase(c.SiteURL); err != nil {
		faults = append(faults, fmt.Errorf("reading the Infisical site URL: %w", err))
	}
	if !idForm.MatchString(c.ProjectID) {
		faults = append(faults, errors.New("the Infisical project id is missing or malformed"))
	}
	if c.ClientID == nil || c.ClientSecret == nil {
		faults = append(faults, errors.New("the Infisical client id and client secret need a source each"))
	}
	if c.SyncsUnread != SyncsAsk && c.SyncsUnread != SyncsAccepted {
		faults = append(faults, fmt.Errorf("unread secret syncs can be %q or left out, not %q", SyncsAccepted, c.SyncsUnread))
	}
	if c.Timeout < 0 || c.LoginPause < 0 {
		faults = append(faults, errors.New("the Infisical time limits must not be negative"))
	}
	return errors.Join(faults...)
}

// normalPlaces refuses two names for one place: writing staging would then
// write production.
func normalPlaces(given map[string]Place) (map[string]Place, error) {
	var faults []error
	places, owner := map[string]Place{}, map[Place]string{}
	for name, p := range given {
		p.Path = cleanPath(p.Path)
		if !slugForm.MatchString(p.Environment) || !pathForm.MatchString(p.Path) {
			faults = append(faults, fmt.Errorf("environment %q: %q with path %q is not an Infisical place", name, p.Environment, p.Path))
		}
		if other, taken := owner[p]; taken {
			faults = append(faults, fmt.Errorf("environments %q and %q are the same Infisical place %s", other, name, p))
		}
		places[name], owner[p] = p, name
	}
	if len(places) == 0 {
		faults = append(faults, errors.New("no environment has an Infisical place"))
	}
	return places, errors.Join(faults...)
}

// normalInboxes refuses an inbox that is another's, or that holds what
// applications read.
func normalInboxes(given, places map[string]Place) (map[string]Place, error) {
	var faults []error
	inboxes, owner := map[string]Place{}, map[Place]string{}
	for name, p := range places {
		owner[p] = "the values of " + name
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		p := given[name]
		p.Path = cleanPath(p.Path)
		if !slugForm.MatchString(p.Environment) || !pathForm.MatchString(p.Path) {
			faults = append(faults, fmt.Errorf("the inbox of %q: %q with path %q is not an Infisical place", name, p.Environment, p.Path))
		}
		if other, taken := owner[p]; taken {
			faults = append(faults, fmt.Errorf("the inbox of %q is the place of %s: %s", name, other, p))
		}
		inboxes[name], owner[p] = p, "the inbox of "+name
	}
	return inboxes, errors.Join(faults...)
}

func cleanPath(path string) string {
	return "/" + strings.Trim(path, "/")
}
