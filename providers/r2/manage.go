package r2

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// pageSize is the largest that the API gives; maxPages bounds a list that never
// ends. An account has 500 tokens at most.
const (
	pageSize = 50
	maxPages = 200
)

// The states of a token.
const (
	active   = "active"
	disabled = "disabled"
	expired  = "expired"
)

// token is a token as the account shows it.
type token struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Status    string          `json:"status"`
	Issued    string          `json:"issued_on"`
	Expires   string          `json:"expires_on"`
	NotBefore string          `json:"not_before"`
	Policies  []policy        `json:"policies"`
	Condition json.RawMessage `json:"condition"`
	Value     secret.Value    `json:"value"` // after creating, and never again
}

// order is a token as it is asked for. A change replaces the whole token, so
// all of it is always sent; what only the service sets is not.
type order struct {
	Name      string          `json:"name"`
	Policies  []policy        `json:"policies"`
	Condition json.RawMessage `json:"condition,omitempty"`
	Expires   string          `json:"expires_on,omitempty"`
	NotBefore string          `json:"not_before,omitempty"`
	Status    string          `json:"status,omitempty"`
}

func (t token) order() order {
	return order{Name: t.Name, Policies: t.Policies, Condition: t.condition(), Expires: t.Expires, NotBefore: t.NotBefore}
}

// condition is what was set, nil when nothing was.
func (t token) condition() json.RawMessage {
	if compact(t.Condition) == "{}" {
		return nil
	}
	return t.Condition
}

// at reads one of the service's times; in another form it is unknown.
func at(text string) time.Time {
	t, _ := time.Parse(time.RFC3339, text)
	return t
}

// odd reports a token about which nothing can be concluded.
func (t token) odd() bool {
	return t.ID == "" || !slices.Contains([]string{active, disabled, expired}, t.Status)
}

// envelope is around every answer of the API.
type envelope[T any] struct {
	Success bool `json:"success"`
	Result  *T   `json:"result"`
	Info    struct {
		Total *int `json:"total_count"`
	} `json:"result_info"`
}

// admin reads the admin token anew.
func (p *Provider) admin(ctx context.Context) (secret.Value, error) {
	const op = "reading the admin token of Cloudflare"
	v, err := p.config.AdminToken(ctx)
	if err != nil {
		cause := fault.Of(err)
		return secret.Value{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	switch {
	case v.HasPrefix(personal):
		return secret.Value{}, fault.New(op, fault.Unsupported, "it is a person's and not the account's: it would die with the person's access, and the account's tokens are not its to manage")
	case !tokenForm.MatchString(v.Reveal()):
		return secret.Value{}, fault.New(op, fault.Ambiguous, "it has not the form of an API token")
	}
	return v, nil
}

func bearer(v secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+v.Reveal()) }
}

// asAdmin makes one call with the admin token and opens the envelope.
func asAdmin[T any](ctx context.Context, p *Provider, call rest.Call) (envelope[T], error) {
	admin, err := p.admin(ctx)
	if err != nil {
		return envelope[T]{}, err
	}
	call.Sign = bearer(admin)
	e, err := ask[T](ctx, p, call)
	return e, p.turnedDown(err)
}

// turnedDown says what may be wrong with the admin token, and what it needs.
func (p *Provider) turnedDown(err error) error {
	err = fault.Explained(err, "the admin token was refused: it was deleted or switched off, has expired, or an IP filter of it does not admit Rekey's address", fault.Unauthorized)
	return fault.Explained(err, "the admin token needs Account API Tokens: Edit and Workers R2 Storage: Read, for the audit log Account Settings: Read, in account "+p.config.Account, fault.Forbidden)
}

func ask[T any](ctx context.Context, p *Provider, call rest.Call) (envelope[T], error) {
	var e envelope[T]
	call.Path = "/accounts/" + p.config.Account + call.Path
	if _, err := p.api.Do(ctx, call, &e); err != nil {
		return e, err
	}
	if !e.Success || e.Result == nil {
		f := fault.New(call.Op, fault.Garbled, "the answer claims no success")
		if call.Write {
			f.Class = fault.Lost
		}
		return e, f
	}
	return e, nil
}

// adminID is the id of the admin token, which must be active. The account's own
// path is asked: the one for people's tokens refuses those of the account.
func (p *Provider) adminID(ctx context.Context) (providers.ID, error) {
	const op = "verifying the admin token of Cloudflare"
	e, err := asAdmin[token](ctx, p, rest.Call{Op: op, Path: "/tokens/verify"})
	if err != nil {
		return "", err
	}
	if t := *e.Result; t.odd() || t.Status != active {
		return "", fault.New(op, fault.Unauthorized, "it is not active")
	}
	return providers.ID(e.Result.ID), nil
}

// tokens follows the list to its end, expired ones included. Absence from a
// part of it would be no absence, so whatever is not whole is an error.
func (p *Provider) tokens(ctx context.Context) ([]token, error) {
	const op = "listing tokens at Cloudflare"
	var all []token
	for page := range maxPages {
		query := url.Values{"page": {strconv.Itoa(page + 1)}, "per_page": {strconv.Itoa(pageSize)}, "include_expired": {"true"}}
		e, err := asAdmin[[]token](ctx, p, rest.Call{Op: op, Path: "/tokens", Query: query})
		if err != nil {
			return nil, err
		}
		if e.Info.Total == nil || slices.ContainsFunc(*e.Result, token.odd) {
			return nil, fault.New(op, fault.Garbled, "the answer is no list of tokens with their states and their number")
		}
		for _, t := range *e.Result {
			if !slices.ContainsFunc(all, func(known token) bool { return known.ID == t.ID }) {
				all = append(all, t) // one that moved from page to page counts once
			}
		}
		switch {
		case len(all) >= *e.Info.Total:
			return all, nil
		case len(*e.Result) == 0:
			return nil, &fault.Error{Op: op, Class: fault.Again, Reason: fault.Garbled, Detail: fmt.Sprintf("%d of %d tokens were listed", len(all), *e.Info.Total)}
		}
	}
	return nil, fault.New(op, fault.TooLarge, "the list does not end")
}

// bucket makes sure that a bucket is there: nothing else notices a wrong name.
func (p *Provider) bucket(ctx context.Context, env, name string) error {
	call := rest.Call{Op: surveying, Path: "/r2/buckets/" + url.PathEscape(name)}
	if p.config.Jurisdiction != DefaultJurisdiction {
		call.Header = http.Header{"Cf-R2-Jurisdiction": {p.config.Jurisdiction}}
	}
	type found struct {
		Name string `json:"name"`
	}
	e, err := asAdmin[found](ctx, p, call)
	switch {
	case fault.Is(err, fault.NotFound):
		return fault.New(surveying, fault.NotFound, fmt.Sprintf("the account has no bucket %s in jurisdiction %s, which r2.buckets names for %s", name, p.config.Jurisdiction, env))
	case err != nil:
		return err
	case e.Result.Name != name:
		return fault.New(surveying, fault.Garbled, "another bucket was shown than the one asked for")
	}
	return nil
}

// create makes a token that may do what the old one may, for as long as that
// was made for.
func (p *Provider) create(ctx context.Context, label string, old token) (token, error) {
	const op, longest = "creating a token at Cloudflare", 120
	if n := utf8.RuneCountInString(label); n < 1 || n > longest {
		return token{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "a label has 1 to 120 characters"}
	}
	o := old.order()
	o.Name, o.NotBefore, o.Expires = label, "", old.successor(time.Now())
	e, err := asAdmin[token](ctx, p, rest.Call{Op: op, Method: http.MethodPost, Path: "/tokens", Write: true, Body: o})
	if err != nil {
		return token{}, err
	}
	made := *e.Result
	switch {
	case !idForm.MatchString(made.ID) || !tokenForm.MatchString(made.Value.Reveal()) || made.ID == old.ID:
		return token{}, &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Status: http.StatusOK, Detail: "the answer holds no new token with its value"}
	case !old.like(made):
		return token{}, fault.New(op, fault.Ambiguous, fmt.Sprintf("token %s was made and does not grant what %s grants; compare the two at Cloudflare", made.ID, old.ID))
	}
	return made, nil
}

// successor is when a token made now ends that lives as long as this one; ""
// when never.
func (t token) successor(now time.Time) string {
	begun, ends := at(t.Issued), at(t.Expires)
	if begun.IsZero() || ends.IsZero() {
		return t.Expires // in another form: the same end, rather than none
	}
	return now.Add(ends.Sub(begun)).UTC().Format(time.RFC3339)
}

// look shows one token.
func (p *Provider) look(ctx context.Context, op string, id providers.ID) (token, error) {
	e, err := asAdmin[token](ctx, p, rest.Call{Op: op, Path: "/tokens/" + string(id)})
	if err != nil {
		return token{}, err
	}
	if e.Result.odd() || e.Result.ID != string(id) {
		return token{}, fault.New(op, fault.Garbled, "another token was shown than the one asked for")
	}
	return *e.Result, nil
}

// set gives a token a state. The whole token is sent back as it is: what is
// left out would be lost.
func (p *Provider) set(ctx context.Context, op string, id providers.ID, status string) error {
	now, err := p.look(ctx, op, id)
	switch {
	case err != nil:
		return err
	case now.Status == status, now.Status == expired && status == disabled:
		return nil
	}
	o := now.order()
	o.Status = status
	e, err := asAdmin[token](ctx, p, rest.Call{Op: op, Method: http.MethodPut, Path: "/tokens/" + string(id), Write: true, Body: o})
	if err != nil {
		return err
	}
	if e.Result.ID != string(id) || e.Result.Status != status || !now.like(*e.Result) {
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer does not show token " + string(id) + " as it was, but " + status}
	}
	return nil
}

// remove deletes a token by its id. One that is gone already is what was
// wanted; whether it is, the list tells.
func (p *Provider) remove(ctx context.Context, op string, id providers.ID) error {
	e, err := asAdmin[token](ctx, p, rest.Call{Op: op, Method: http.MethodDelete, Path: "/tokens/" + string(id), Write: true})
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case e.Result.ID != string(id):
		return &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Detail: "the answer names another token than " + string(id)}
	}
	return nil
}
