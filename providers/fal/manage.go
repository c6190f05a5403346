package fal

import (
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"unicode/utf8"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

const scopeAPI = "API"

// pageSize is the documented example, which the service may cap; maxPages
// bounds a list that never ends.
const (
	pageSize = 50
	maxPages = 200
)

type wireKey struct {
	ID      string `json:"key_id"`
	Alias   string `json:"alias"`
	Scope   string `json:"scope"`
	Created string `json:"created_at"`
}

// pages is what every list of the API says about what follows. The members
// are required by the vendor's schema; has_more is a pointer because its
// absence must not look like the end.
type pages struct {
	Next *string `json:"next_cursor"`
	More *bool   `json:"has_more"`
}

// admin reads the ADMIN key anew.
func (p *Provider) admin(ctx context.Context) (key, error) {
	const op = "reading the ADMIN key of fal.ai"
	value, err := p.adminKey(ctx)
	if err != nil {
		cause := fault.Of(err)
		return key{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	k, ok := parse(value)
	if !ok {
		return key{}, fault.New(op, fault.Ambiguous, "it has not the form id:secret")
	}
	return k, nil
}

// asAdmin makes one call with the ADMIN key.
func (p *Provider) asAdmin(ctx context.Context, call rest.Call, out any) error {
	admin, err := p.admin(ctx)
	if err != nil {
		return err
	}
	call.Sign = authorize(admin.whole)
	_, err = p.api.Do(ctx, call, out)
	err = fault.Explained(err, "the ADMIN key was refused: it was deleted in the dashboard", fault.Unauthorized)
	return fault.Explained(err, "the key that Rekey works with must have the scope ADMIN", fault.Forbidden)
}

// authorize signs with the word Key; Bearer would be answered by a 401 that
// looks like a bad key.
func authorize(k secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Key "+k.Reveal()) }
}

// create makes a key. A 201 that does not hold a usable key is a lost answer:
// the key exists and its value is gone.
func (p *Provider) create(ctx context.Context, label string) (key, error) {
	const op, longest = "creating a key at fal.ai", 255
	if n := utf8.RuneCountInString(label); n < 1 || n > longest {
		return key{}, &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: "a label has 1 to 255 characters"}
	}
	var made struct {
		ID     string       `json:"key_id"`
		Secret secret.Value `json:"key_secret"`
		Key    secret.Value `json:"key"`
	}
	err := p.asAdmin(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: "/keys", Write: true,
		Body: map[string]string{"alias": label}, OK: []int{http.StatusCreated},
	}, &made)
	if err != nil {
		return key{}, err
	}
	k, ok := parse(made.Key)
	if !ok || !made.Key.Equal(secret.New(made.ID+":"+made.Secret.Reveal())) {
		return key{}, &fault.Error{
			Op: op, Class: fault.Lost, Reason: fault.Garbled, Status: http.StatusCreated,
			Detail: "the answer's key is not its key_id and key_secret joined by a colon",
		}
	}
	return k, nil
}

// keys follows the list to its end. Concluding "absent" from a part of it
// could end a rotation with the old key alive, so whatever is not whole is an
// error.
func (p *Provider) keys(ctx context.Context) ([]wireKey, error) {
	const op = "listing keys at fal.ai"
	var all []wireKey
	walk := newWalk(op)
	for !walk.done {
		var page struct {
			pages
			Keys *[]wireKey `json:"keys"`
		}
		query := url.Values{"limit": {strconv.Itoa(pageSize)}}
		if err := p.asAdmin(ctx, rest.Call{Op: op, Path: "/keys", Query: walk.on(query)}, &page); err != nil {
			return nil, err
		}
		if page.Keys == nil {
			return nil, fault.New(op, fault.Garbled, "the answer has no member keys")
		}
		for _, k := range *page.Keys {
			if k.ID == "" || k.Scope == "" {
				return nil, fault.New(op, fault.Garbled, "a key has no id or no scope")
			}
		}
		all = append(all, *page.Keys...)
		if err := walk.next(page.pages); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// remove deletes by id. The 204 says nothing, not even that the id existed.
func (p *Provider) remove(ctx context.Context, id providers.ID) error {
	const op = "deleting a key at fal.ai"
	refuse := func(detail string) error {
		return &fault.Error{Op: op, Class: fault.Never, Reason: fault.Invalid, Detail: detail}
	}
	if !idForm.MatchString(string(id)) {
		return refuse("that is not a key id")
	}
	admin, err := p.admin(ctx)
	if err != nil {
		return err
	}
	if id == admin.id {
		return refuse("key " + string(id) + " is the ADMIN key Rekey works with")
	}
	return p.asAdmin(ctx, rest.Call{
		Op: op, Method: http.MethodDelete, Path: "/keys/" + url.PathEscape(string(id)), Write: true,
		Header: http.Header{"Idempotency-Key": {idempotencyKey(id)}}, OK: []int{http.StatusNoContent},
	}, nil)
}

// idempotencyKey is a UUID (version 8 of RFC 9562) that every attempt to
// delete the same id shares, whichever process makes it.
func idempotencyKey(id providers.ID) string {
	u := sha256.Sum256([]byte("rekey deletes the fal.ai key " + id))
	u[6] = u[6]&0x0f | 0x80
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[0:4], u[4:6], u[6:8], u[8:10], u[10:16])
}
