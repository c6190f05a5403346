package upstash

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// resets is what both kinds have in common whose credentials are the databases'
// own: a reset replaces all of them at once.
type resets struct {
	p     *Provider
	inUse map[string]held         // by environment
	shown map[string]wireDatabase // by environment, as the account shows it

	mu   sync.Mutex
	made map[string]own // by database's name
}

// called is the kind that the account's API resets.
type called struct{ *resets }

var (
	_ providers.Kind         = (*called)(nil)
	_ providers.PlacedIssuer = (*called)(nil)
	_ providers.Current      = (*called)(nil)
	_ providers.Prober       = (*called)(nil)
	_ providers.Disguiser    = (*called)(nil)
	_ providers.Tailer       = (*called)(nil)
)

// surveyReset holds each environment's credential against what the account shows
// of its database.
func (p *Provider) surveyReset(ctx context.Context, parts map[string]held) (providers.Kind, error) {
	k := &resets{p: p, inUse: parts, shown: make(map[string]wireDatabase), made: make(map[string]own)}
	switch {
	case p.config.Account == nil && p.config.ByHand:
		return k.byHand(ctx)
	case p.config.Account == nil:
		return nil, fault.New(opSurvey, fault.Unsupported, "the application runs on the database's own token, which only a reset of the whole database replaces, and no API key of the account is configured (admin). "+
			"An account that a platform made has none: there people reset in the console (upstash.by_hand), or the application is given a user of its own once. Nothing was changed")
	}
	for _, env := range sorted(parts) {
		at := parts[env]
		w, err := p.registered(ctx, opSurvey, at.d)
		if err != nil {
			return nil, err
		}
		if err := p.certain(ctx, env, at, w); err != nil {
			return nil, err
		}
		k.shown[env] = w
	}
	return &called{k}, nil
}

// certain holds that everything that the variables carry is this database's.
func (p *Provider) certain(ctx context.Context, env string, at held, w wireDatabase) error {
	part := func(what string) error {
		return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("%s of %s is not that of database %s (%s)", what, env, at.d.name, w.ID))
	}
	differs := func(have, shown secret.Value) bool { return !have.IsZero() && !shown.IsZero() && !have.Equal(shown) }
	o := at.own
	switch {
	case w.State != "" && w.State != "active":
		return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("database %s of %s is %s at Upstash", at.d.name, env, w.State[:min(len(w.State), 20)]))
	case differs(o.token, w.Token):
		return part("the token")
	case differs(o.readOnly, w.ReadOnly):
		return part("the read-only token")
	case differs(o.password, w.Password):
		return part("the password")
	case o.user != "" && o.user != defaultUser:
		return part("the user beside the token")
	case w.Token.IsZero() && !at.d.public() && !names(o.token, w.ID):
		return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("nothing tells that the token of %s is that of database %s: the account does not show it", env, w.ID))
	}
	return belongs(env, at.d, p.parts(ctx, opSurvey, at.d, o, defaultUser)...)
}

// Traits of a reset.
func (k *resets) Traits() providers.Traits {
	return providers.Traits{
		Kind:    "Upstash database credentials",
		Service: "Upstash",
		Shape:   providers.Cutover,
		EndIs:   "the reset ends every credential of the database at once: both REST tokens and the password of the Redis protocol",
		Drain: "whatever reads a credential of this database, also its read-only token, its password in REDIS_URL or KV_URL, or a platform's own copy: all die together, and each is answered 401 until it is deployed with the new ones. " +
			"Where the plan is paid, a user of its own for the application would be exchanged without an outage",
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// Identify returns a fingerprint: the service gives these credentials no id.
func (k *resets) Identify(v providers.Values) (providers.ID, error) {
	o, err := k.p.form.read(v)
	if err != nil {
		return "", fault.New("identifying a token of Upstash", fault.Ambiguous, err.Error())
	}
	return k.p.config.Name(o.token), nil
}

// Tail is of the token: an address ends in the same for all, and a token in what
// fills it up.
func (k *resets) Tail(v providers.Values) string {
	o, err := k.p.form.read(v)
	if err != nil {
		return ""
	}
	return unfilled(o.token).Last4()
}

// IssueIn resets the environment's database, unless that has happened since the
// survey: an earlier request of ours may have arrived late, or a person was
// faster. What is there then is the successor, and another reset would end it. The
// service takes no label.
func (k *called) IssueIn(ctx context.Context, environment, _ string) (providers.Credential, error) {
	const op = "resetting a database at Upstash"
	at, surveyed := k.inUse[environment]
	if !surveyed {
		return providers.Credential{}, fault.New(op, fault.NotFound, fmt.Sprintf("no token of %q was looked at", environment))
	}
	id := k.shown[environment].ID
	w, err := k.p.look(ctx, op, at.d, id)
	if err == nil && (w.bare(k.p.form) || w.Token.Equal(at.own.token)) {
		w, err = k.p.reset(ctx, at.d, id, at.own.token)
	}
	if err != nil {
		return providers.Credential{}, err
	}
	return k.credential(at, w), nil
}

// credential is what a database shows, as the application reads it.
func (k *resets) credential(at held, w wireDatabase) providers.Credential {
	o := own{token: w.Token, readOnly: w.ReadOnly, password: w.Password, user: defaultUser, addresses: at.own.addresses}
	k.mu.Lock()
	k.made[at.d.name] = o
	k.mu.Unlock()
	return providers.Credential{ID: k.p.config.Name(w.Token), Values: k.p.form.spread(o), Made: time.Now().UTC()}
}

// Probe asks the credential's database about each of its parts; where that is
// not known, all of them.
func (k *resets) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	const op = "probing a token at Upstash"
	o, err := k.p.form.read(v)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	var all []*database
	for _, env := range sorted(k.inUse) {
		at := k.inUse[env]
		if at.own.token.Equal(o.token) || k.latest(at.d).Equal(o.token) {
			return k.p.probe(ctx, op, at.d, o, defaultUser), nil
		}
		if !slices.Contains(all, at.d) {
			all = append(all, at.d)
		}
	}
	return k.p.anywhere(ctx, op, all, o, defaultUser), nil
}

func (k *resets) latest(d *database) secret.Value {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.made[d.name].token
}

// Disguises are the texts that a token carries in its encoding, and what else
// dies with it: a variable that holds the database's read-only token or its
// password must move too.
func (k *resets) Disguises(v providers.Values) []secret.Value {
	all := k.p.disguises(v)
	for _, env := range sorted(k.shown) {
		if o, err := k.p.form.read(v); err == nil && o.token.Equal(k.inUse[env].own.token) {
			all = append(all, k.shown[env].ReadOnly, k.shown[env].Password)
		}
	}
	return slices.DeleteFunc(all, secret.Value.IsZero)
}
