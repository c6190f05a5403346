package upstash

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/providers"
)

const opSurvey = "looking at the tokens of Upstash"

// Survey asks each environment's database whose its token is, and finds by the
// answer whether users can be exchanged or the whole database must be reset. It
// asks a person unless every token is one or the other, and when Rekey's own
// records are kept in one of the databases.
func (p *Provider) Survey(ctx context.Context, current map[string]providers.Values) (providers.Kind, error) {
	if len(current) == 0 {
		return nil, fault.New(opSurvey, fault.NotFound, "no environment holds a token")
	}
	parts := make(map[string]held, len(current))
	for _, env := range sorted(current) {
		o, err := p.form.read(current[env])
		if err != nil {
			return nil, fault.New(opSurvey, fault.Ambiguous, env+": "+err.Error())
		}
		d, known := p.databases[env]
		if !known {
			return nil, fault.New(opSurvey, fault.NotFound, "no database of "+env+" is configured")
		}
		parts[env] = held{d: d, own: o}
	}
	if err := p.notOurs(); err != nil {
		return nil, err
	}
	return p.sort(ctx, parts)
}

// sort tells users from the databases' own tokens. One rotation has one kind.
func (p *Provider) sort(ctx context.Context, parts map[string]held) (providers.Kind, error) {
	who := make(map[string]string, len(parts))
	for _, env := range sorted(parts) {
		name, err := p.who(ctx, env, parts[env])
		if err != nil {
			return nil, err
		}
		who[env] = name
	}
	ours := func(env string) bool { return who[env] == defaultUser }
	all := sorted(parts)
	switch {
	case !slices.ContainsFunc(all, ours):
		return p.surveyUsers(ctx, parts, who)
	case slices.ContainsFunc(all, func(env string) bool { return !ours(env) }):
		var told []string
		for _, env := range all {
			told = append(told, fmt.Sprintf("%s runs as user %s", env, who[env]))
		}
		return nil, fault.New(opSurvey, fault.Ambiguous, strings.Join(told, " and ")+": the first kind is replaced beside the old one, the second only by a reset. Move both environments to users of their own, or declare two secrets; nothing was changed")
	}
	return p.surveyReset(ctx, parts)
}

// who asks a database whose a token is.
func (p *Provider) who(ctx context.Context, env string, at held) (string, error) {
	s := at.d.ask(ctx, opSurvey, at.own.token, "/acl/whoami")
	switch {
	case s.result == readOnlyUser:
		return "", fault.New(opSurvey, fault.Ambiguous, env+" holds the read-only token of "+at.d.name+", which moves with the standard one: name both among the variables, the read-only one with READ_ONLY_TOKEN in its name")
	case userForm.MatchString(s.result):
		return s.result, nil
	case s.refused:
		return "", fault.New(opSurvey, fault.NotFound, fmt.Sprintf("%s refuses the token of %s: it was reset, its user was deleted or switched off, or it is another database's; upstash must name the application's UPSTASH_REDIS_REST_URL", at.d.name, env))
	case s.denied, s.foreign, s.status == http.StatusBadRequest && s.err != nil:
		return p.matched(ctx, env, at)
	case s.status == http.StatusUnauthorized:
		return "", &fault.Error{Op: opSurvey, Reason: fault.Garbled, Status: s.status, Detail: "the refusal is not the database's own"}
	case s.err == nil:
		return "", fault.New(opSurvey, fault.Garbled, at.d.name+" does not tell whose the token of "+env+" is")
	}
	return "", s.err
}

// matched finds the owner of a token that may not ask who it is: the database's
// own is shown by the account, and for a user the database gives that very
// token.
func (p *Provider) matched(ctx context.Context, env string, at held) (string, error) {
	if p.config.Account != nil {
		w, err := p.registered(ctx, opSurvey, at.d)
		if err != nil {
			return "", err
		}
		if w.Token.Equal(at.own.token) {
			return defaultUser, nil
		}
	}
	l, hangUp, err := p.as(ctx, opSurvey, at.d)
	if err != nil {
		return "", err
	}
	defer hangUp()
	all, err := l.users(ctx, opSurvey)
	if err != nil {
		return "", err
	}
	for _, e := range all {
		switch given, err := l.exchanged(ctx, opSurvey, e.name, at.own.token); {
		case err == nil && given.Equal(at.own.token):
			return e.name, nil
		case err != nil && !fault.Is(err, fault.Invalid) && !fault.Is(err, fault.Unauthorized):
			return "", err
		}
	}
	return "", fault.New(opSurvey, fault.Ambiguous, "whose the token of "+env+" is cannot be told: "+at.d.name+" does not answer it, and no user of its list has it")
}

// surveyUsers holds each environment's user against its database's list.
func (p *Provider) surveyUsers(ctx context.Context, parts map[string]held, who map[string]string) (providers.Kind, error) {
	k := &users{p: p, inUse: make(map[string]held)}
	for _, env := range sorted(parts) {
		at := parts[env]
		all, err := p.users(ctx, opSurvey, at.d)
		if err != nil {
			return nil, err
		}
		e, there := find(all, who[env])
		if wrong := p.unfit(e, there, at.own); wrong != "" {
			return nil, fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("user %s of %s, which %s uses, %s; nothing was changed", who[env], at.d.name, env, wrong))
		}
		if err := p.itself(ctx, env, at); err != nil {
			return nil, err
		}
		at.user, at.own.user = e, e.name
		k.inUse[env] = at
		k.known = append(k.known, known{d: at.d, name: e.name, token: at.own.token})
	}
	return k, nil
}

// unfit says why a user cannot be exchanged for another one like it.
func (p *Provider) unfit(e entry, there bool, o own) string {
	divided := slices.ContainsFunc(e.rules, func(rule string) bool { return strings.Contains(rule, "|") })
	switch {
	case !there:
		return "is not in its list"
	case !e.on:
		return "is switched off there, so the application cannot be working"
	case e.free:
		return "needs no password, and the service makes no more of that kind"
	case len(e.rules) == 0:
		return "has no rules there, so no other can be made like it"
	case divided:
		return "has rules for subcommands, which the service does not take any more: give the application a user without them once"
	case p.form.carries(readOnly):
		return "stands beside a read-only token, which is the default user's and moves with a reset only: make that a secret of its own"
	case o.user != "" && o.user != e.name:
		return "is not the one that the variables beside the token name"
	case p.form.carries(password) && !p.form.carries(user):
		return "has a password in a variable, and no variable carries its name, which changes, too: add one that ends in _USERNAME"
	}
	return ""
}

// itself refuses an application that runs on the password Rekey works with, and
// holds that the password beside a token is the same user's.
func (p *Provider) itself(ctx context.Context, env string, at held) error {
	hidden, err := at.d.keeper(ctx)
	if err != nil {
		return err
	}
	if hidden.Equal(at.own.token) || hidden.Equal(at.own.password) {
		return fault.New(opSurvey, fault.Managed, env+" runs on the very password Rekey works with; give the application a user of its own")
	}
	if at.own.password.IsZero() {
		return nil
	}
	return belongs(env, at.d, p.knock(ctx, opSurvey, at.d, at.own.user, at.own.password))
}

// belongs judges how a database takes the parts of a credential.
func belongs(env string, d *database, parts ...providers.Finding) error {
	at := slices.IndexFunc(parts, func(f providers.Finding) bool { return f.Liveness != providers.Alive })
	if at < 0 {
		return nil
	}
	switch found := parts[at]; found.Liveness {
	case providers.Refused:
		return fault.New(opSurvey, fault.Ambiguous, fmt.Sprintf("%s refuses a part of the credential of %s: the variables hold parts of two", d.name, env))
	default:
		return &fault.Error{Op: opSurvey, Class: fault.Again, Reason: fault.Unreachable, Detail: d.name + " answered " + found.Answer}
	}
}

// Sustains says which of the databases Rekey keeps its own records in, "" where
// that is none: switching off or resetting there could cut its own branch.
func (p *Provider) Sustains() (string, error) {
	if p.config.Own == nil {
		return "", nil
	}
	at, err := p.config.Own()
	if err != nil {
		return "", &fault.Error{Op: opSurvey, Reason: fault.CannotMeasure, Detail: "where Rekey keeps its own records cannot be read", Err: err}
	}
	for _, env := range sorted(p.databases) {
		if d := p.databases[env]; d.at(at) {
			return fmt.Sprintf("it keeps its own records in %s, the database of %s", d.name, env), nil
		}
	}
	return "", nil
}

// notOurs refuses databases that Rekey stands on itself.
func (p *Provider) notOurs() error {
	what, err := p.Sustains()
	if err == nil && what != "" {
		err = fault.New(opSurvey, fault.Managed, "Rekey stands on it: "+what+", and would cut itself off in the middle of a rotation. Move them to another server first; nothing was changed")
	}
	return err
}

// at reports whether an address is this database's. Machines that are named by
// number may have several, told apart by port.
func (d *database) at(address string) bool {
	host, its, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	own, door, _ := net.SplitHostPort(d.redis)
	host, own = plain(host), plain(own)
	switch {
	case net.ParseIP(host) != nil || host == "localhost":
		return host == own && its == door
	case host == own || host == plain(d.host):
		return true
	}
	first, rest, _ := strings.Cut(host, ".") // a region's name of the same database
	return strings.HasSuffix(rest, "upstash.io") && (first == d.name || strings.HasSuffix(first, "-"+d.name))
}

func plain(host string) string { return strings.ToLower(strings.TrimSuffix(host, ".")) }
