package infisical

import (
	"context"
	"fmt"
	"log/slog"
	"regexp"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// Vault is the environments of one Infisical project. It is safe for
// concurrent use.
type Vault struct {
	places  map[string]Place
	inboxes map[string]Place
	syncs   SyncsUnread
	v4      *v4
	sdk     sdkClient
	keeper  *keeper
	log     *slog.Logger
}

var (
	_ deploy.Vault = (*Vault)(nil)
	_ deploy.Names = (*Vault)(nil)
	_ deploy.Inbox = (*Vault)(nil)
)

// New checks the configuration, all of it at once. It does not call the
// server: the first call logs in.
func New(given Config) (*Vault, error) {
	c, err := given.normal()
	if err != nil {
		return nil, err
	}
	client, err := rest.New(rest.Config{Base: c.SiteURL, HTTP: c.HTTP, Timeout: c.Timeout, MaxBody: maxBody})
	if err != nil {
		return nil, err
	}
	k := &keeper{id: c.ClientID, key: c.ClientSecret, pause: c.LoginPause, log: c.Log, now: time.Now}
	sdk := sdkClient{site: c.SiteURL, project: c.ProjectID, over: c.HTTP.Transport, timeout: c.Timeout}
	k.signIn = func(ctx context.Context, id, key secret.Value) (*session, error) {
		return sdk.signIn(ctx, id, key, k.now())
	}
	return &Vault{
		places: c.Environments, inboxes: c.Inboxes, syncs: c.SyncsUnread, keeper: k, log: c.Log,
		v4: &v4{rest: client, project: c.ProjectID}, sdk: sdk,
	}, nil
}

// Read implements [deploy.Vault]. It asks a person (fault.Managed) about a
// reference, an import, a rotated and a hidden value, and (fault.Unsupported)
// about a secret sync that carries the folder away. A name that is not there
// is fault.NotFound. A value that was blanked is an entry without a value.
func (v *Vault) Read(ctx context.Context, environment string, names []string) (map[string]deploy.Entry, error) {
	const op = "reading from Infisical"
	p, err := v.place(op, environment, names...)
	if err != nil {
		return nil, err
	}
	found, err := v.current(ctx, op, p, names)
	if err != nil {
		return nil, err
	}
	entries := make(map[string]deploy.Entry, len(found))
	for name, s := range found {
		entries[name] = s.entry()
	}
	return entries, nil
}

// ReadVersion implements [deploy.Vault]. Made is when the version was made.
// Metadata is absent: the server shows it with the current version only.
func (v *Vault) ReadVersion(ctx context.Context, environment, name string, version int) (deploy.Entry, error) {
	op := fmt.Sprintf("reading version %d of %s from Infisical", version, name)
	p, err := v.place(op, environment, name)
	if err != nil {
		return deploy.Entry{}, err
	}
	if version < 1 {
		return deploy.Entry{}, never(op, "versions are counted from 1")
	}
	got, err := withSession(ctx, v.keeper, func(s *session) (wireSecret, error) {
		return v.v4.get(ctx, s, op, ref{place: p, name: name, version: version})
	})
	switch {
	case err != nil:
		return deploy.Entry{}, err
	case got.Version != version:
		return deploy.Entry{}, fault.New(op, fault.Garbled, fmt.Sprintf("the answer is version %d", got.Version))
	case got.elsewhere(p) || got.hidden():
		return deploy.Entry{}, v.unmanageable(ctx, op, p, got)
	case got.Value.IsZero():
		return deploy.Entry{}, fault.New(op, fault.NotFound, "the version is there without a value: it was redacted or blank")
	}
	e := got.entry()
	e.Metadata = nil
	return e, nil
}

// All implements [deploy.Names]. References come back as they are written,
// imports not at all. Values that are hidden from the identity are
// fault.Managed: whether one of them is an alias cannot be told.
func (v *Vault) All(ctx context.Context, environment string) ([]deploy.Entry, error) {
	const op = "listing an environment in Infisical"
	p, err := v.place(op, environment)
	if err != nil {
		return nil, err
	}
	list, err := withSession(ctx, v.keeper, func(s *session) ([]wireSecret, error) {
		return v.v4.list(ctx, s, op, p, true)
	})
	if err != nil {
		return nil, err
	}
	entries := make([]deploy.Entry, 0, len(list))
	for _, s := range list {
		if s.hidden() {
			return nil, fault.New(op, fault.Managed, fmt.Sprintf("%s in %s is hidden from the machine identity", shown(s.Key), p))
		}
		entries = append(entries, s.entry())
	}
	return entries, nil
}

// current reads what may be written: every name's current version, refused by
// name where the value is not ours to replace.
func (v *Vault) current(ctx context.Context, op string, p Place, names []string) (map[string]wireSecret, error) {
	if err := v.unsynced(ctx, op, p); err != nil {
		return nil, err
	}
	found := make(map[string]wireSecret, len(names))
	for _, name := range names {
		got, err := v.one(ctx, op, p, name)
		if err != nil {
			return nil, err
		}
		found[name] = got
	}
	return found, nil
}

func (v *Vault) one(ctx context.Context, op string, p Place, name string) (wireSecret, error) {
	read := func(imports bool) (wireSecret, error) {
		return withSession(ctx, v.keeper, func(s *session) (wireSecret, error) {
			return v.v4.get(ctx, s, op, ref{place: p, name: name, imports: imports})
		})
	}
	got, err := read(false)
	if fault.Is(err, fault.NotFound) {
		imported, importErr := read(true)
		if importErr != nil || !imported.elsewhere(p) {
			return wireSecret{}, absent(err, p, name)
		}
		got, err = imported, nil
	}
	if err != nil {
		return wireSecret{}, err
	}
	return got, v.unmanageable(ctx, op, p, got)
}

// absent says which name is not where.
func absent(err error, p Place, name string) error {
	f := *fault.Of(err)
	detail := fmt.Sprintf("%s is not in %s", name, p)
	if f.Detail != "" {
		detail += "; " + f.Detail
	}
	f.Detail = detail
	return &f
}

var nameForm = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

// place finds the environment and checks names. The SDK does not escape names
// in its paths, and "batch" is a route.
func (v *Vault) place(op, environment string, names ...string) (Place, error) {
	p, known := v.places[environment]
	if !known {
		return Place{}, never(op, fmt.Sprintf("no Infisical place is configured for environment %q", environment))
	}
	for _, name := range names {
		if !nameForm.MatchString(name) || name == "batch" {
			return Place{}, never(op, fmt.Sprintf("%q is not a name that Rekey can manage", name))
		}
	}
	return p, nil
}

func never(op, detail string) error {
	return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: detail}
}

func (s wireSecret) entry() deploy.Entry {
	e := deploy.Entry{ID: s.ID, Name: s.Key, Version: s.Version, Value: s.Value, Made: s.made(), Metadata: map[string]string{}}
	for _, m := range s.Metadata {
		e.Metadata[m.Key] = m.Value
	}
	return e
}

// shown makes a name from the server fit for people: the server accepts
// anything as a name, a value pasted into the wrong field included.
func shown(name string) string {
	if nameForm.MatchString(name) && len(name) <= 128 {
		return name
	}
	return "(a name that is no variable name)"
}
