package upstash

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// users is the kind whose credential is a user of the list.
type users struct {
	p     *Provider
	inUse map[string]held // by environment

	mu    sync.Mutex
	known []known
}

// held is what an environment used when it was surveyed.
type held struct {
	d    *database
	user entry
	own  own
}

// known is a token of which it is known whose it is.
type known struct {
	d     *database
	name  string
	token secret.Value
	fresh bool // made here, and not yet asked who it is
}

func (k known) id() providers.ID { return providers.ID(k.d.name + "/" + k.name) }

var (
	_ providers.Kind         = (*users)(nil)
	_ providers.PlacedIssuer = (*users)(nil)
	_ providers.Lister       = (*users)(nil)
	_ providers.Prober       = (*users)(nil)
	_ providers.Ender        = (*users)(nil)
	_ providers.Disabler     = (*users)(nil)
	_ providers.Disguiser    = (*users)(nil)
)

// signatures are what a refused token leaves in an application's log. Another
// Redis has other words after WRONGPASS, or no Upstash beside it.
var signatures = []string{
	`(?i)\bWRONGPASS invalid or missing auth token`,
	`(?i)\bupstash\b[^\n]{0,200}\b(WRONGPASS|401 unauthorized)\b`,
	`(?i)\b(WRONGPASS|401 unauthorized)\b[^\n]{0,200}\bupstash\b`,
}

// Traits of a user.
func (k *users) Traits() providers.Traits {
	return providers.Traits{
		Kind:       "Upstash ACL user",
		Service:    "Upstash",
		Shape:      providers.Overlap,
		PublicID:   true,
		UndoOfEnd:  true,
		EndIs:      "switched off first, which can be undone in seconds, and deleted with its user after one more watch, which cannot",
		Drain:      "open connections of the old user, which end when it is switched off. The database's own default token is another credential and lives on: where the application ever ran on it, it must be reset once",
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// Identify returns database and user of a token that the survey saw or that was
// made here: the token itself does not tell.
func (k *users) Identify(v providers.Values) (providers.ID, error) {
	const op = "identifying a token of Upstash"
	o, err := k.p.form.read(v)
	if err != nil {
		return "", fault.New(op, fault.Ambiguous, err.Error())
	}
	if found, ok := k.whose(o.token); ok {
		return found.id(), nil
	}
	return "", fault.New(op, fault.Ambiguous, "it is not known whose token this is")
}

func (k *users) whose(v secret.Value) (known, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, candidate := range k.known {
		if candidate.token.Equal(v) {
			return candidate, true
		}
	}
	return known{}, false
}

func (k *users) learn(found known) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.known = slices.DeleteFunc(k.known, func(old known) bool { return old.token.Equal(found.token) })
	k.known = append(k.known, found)
}

// IssueIn makes a user like the one that the environment uses, beside it.
func (k *users) IssueIn(ctx context.Context, environment, label string) (providers.Credential, error) {
	at, surveyed := k.inUse[environment]
	if !surveyed {
		return providers.Credential{}, fault.New("creating a user at Upstash", fault.NotFound, fmt.Sprintf("no token of %q was looked at", environment))
	}
	bearer, hidden, err := k.p.create(ctx, at.d, label, at.user)
	if err != nil {
		return providers.Credential{}, err
	}
	found := known{at.d, label, bearer, true}
	k.learn(found)
	o := own{token: bearer, password: hidden, user: label, addresses: at.own.addresses}
	return providers.Credential{ID: found.id(), Values: k.p.form.spread(o), Label: label, Made: time.Now().UTC()}, nil
}

// List returns the users of every database, also those that are switched off.
// The service's own are none of ours to end.
func (k *users) List(ctx context.Context) ([]providers.Credential, error) {
	var all []providers.Credential
	for _, d := range k.databases() {
		found, err := k.p.users(ctx, "listing users at Upstash", d)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			all = append(all, providers.Credential{ID: known{d: d, name: e.name}.id(), Label: e.name})
		}
	}
	return all, nil
}

// databases are those of the environments, each once.
func (k *users) databases() []*database {
	var all []*database
	for _, env := range sorted(k.inUse) {
		if d := k.inUse[env].d; !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	return all
}

// Probe asks the token's database; where that is not known, all of them. A token
// made here lives when the database also says that it is the new user's.
func (k *users) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	const op = "probing a token at Upstash"
	o, err := k.p.form.read(v)
	if err != nil {
		return providers.Finding{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: err.Error()}
	}
	owner, ok := k.whose(o.token)
	if !ok {
		return k.p.anywhere(ctx, op, k.databases(), o, o.user), nil
	}
	found := k.p.probe(ctx, op, owner.d, o, owner.name)
	if found.Liveness == providers.Alive && owner.fresh {
		return k.confirmed(ctx, op, owner, found), nil
	}
	return found, nil
}

// confirmed asks once whose a new token is.
func (k *users) confirmed(ctx context.Context, op string, owner known, found providers.Finding) providers.Finding {
	who := owner.d.ask(ctx, op, owner.token, "/acl/whoami")
	switch {
	case who.result == owner.name, who.denied, who.foreign:
		owner.fresh = false
		k.learn(owner)
		return found
	case who.result != "":
		return providers.Finding{Liveness: providers.Unclear, Answer: "accepted, as another user than the new one"}
	default:
		return providers.Finding{Liveness: providers.Unclear, Answer: "accepted, and not told as whom"}
	}
}

// Disable switches a user off.
func (k *users) Disable(ctx context.Context, id providers.ID) error {
	const op = "switching off a user at Upstash"
	d, name, err := k.named(op, id)
	if err != nil {
		return err
	}
	return k.p.switched(ctx, op, d, name, "off")
}

// Enable switches it on again.
func (k *users) Enable(ctx context.Context, id providers.ID) error {
	const op = "switching on a user at Upstash"
	d, name, err := k.named(op, id)
	if err != nil {
		return err
	}
	return k.p.switched(ctx, op, d, name, "on")
}

// End deletes a user for good.
func (k *users) End(ctx context.Context, id providers.ID) error {
	const op = "deleting a user at Upstash"
	d, name, err := k.named(op, id)
	if err != nil {
		return err
	}
	return k.p.remove(ctx, op, d, name)
}

// named takes an id apart. The service's own users are never touched.
func (k *users) named(op string, id providers.ID) (*database, string, error) {
	where, name, _ := strings.Cut(string(id), "/")
	at := slices.IndexFunc(k.databases(), func(d *database) bool { return d.name == where })
	if at < 0 || !userForm.MatchString(name) || name == defaultUser || name == readOnlyUser {
		return nil, "", &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "that is no user of a database that was looked at, or one of the service's own"}
	}
	return k.databases()[at], name, nil
}

// Disguises are the texts that a token carries in its encoding.
func (k *users) Disguises(v providers.Values) []secret.Value { return k.p.disguises(v) }

func (p *Provider) disguises(v providers.Values) []secret.Value {
	o, err := p.form.read(v)
	if err != nil {
		return nil
	}
	return append(inside(o.token), inside(o.readOnly)...)
}
