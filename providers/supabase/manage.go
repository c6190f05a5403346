package supabase

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
	"rekey/providers"
)

// The types of a key.
const (
	typeSecret      = "secret"
	typePublishable = "publishable"
	typeLegacy      = "legacy"
)

// wireKey is a key as the Management API lists it. Its value is not asked for.
type wireKey struct {
	ID       string       `json:"id"`
	Name     string       `json:"name"`
	Type     string       `json:"type"`
	Prefix   string       `json:"prefix"`
	Hash     secret.Value `json:"hash"`
	Inserted string       `json:"inserted_at"`
}

func (k wireKey) made() time.Time {
	at, _ := time.Parse(time.RFC3339, k.Inserted) // a time in another form only costs the age
	return at
}

// odd reports a key about which nothing can be concluded. The legacy pair has
// no id that could be deleted.
func (k wireKey) odd() bool {
	switch k.Type {
	case typeSecret:
		return !idForm.MatchString(k.ID) || k.Name == "" || k.Prefix == ""
	case typePublishable, typeLegacy:
		return false
	default:
		return k.Name != "anon" && k.Name != "service_role"
	}
}

// refused is what the Management API says when a token may not do something.
type refused struct {
	Missing []string `json:"missing_permissions"`
}

// rights are the permissions that the token needs here, and all that is
// repeated of a refusal.
var rights = []string{"api_gateway_keys_read", "api_gateway_keys_write", "analytics_logs_read", "auth_signing_keys_read", "auth_signing_keys_write", "auth_config_read"}

// token reads the access token anew.
func (p *Provider) token(ctx context.Context) (secret.Value, error) {
	const op = "reading the access token of Supabase"
	v, err := p.config.Token(ctx)
	switch {
	case err != nil:
		cause := fault.Of(err)
		return secret.Value{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	case v.IsZero():
		return secret.Value{}, fault.New(op, fault.Ambiguous, "it is empty")
	case v.HasPrefix(secretMark), v.HasPrefix(publishableMark):
		return secret.Value{}, fault.New(op, fault.Ambiguous, "it is a key of a project, not an access token (sbp_…)")
	}
	return v, nil
}

// asAdmin makes one call of the Management API with the access token.
func (p *Provider) asAdmin(ctx context.Context, call rest.Call, out any) error {
	token, err := p.token(ctx)
	if err != nil {
		return err
	}
	var said refused
	call.Sign, call.Refusal = bearer(token), &said
	answer, err := p.api.Do(ctx, call, out)
	return explained(err, answer, said)
}

func bearer(token secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+token.Reveal()) }
}

// explained adds what only Supabase says: the permissions that a token lacks,
// and when its rate limit is over.
func explained(err error, answer rest.Answer, said refused) error {
	if err == nil {
		return nil
	}
	f := *fault.Of(err)
	var lacks []string
	for _, right := range rights {
		if slices.Contains(said.Missing, right) {
			lacks = append(lacks, right)
		}
	}
	if f.Reason == fault.Forbidden && len(lacks) > 0 {
		f.Detail = "the access token lacks " + strings.Join(lacks, " and ") + "; permissions of a token cannot be changed, so make another one"
	}
	if f.Reason == fault.Forbidden && f.Detail == "" {
		f.Detail = "the access token does not reach this project, or lacks a permission: " + strings.Join(rights, ", ") + " are all that is asked with, as docs/providers.md lists by secret"
	}
	if f.Reason == fault.Unauthorized && f.Detail == "" {
		f.Detail = "the access token was refused: it was revoked, has expired, or is another account's; one for these projects is made in the dashboard, under account, access tokens"
	}
	const longest = 3600 // seconds; its window is a minute
	seconds, odd := strconv.Atoi(answer.Header.Get("X-RateLimit-Reset"))
	if f.Reason == fault.RateLimited && f.RetryAfter == 0 && odd == nil && seconds > 0 {
		f.RetryAfter = time.Duration(min(seconds, longest)) * time.Second
	}
	return &f
}

func keysPath(ref string) string { return "/v1/projects/" + ref + "/api-keys" }

// keys lists a project. The list has no pages: it is whole or an error.
func (p *Provider) keys(ctx context.Context, ref string) ([]wireKey, error) {
	const op = "listing keys at Supabase"
	var all []wireKey
	if err := p.asAdmin(ctx, rest.Call{Op: op, Path: keysPath(ref), Query: url.Values{"reveal": {"false"}}}, &all); err != nil {
		return nil, err
	}
	if slices.ContainsFunc(all, wireKey.odd) {
		return nil, fault.New(op, fault.Garbled, "a key of project "+ref+" has no id, name, prefix or known type")
	}
	return all, nil
}

// madeKey is a key with its value, which is asked for this once.
type madeKey struct {
	wireKey
	Value secret.Value `json:"api_key"`
}

// create makes a key. A 201 that does not hold a usable key is a lost answer:
// the key exists and its value is not known.
func (p *Provider) create(ctx context.Context, op, ref, name string) (madeKey, error) {
	var made madeKey
	err := p.asAdmin(ctx, rest.Call{
		Op: op, Method: http.MethodPost, Path: keysPath(ref), Query: url.Values{"reveal": {"true"}}, Write: true,
		Body: map[string]string{"type": typeSecret, "name": name, "description": "Made by Rekey"}, OK: []int{http.StatusCreated},
	}, &made)
	if err != nil {
		return madeKey{}, err
	}
	if !idForm.MatchString(made.ID) || made.Type != typeSecret || made.Name != name || unlike(made.Value) != "" {
		return madeKey{}, &fault.Error{Op: op, Class: fault.Lost, Reason: fault.Garbled, Status: http.StatusCreated, Detail: "the answer is no secret key called " + name + " with its value"}
	}
	return made, nil
}

// remove deletes by id. Nothing to delete is what was wanted.
func (p *Provider) remove(ctx context.Context, op, ref string, id providers.ID) error {
	err := p.asAdmin(ctx, rest.Call{
		Op: op, Method: http.MethodDelete, Path: keysPath(ref) + "/" + url.PathEscape(string(id)), Write: true,
		Query: url.Values{"reason": {"rotation"}, "was_compromised": {"false"}},
	}, nil)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
