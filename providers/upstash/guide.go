package upstash

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rekey/internal/fault"
	"rekey/providers"
)

// manual is the kind that people reset in the console, for accounts that have no
// API: those that a platform made.
type manual struct{ *resets }

var (
	_ providers.Kind      = (*manual)(nil)
	_ providers.Guide     = (*manual)(nil)
	_ providers.Prober    = (*manual)(nil)
	_ providers.Disguiser = (*manual)(nil)
	_ providers.Tailer    = (*manual)(nil)
)

// byHand holds that every part of each credential lives at its own database:
// nobody else can be asked.
func (k *resets) byHand(ctx context.Context) (providers.Kind, error) {
	for _, env := range sorted(k.inUse) {
		at := k.inUse[env]
		if at.own.user != "" && at.own.user != defaultUser {
			return nil, fault.New(opSurvey, fault.Ambiguous, "the user beside the token of "+env+" is not the database's own")
		}
		if err := belongs(env, at.d, k.p.parts(ctx, opSurvey, at.d, at.own, defaultUser)...); err != nil {
			return nil, err
		}
	}
	return &manual{k}, nil
}

// Traits of a reset that people make.
func (k *manual) Traits() providers.Traits {
	t := k.resets.Traits()
	t.Kind, t.Guided = "Upstash database credentials, reset by hand", true
	return t
}

// Guide says how to reset a database and where its credentials are then.
func (k *manual) Guide(e providers.Errand) (providers.Guidance, error) {
	at, surveyed := k.inUse[e.Environment]
	if !surveyed {
		return providers.Guidance{}, fault.New("saying how to reset a database at Upstash", fault.NotFound, "no token of "+e.Environment+" was looked at")
	}
	steps := []string{
		fmt.Sprintf("Open the database whose endpoint begins with `%s`, and no other.", at.d.name),
		"Open the inbox of the vault in another window first: from the next click on, whatever uses the database fails until the new values are deployed.",
		"Under Settings press Reset Credentials, and confirm. Press it once: each reset ends what the one before made.",
	}
	for _, name := range k.p.form.variables {
		steps = append(steps, fmt.Sprintf("For `%s` copy %s.", name, shownAt[roleOf(name)]))
	}
	return providers.Guidance{Console: k.p.config.Console, Steps: steps}, nil
}

// shownAt says where the console shows what a variable carries.
var shownAt = map[role]string{
	token:    "the token under Connect, REST",
	readOnly: "the token under Connect, REST, with Read-Only Token switched on",
	password: "the password under Connect, TCP",
	user:     "the word `" + defaultUser + "`, or leave what is there",
	address:  "the whole address under Connect, TCP, that begins with rediss://",
}

// Inspect holds what was pasted against its form and asks the environment's
// database about each part of it.
func (k *manual) Inspect(ctx context.Context, e providers.Errand, values providers.Values) (providers.Inspection, error) {
	const op = "trying new credentials at Upstash"
	at, surveyed := k.inUse[e.Environment]
	if !surveyed {
		return providers.Inspection{}, fault.New(op, fault.NotFound, "no token of "+e.Environment+" was looked at")
	}
	o, err := k.p.form.read(trimmed(values))
	if err != nil {
		return providers.Inspection{Wrong: "What was pasted is not whole: " + err.Error() + ". The console has a button to copy each."}, nil
	}
	wrong, err := k.p.misplaced(ctx, op, at.d, o)
	if old := k.stale(o); err == nil && old != "" {
		wrong = old
	}
	if wrong != "" || err != nil {
		return providers.Inspection{Wrong: wrong}, err
	}
	return k.tried(ctx, op, e, at, o)
}

// stale recognises what was in use before.
func (k *manual) stale(o own) string {
	for _, env := range sorted(k.inUse) {
		old := k.inUse[env].own
		switch {
		case o.token.Equal(old.token):
			return fmt.Sprintf("That is the token which %s uses, or used until the reset. The new one is shown after Reset Credentials.", env)
		case !o.readOnly.IsZero() && o.readOnly.Equal(old.readOnly), !o.password.IsZero() && o.password.Equal(old.password):
			return fmt.Sprintf("A part of what was pasted is from before the reset of %s. Copy all of it anew.", env)
		}
	}
	return ""
}

// misplaced says whose a token is, if not the database's own.
func (p *Provider) misplaced(ctx context.Context, op string, d *database, o own) (string, error) {
	s := d.ask(ctx, op, o.token, "/acl/whoami")
	switch {
	case s.result == defaultUser:
		return "", nil
	case s.result == readOnlyUser:
		return "That is the read-only token. The standard one is needed, shown with Read-Only Token switched off.", nil
	case s.result != "":
		return "That is the token of a user of the list. The database's own is needed.", nil
	case s.refused:
		return fmt.Sprintf("Database %s refuses the token: it is another database's, was reset again, or a part of it is missing.", d.name), nil
	}
	return "", s.err
}

// tried holds that every part lives.
func (k *manual) tried(ctx context.Context, op string, e providers.Errand, at held, o own) (providers.Inspection, error) {
	parts := k.p.parts(ctx, op, at.d, o, defaultUser)
	is := func(l providers.Liveness) bool {
		return slices.ContainsFunc(parts, func(f providers.Finding) bool { return f.Liveness == l })
	}
	switch {
	case is(providers.Refused):
		return providers.Inspection{Wrong: fmt.Sprintf("Database %s takes the token and refuses another part of what was pasted. Copy all of it from the same database, after the last reset.", at.d.name)}, nil
	case is(providers.Unclear):
		return providers.Inspection{Wait: true}, nil
	}
	return providers.Inspection{Credential: k.taken(e, at, o)}, nil
}

// taken is the credential as the application reads it: of its own addresses
// nothing changes but the password.
func (k *resets) taken(e providers.Errand, at held, o own) providers.Credential {
	w := wireDatabase{Token: o.token, ReadOnly: o.readOnly, Password: o.password}
	c := k.credential(at, w)
	c.Label, c.Made = e.Label, time.Now().UTC()
	return c
}

// trimmed are values without the white space that pasting brings along.
func trimmed(values providers.Values) providers.Values {
	clean := make(providers.Values, len(values))
	for name, v := range values {
		clean[name] = v.Trimmed()
	}
	return clean
}
