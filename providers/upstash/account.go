package upstash

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// wireDatabase is a database as the account shows it. Its description lists no
// credentials; the service shows them all the same.
type wireDatabase struct {
	ID       string       `json:"database_id"`
	Endpoint string       `json:"endpoint"`
	State    string       `json:"state"`
	Token    secret.Value `json:"rest_token"`
	ReadOnly secret.Value `json:"read_only_rest_token"`
	Password secret.Value `json:"password"`
}

// key reads the account's key anew: e-mail address, colon, key.
func (p *Provider) key(ctx context.Context) (mail string, key secret.Value, err error) {
	const op = "reading the account's API key of Upstash"
	if p.config.Account == nil {
		return "", key, fault.New(op, fault.Unsupported, "none is configured")
	}
	v, err := p.config.Account(ctx)
	if err != nil {
		cause := fault.Of(err)
		return "", key, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	mail, hidden, both := strings.Cut(v.Reveal(), ":")
	if !both || !strings.Contains(mail, "@") || !passwordForm.MatchString(hidden) {
		return "", key, fault.New(op, fault.Ambiguous, "it has not the form e-mail:key")
	}
	return mail, secret.New(hidden), nil
}

// asAccount makes one call with the account's key.
func (p *Provider) asAccount(ctx context.Context, call rest.Call, out any) error {
	mail, key, err := p.key(ctx)
	if err != nil {
		return err
	}
	call.Sign = func(r *http.Request, _ []byte) { r.SetBasicAuth(mail, key.Reveal()) }
	answer, err := p.api.Do(ctx, call, out)
	if answer.Status == http.StatusUnauthorized || answer.Status == http.StatusForbidden {
		f := *fault.Of(err)
		f.Detail = "the account's API key was refused: it was deleted, may only read, or the account is one that a platform made, which has no such API"
		return &f
	}
	return err
}

// registered is the account's own entry of a database, with its credentials
// where the service shows them.
func (p *Provider) registered(ctx context.Context, op string, d *database) (wireDatabase, error) {
	id := d.id
	if id == "" {
		var all []wireDatabase
		if err := p.asAccount(ctx, rest.Call{Op: op, Path: "/v2/redis/databases"}, &all); err != nil {
			return wireDatabase{}, err
		}
		at := slices.IndexFunc(all, func(w wireDatabase) bool { return d.named(w.Endpoint) })
		if at < 0 {
			return wireDatabase{}, fault.New(op, fault.NotFound, "the account whose key is configured has no database "+d.name)
		}
		id = all[at].ID
	}
	return p.look(ctx, op, d, id)
}

// look reads one database, and holds that it is the one that is meant.
func (p *Provider) look(ctx context.Context, op string, d *database, id string) (wireDatabase, error) {
	if !uuidForm.MatchString(id) {
		return wireDatabase{}, fault.New(op, fault.Garbled, "a database has no id")
	}
	var w wireDatabase
	if err := p.asAccount(ctx, rest.Call{Op: op, Path: "/v2/redis/database/" + url.PathEscape(id)}, &w); err != nil {
		return wireDatabase{}, err
	}
	if w.ID != id || d.public() && !d.named(w.Endpoint) {
		return wireDatabase{}, fault.New(op, fault.Ambiguous, "database "+id+" of the account is not "+d.name)
	}
	return w, nil
}

// named reports whether an endpoint of the account is this database's: its name
// alone, or its whole host.
func (d *database) named(endpoint string) bool {
	return endpoint != "" && (endpoint == d.name || strings.EqualFold(endpoint, d.host))
}

// public reports a database with an address of the service's own.
func (d *database) public() bool { return strings.HasSuffix(d.host, ".upstash.io") }

// errBare says that an answer has no credentials in it.
var errBare = errors.New("the answer has no credentials")

// reset makes new credentials of a database and ends all old ones. Where the
// answer does not hold them they are read, and the call is never repeated.
func (p *Provider) reset(ctx context.Context, d *database, id string, before secret.Value) (wireDatabase, error) {
	const op = "resetting the credentials of a database at Upstash"
	var w wireDatabase
	err := p.asAccount(ctx, rest.Call{Op: op, Method: http.MethodPost, Path: "/v2/redis/reset-password/" + url.PathEscape(id), Write: true}, &w)
	if err != nil {
		return wireDatabase{}, fault.Settled(err, "it is not sent again before the database has been read: a second reset would end what the first has made")
	}
	if w.bare(p.form) {
		if w, err = p.look(ctx, op, d, id); err == nil && w.bare(p.form) {
			err = fault.New(op, fault.Garbled, errBare.Error())
		}
	}
	if err == nil && w.Token.Equal(before) {
		err = fault.New(op, fault.Garbled, "the database still shows the old token")
	}
	return w, lost(op, err)
}

// bare reports an entry that does not hold what the variables carry.
func (w wireDatabase) bare(f form) bool {
	lacks := func(r role, v secret.Value, form interface{ MatchString(string) bool }) bool {
		return f.carries(r) && !form.MatchString(v.Reveal())
	}
	return lacks(token, w.Token, tokenForm) || lacks(readOnly, w.ReadOnly, tokenForm) || lacks(password, w.Password, passwordForm) || lacks(address, w.Password, passwordForm)
}
