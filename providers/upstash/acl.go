package upstash

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/secret"
)

// The users of a database that are the service's own.
const (
	defaultUser  = "default"
	readOnlyUser = "default_ro"
)

// entry is a user as the list shows it.
type entry struct {
	name  string
	on    bool
	free  bool     // it needs no password
	rules []string // without state and passwords, in their order
}

// parsed reads a line of the list: user NAME on #hash ~* &* +@all. Names that
// others gave may be of any form; those that are asked for or ended have one.
func parsed(text string) (entry, bool) {
	fields := strings.Fields(text)
	if len(fields) < 3 || fields[0] != "user" {
		return entry{}, false
	}
	e := entry{name: fields[1]}
	stated := false
	for i := 2; i < len(fields); i++ {
		switch f := fields[i]; {
		case f == "on", f == "off":
			e.on, stated = f == "on", true
		case f == "nopass":
			e.free = true
		case f == "sanitize-payload", strings.HasPrefix(f, "#"):
		case strings.HasPrefix(f, "("): // a selector is one rule
			to := i
			for to < len(fields)-1 && !strings.HasSuffix(fields[to], ")") {
				to++
			}
			e.rules = append(e.rules, strings.Join(fields[i:to+1], " "))
			i = to
		default:
			e.rules = append(e.rules, f)
		}
	}
	return e, stated
}

// as opens a conversation with a database as its default user.
func (p *Provider) as(ctx context.Context, op string, d *database) (*line, context.CancelFunc, error) {
	hidden, err := d.keeper(ctx)
	if err != nil {
		return nil, nil, err
	}
	l, hangUp, err := p.dial(ctx, op, d)
	if err != nil {
		return nil, nil, err
	}
	if err := l.login(ctx, op, defaultUser, hidden); err != nil {
		hangUp()
		if fault.Is(err, fault.Unauthorized) {
			f := *fault.Of(err)
			f.Detail = "the password of the default user of " + d.name + " was refused: the database was reset, that user is switched off, or it is another one's"
			return nil, nil, &f
		}
		return nil, nil, err
	}
	return l, hangUp, nil
}

// keeper reads the password of the default user anew.
func (d *database) keeper(ctx context.Context) (secret.Value, error) {
	const op = "reading the password of an Upstash database's default user"
	if d.password == nil {
		return secret.Value{}, fault.New(op, fault.Unsupported, "none is configured for "+d.name+", and nobody else keeps its list of users: name it in upstash, admin_file")
	}
	v, err := d.password(ctx)
	if err != nil {
		cause := fault.Of(err)
		return secret.Value{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	if !passwordForm.MatchString(v.Reveal()) {
		return secret.Value{}, fault.New(op, fault.Ambiguous, "it has not the form of a password")
	}
	return v, nil
}

// users lists those of a database, the service's own left out. An entry that
// cannot be read is an error: absence from a part of a list is no absence.
func (p *Provider) users(ctx context.Context, op string, d *database) ([]entry, error) {
	l, hangUp, err := p.as(ctx, op, d)
	if err != nil {
		return nil, err
	}
	defer hangUp()
	return l.users(ctx, op)
}

func (l *line) users(ctx context.Context, op string) ([]entry, error) {
	answer, err := l.say(ctx, op, false, "ACL", "LIST")
	if err != nil {
		return nil, err
	}
	var all []entry
	var whole bool
	for _, item := range answer.list {
		e, ok := parsed(item.text)
		if !ok {
			return nil, fault.New(op, fault.Garbled, "an entry of the list of users cannot be read")
		}
		whole = whole || e.name == defaultUser
		if e.name != defaultUser && e.name != readOnlyUser {
			all = append(all, e)
		}
	}
	if !whole {
		return nil, fault.New(op, fault.Garbled, "the list of users is without the default one")
	}
	return all, nil
}

func find(all []entry, name string) (entry, bool) {
	at := slices.IndexFunc(all, func(e entry) bool { return e.name == name })
	if at < 0 {
		return entry{}, false
	}
	return all[at], true
}

// create makes a user with the rules of another one, and returns its token and
// its password. Both are the same where the service makes them; they are ours
// where it does not yet.
func (p *Provider) create(ctx context.Context, d *database, name string, like entry) (bearer, hidden secret.Value, err error) {
	const op = "creating a user at Upstash"
	if !userForm.MatchString(name) {
		return bearer, hidden, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "a user's name has 1 to 128 letters, digits, dots, hyphens and underscores"}
	}
	l, hangUp, err := p.as(ctx, op, d)
	if err != nil {
		return bearer, hidden, err
	}
	defer hangUp()
	if err := l.unnamed(ctx, op, name); err != nil {
		return bearer, hidden, err
	}
	made, err := l.generated(ctx, op, name)
	if err != nil {
		return bearer, hidden, err
	}
	hidden = made
	if made.IsZero() {
		hidden = random()
	}
	if err := l.set(ctx, op, slices.Concat([]string{name, "on", ">" + hidden.Reveal()}, like.rules)...); err != nil {
		return bearer, hidden, err
	}
	if bearer = made; made.IsZero() {
		bearer, err = l.exchanged(ctx, op, name, hidden)
	}
	if err == nil {
		err = l.compare(ctx, op, name, like)
	}
	return bearer, hidden, lost(op, err)
}

// unnamed refuses a name that is taken: rules and passwords would be added to
// those that are there.
func (l *line) unnamed(ctx context.Context, op, name string) error {
	answer, err := l.say(ctx, op, false, "ACL", "GETUSER", name)
	if err == nil && !answer.none {
		return fault.New(op, fault.Conflict, "there is a user "+name+" already")
	}
	return err
}

// generated asks for a token, which is a password, too. Zero where the service
// does not make them.
func (l *line) generated(ctx context.Context, op, name string) (secret.Value, error) {
	answer, err := l.say(ctx, op, false, "ACL", "GENTOKEN", name)
	if fault.Is(err, fault.Unsupported) {
		return secret.Value{}, nil
	}
	if err != nil {
		return secret.Value{}, err
	}
	if !tokenForm.MatchString(answer.text) {
		return secret.Value{}, fault.New(op, fault.Garbled, "the answer is no token")
	}
	return secret.New(answer.text), nil
}

// random is a password of our own making.
func random() secret.Value {
	text := make([]byte, 32)
	_, _ = rand.Read(text) // never fails: crypto/rand ends the program instead
	return secret.New(hex.EncodeToString(text))
}

// exchanged is the token for a user's password.
func (l *line) exchanged(ctx context.Context, op, name string, hidden secret.Value) (secret.Value, error) {
	answer, err := l.say(ctx, op, false, "ACL", "RESTTOKEN", name, hidden.Reveal())
	if err == nil && !tokenForm.MatchString(answer.text) {
		err = fault.New(op, fault.Garbled, "the answer is no token")
	}
	return secret.New(answer.text), err
}

// set changes a user. The service has stored and copied it when it answers.
func (l *line) set(ctx context.Context, op string, words ...string) error {
	answer, err := l.say(ctx, op, true, append([]string{"ACL", "SETUSER"}, words...)...)
	if err == nil && answer.text != "OK" {
		return unreadable(op, fault.Garbled, true)
	}
	return err
}

// compare holds a new user against the one whose rules it was given.
func (l *line) compare(ctx context.Context, op, name string, like entry) error {
	all, err := l.users(ctx, op)
	if err != nil {
		return err
	}
	if made, there := find(all, name); !there || !made.on || !slices.Equal(made.rules, like.rules) {
		return fault.New(op, fault.Ambiguous, fmt.Sprintf("user %s was made and has not the rules of %s; compare the two at Upstash", name, like.name))
	}
	return nil
}

// lost is a failure after the user was made.
func lost(op string, err error) error {
	if err == nil || fault.Is(err, fault.Ambiguous) {
		return err
	}
	cause := fault.Of(err)
	return &fault.Error{Op: op, Class: fault.Lost, Reason: cause.Reason, Status: cause.Status, Detail: cause.Detail, Err: err}
}

// switched switches a user on or off that is there: setting one that is not
// would make it.
func (p *Provider) switched(ctx context.Context, op string, d *database, name, state string) error {
	l, hangUp, err := p.as(ctx, op, d)
	if err != nil {
		return err
	}
	defer hangUp()
	all, err := l.users(ctx, op)
	if err != nil {
		return err
	}
	if _, there := find(all, name); !there {
		return fault.New(op, fault.NotFound, "there is no user "+name)
	}
	return l.set(ctx, op, name, state)
}

// remove deletes a user, whose connections end at once. One that is gone already
// is what was wanted.
func (p *Provider) remove(ctx context.Context, op string, d *database, name string) error {
	l, hangUp, err := p.as(ctx, op, d)
	if err != nil {
		return err
	}
	defer hangUp()
	answer, err := l.say(ctx, op, true, "ACL", "DELUSER", name)
	if err == nil && answer.text != "0" && answer.text != "1" {
		return unreadable(op, fault.Garbled, true)
	}
	return err
}
