package bundle

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Config of an [Attester]. Zero fields mean the defaults named.
type Config struct {
	URL        string   // of the page; https, or http on loopback; may have a query
	Hosts      []string // further hosts that may serve its scripts, such as a CDN's
	Deployment string   // name of the answer's header that names the deployment; "" for none
	InARow     int      // visits that must agree, default 6
	MaxVisits  int      // of one proof, default 40
	Pause      time.Duration
	MaxFiles   int           // of one visit, the page included; default 300
	MaxFile    int64         // bytes of one file, default 8 MiB
	MaxTotal   int64         // bytes of one visit, default 64 MiB
	Timeout    time.Duration // of one request, default 10 s
	HTTP       *http.Client  // copied; default: the zero http.Client
	// Part is what of a value is looked for; nil is all of it. A key inside a URL
	// is told by itself: a build may write the rest otherwise.
	Part func(name string, v secret.Value) secret.Value
}

// Attester looks into one page. It may be used by several goroutines.
type Attester struct {
	config Config
	page   *url.URL
	hosts  map[string]bool
}

// New checks the configuration and fills in the defaults.
func New(c Config) (*Attester, error) {
	c.InARow, c.MaxVisits = either(c.InARow, 6), either(c.MaxVisits, 40)
	c.MaxFiles, c.MaxFile, c.MaxTotal = either(c.MaxFiles, 300), either(c.MaxFile, 8<<20), either(c.MaxTotal, 64<<20)
	c.Timeout = either(c.Timeout, 10*time.Second)
	base, query, _ := strings.Cut(c.URL, "?")
	page, err := rest.ParseBase(base)
	if err != nil {
		return nil, fmt.Errorf("bundle: %w", err)
	}
	if _, err := url.ParseQuery(query); err != nil || strings.Contains(query, "#") {
		return nil, errors.New("bundle: the URL's query is malformed")
	}
	page.RawQuery = query
	switch {
	case c.InARow < 1 || c.MaxVisits < c.InARow || c.Pause < 0 || c.Timeout < 0:
		return nil, errors.New("bundle: at least one visit must agree, no more than may be made, and waits must not be negative")
	case c.MaxFiles < 1 || c.MaxFile < 1 || c.MaxTotal < c.MaxFile:
		return nil, errors.New("bundle: bounds must be positive, and that of all files no less than that of one")
	}
	a := &Attester{config: c, page: page, hosts: map[string]bool{page.Host: true}}
	for _, h := range c.Hosts {
		a.hosts[h] = true
	}
	return a, nil
}

// either is the value, or the default for a zero one.
func either[T comparable](v, fallback T) T {
	var zero T
	if v == zero {
		return fallback
	}
	return v
}

// telling is the length below which a text could be in any script by chance.
const telling = 8

// Attest visits until a row of visits agrees on the new value, or that it is
// not the one in use, or until the visits are spent. A stale value of zero is
// never recognised. A visit that could not be made whole ends it with an error.
func (a *Attester) Attest(ctx context.Context, name string, fresh, stale secret.Value) (deploy.Testimony, error) {
	op := "looking for " + name + " in the scripts of the page"
	isNew, isOld := a.marks(name, fresh), a.marks(name, stale)
	switch {
	case len(isNew) == 0:
		return deploy.Testimony{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "there is no value to look for, or it is too short to be told from other text"}
	case len(isOld) > 0 && isOld[0].Equal(isNew[0]):
		isOld = nil
	}
	h := hearing{inARow: a.config.InARow}
	seen := make(map[string]known)
	for n := range a.config.MaxVisits {
		if n > 0 {
			if err := pause(ctx, a.config.Pause); err != nil {
				return deploy.Testimony{}, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Interrupted, Err: err}
			}
		}
		v := visit{a: a, op: op, isNew: isNew, isOld: isOld, seen: seen}
		if err := v.make(ctx); err != nil {
			return deploy.Testimony{}, err
		}
		if h.hear(v); h.settled() {
			break
		}
	}
	return h.testimony(), nil
}

// pause waits between two visits.
func pause(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// marks are the texts by which a value is known in a script: as it is, and as
// builds write it into strings and pages.
func (a *Attester) marks(name string, v secret.Value) []secret.Value {
	if a.config.Part != nil && !v.IsZero() {
		v = a.config.Part(name, v)
	}
	if v.Len() < telling {
		return nil
	}
	text := v.Reveal()
	all := []secret.Value{v}
	for _, written := range []string{strings.ReplaceAll(text, "/", `\/`), strings.ReplaceAll(text, "&", `\u0026`), strings.ReplaceAll(text, "&", `\x26`), strings.ReplaceAll(text, "&", "&amp;")} {
		if written != text {
			all = append(all, secret.New(written))
		}
	}
	return all
}

// deploymentForm is what a watch can be scoped to.
var deploymentForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// hearing collects the visits of one proof.
type hearing struct {
	inARow     int
	row        int
	last       found
	deployment string // of the last visit for the new value
	counts     deploy.Testimony
}

func (h *hearing) hear(v visit) {
	is := found{isNew: v.found.isNew && !v.found.isOld, isOld: v.found.isOld}
	if is != h.last {
		h.row = 0
	}
	h.last = is
	h.row++
	switch {
	case is.isNew:
		h.counts.New++
		h.deployment = v.deployment
	case is.isOld:
		h.counts.Old++
	default:
		h.counts.Other++
	}
}

func (h *hearing) settled() bool { return h.row >= h.inARow }

func (h *hearing) testimony() deploy.Testimony {
	t := h.counts
	t.Kind, t.Agreed = deploy.ByBundle, h.settled() && h.last.isNew
	if t.Agreed {
		t.Deployment = h.deployment
	}
	return t
}
