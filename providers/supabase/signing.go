package supabase

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// DefaultSigningWaits are the pauses that suit signing keys. Hold is what is
// added to the life of a project's tokens, which is read from the project.
func DefaultSigningWaits() providers.Waits {
	return providers.Waits{
		Hold:       15 * time.Minute,
		ProbeEvery: 5 * time.Second,
		ProbeFor:   5 * time.Minute,
	}
}

// Defaults of a [SigningConfig].
const (
	DefaultThrottle  = 5 * time.Minute
	DefaultTokenLife = 2 * time.Minute
	DefaultTable     = "rekey_probe"
)

// SigningConfig of a [Signing].
type SigningConfig struct {
	// BaseURL, ProjectURL, Token, Projects, HTTP and Quiet are as in [Config];
	// each environment has a project of its own.
	BaseURL    string
	ProjectURL string
	Token      func(context.Context) (secret.Value, error)
	Projects   map[string]string
	HTTP       *http.Client
	Quiet      time.Duration
	// Variable carries the secret, Previous the one before it; empty are
	// JWT_SECRET and JWT_SECRET_PREVIOUS.
	Variable, Previous string
	// Mints says that the application signs tokens itself instead of only
	// verifying those of Supabase Auth.
	Mints bool
	// Table is asked for with a token to see whether it is accepted; it need
	// not exist. Empty is [DefaultTable].
	Table string
	// Throttle is how long to wait when Supabase asks to and its words name no
	// moment; zero is [DefaultThrottle].
	Throttle time.Duration
	// TokenLife is how long tokens live that are made for a probe; zero is
	// [DefaultTokenLife].
	TokenLife time.Duration
	// Waits are all taken as they are, unless all are zero:
	// [DefaultSigningWaits]. Hold is added to the life of a project's tokens.
	Waits providers.Waits
}

// Signing is a set of Supabase projects whose signing keys are replaced.
type Signing struct {
	p      *Provider
	config SigningConfig
}

// NewSigning checks the configuration and makes no call.
func NewSigning(c SigningConfig) (*Signing, error) {
	c = c.withDefaults()
	refs := slices.Sorted(maps.Values(c.Projects))
	switch {
	case c.Variable == c.Previous:
		return nil, errors.New("configuring signing keys of Supabase: the value and the one before it need a variable each")
	case len(slices.Compact(refs)) < len(c.Projects):
		return nil, errors.New("configuring signing keys of Supabase: each environment needs a project of its own")
	case c.Throttle <= 0 || c.TokenLife <= 0:
		return nil, errors.New("configuring signing keys of Supabase: throttle and the life of tokens must be positive")
	case !tableForm.MatchString(c.Table):
		return nil, errors.New("configuring signing keys of Supabase: a table's name has lower case letters, digits and underscores")
	}
	p, err := New(Config{BaseURL: c.BaseURL, ProjectURL: c.ProjectURL, Token: c.Token, Variable: c.Variable, Projects: c.Projects, Quiet: c.Quiet, HTTP: c.HTTP, Waits: c.Waits})
	if err != nil {
		return nil, err
	}
	return &Signing{p: p, config: c}, nil
}

func (c SigningConfig) withDefaults() SigningConfig {
	if c.Variable == "" {
		c.Variable = "JWT_SECRET"
	}
	if c.Previous == "" {
		c.Previous = "JWT_SECRET_PREVIOUS"
	}
	if c.Table == "" {
		c.Table = DefaultTable
	}
	if c.Throttle == 0 {
		c.Throttle = DefaultThrottle
	}
	if c.TokenLife == 0 {
		c.TokenLife = DefaultTokenLife
	}
	if c.Waits == (providers.Waits{}) {
		c.Waits = DefaultSigningWaits()
	}
	return c
}

// Survey finds which signing key each environment's values belong to. A
// rotation may be under way: then the new value is known to nobody yet, and the
// one before it tells the project. Whether one may begin is asked of Clear.
func (s *Signing) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	const op = "looking at the signing keys of Supabase"
	if len(current) == 0 {
		return nil, fault.New(op, fault.NotFound, "no environment holds a secret")
	}
	token, err := s.p.token(ctx)
	if err != nil {
		return nil, err
	}
	k := &signingKey{s: s, known: make(map[string][]wireSigning), pass: make(map[string]secret.Value)}
	for _, env := range slices.Sorted(maps.Keys(current)) {
		ref, known := s.config.Projects[env]
		if !known {
			return nil, fault.New(op, fault.NotFound, "no project is configured for "+env)
		}
		if err := k.look(ctx, op, signed{env: env, ref: ref}, current[env], token); err != nil {
			return nil, err
		}
	}
	if err := k.apart(op); err != nil {
		return nil, err
	}
	return k, nil
}

// look surveys one environment.
func (k *signingKey) look(ctx context.Context, op string, at signed, values providers.Values, token secret.Value) error {
	env, ref := at.env, at.ref
	now, before, err := k.s.read(values)
	if err != nil {
		return fault.New(op, fault.Ambiguous, env+": "+err.Error())
	}
	if now.Equal(token) || before.Equal(token) {
		return fault.New(op, fault.Managed, env+" holds the very access token Rekey works with; that is no secret for signing")
	}
	keys, err := k.refresh(ctx, ref)
	if err != nil {
		return err
	}
	if err := k.s.migrated(ctx, op, env, ref, keys); err != nil {
		return err
	}
	if err := k.entrance(ctx, op, ref); err != nil {
		return err
	}
	life, err := k.s.life(ctx, ref)
	if err != nil {
		return err
	}
	k.life = max(k.life, life)
	return k.recognise(ctx, op, env, ref, now, before)
}

// apart holds that no two projects are signed for with one value: a token of one
// environment would open the other, and the value would not tell its key.
func (k *signingKey) apart(op string) error {
	for i, a := range k.held {
		for _, b := range k.held[i+1:] {
			if a.ref != b.ref && a.value.Equal(b.value) {
				return fault.New(op, fault.Ambiguous, a.env+" and "+b.env+" hold the same secret, and each project needs one of its own")
			}
		}
	}
	return nil
}

// recognise finds by trying whose value it is, because Supabase shows the
// values of its signing keys to nobody: a token that says to be of a key is
// accepted only if it was signed with the key's value.
func (k *signingKey) recognise(ctx context.Context, op, env, ref string, values ...secret.Value) error {
	certain := false
	for i, v := range values {
		if i > 0 && v.Equal(values[0]) {
			continue
		}
		id, err := k.of(ctx, op, ref, v)
		if err != nil {
			return err
		}
		certain = certain || id != ""
		k.mu.Lock()
		k.held = append(k.held, signed{env: env, ref: ref, id: id, value: v})
		k.mu.Unlock()
	}
	if !certain {
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("%s: project %s accepts no token that is signed with its %s; it belongs to another project, was changed, or is not the text that was imported (a line break at the end, or base64 twice)", env, ref, k.s.config.Variable))
	}
	return nil
}

// of is the trusted key that signs with a value, "" when there is none.
func (k *signingKey) of(ctx context.Context, op, ref string, v secret.Value) (string, error) {
	for _, w := range k.trusted(ref) {
		switch r := k.show(ctx, op, ref, w.ID, v); {
		case r.accepted:
			return w.ID, nil
		case !r.refused:
			return "", &fault.Error{Op: op, Class: fault.Again, Reason: fault.CannotMeasure, Status: r.status, Detail: "project " + ref + " could not be asked whether it accepts a token"}
		}
	}
	return "", nil
}

// migrated refuses a project that is not on signing keys, and one that signs
// with what no application can hold.
func (s *Signing) migrated(ctx context.Context, op, env, ref string, keys []wireSigning) error {
	at := slices.IndexFunc(keys, func(w wireSigning) bool { return w.Status == statusInUse })
	if at >= 0 && keys[at].Algorithm == algorithm {
		return nil
	}
	if at >= 0 {
		return fault.New(op, fault.Unsupported, fmt.Sprintf("project %s (%s) signs with %s: %s signs nothing there any more, and applications verify by the project's public keys. There is no value to rotate", ref, env, keys[at].Algorithm, s.config.Variable))
	}
	_, err := s.legacyKey(ctx, ref)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.New(op, fault.Unsupported, fmt.Sprintf("project %s (%s) is not on signing keys yet, and its legacy JWT secret cannot be rotated without signing everybody out. Nothing was changed. "+
			"Moving it is one way: the secret in use stays as the first signing key and nobody is signed out, but it can never be changed the old way again. If that is wanted, a person confirms it with Migrate JWT secret under %s; then start again",
			ref, env, signingConsole(ref)))
	case err != nil:
		return err
	}
	return fault.New(op, fault.Ambiguous, "project "+ref+" has signing keys and none of them is in use")
}

// signingConsole is where people see a project's signing keys.
func signingConsole(ref string) string {
	return "https://supabase.com/dashboard/project/" + ref + "/settings/jwt"
}
