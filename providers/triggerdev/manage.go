package triggerdev

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

// refusal is the server's own error body.
type refusal struct {
	Error string `json:"error"`
}

// theirs reports that the body was the server's own.
func (r refusal) theirs() bool { return r.Error != "" }

// unknown reports the server's own word that it does not know a key.
func (r refusal) unknown() bool {
	text := strings.ToLower(r.Error)
	return strings.HasPrefix(text, "invalid") && strings.Contains(text, "api key")
}

// bearer signs with a key or a token.
func bearer(v secret.Value) func(*http.Request, []byte) {
	return func(r *http.Request, _ []byte) { r.Header.Set("Authorization", "Bearer "+v.Reveal()) }
}

// token reads the access token anew.
func (p *Provider) token(ctx context.Context) (secret.Value, error) {
	const op = "reading the personal access token of Trigger.dev"
	v, err := p.config.AdminKey(ctx)
	if err != nil {
		cause := fault.Of(err)
		return secret.Value{}, &fault.Error{Op: op, Class: cause.Class, Reason: cause.Reason, Err: err}
	}
	if !tokenForm.MatchString(v.Reveal()) {
		return secret.Value{}, fault.New(op, fault.Ambiguous, "it has not the form tr_pat_…; a key of an environment cannot administer itself")
	}
	return v, nil
}

// asAdmin makes one call with the access token.
func (p *Provider) asAdmin(ctx context.Context, call rest.Call, out any) (refusal, error) {
	var said refusal
	v, err := p.token(ctx)
	if err != nil {
		return said, err
	}
	call.Sign, call.Refusal = bearer(v), &said
	answer, err := p.api.Do(ctx, call, out)
	switch answer.Status {
	case http.StatusUnauthorized:
		return said, detailed(err, "the personal access token was refused: it was revoked, or belongs to another server")
	case http.StatusForbidden:
		return said, detailed(err, "the personal access token lacks the right to write API keys of that environment")
	}
	return said, err
}

func detailed(err error, detail string) error {
	f := *fault.Of(err)
	f.Detail = detail
	return &f
}

// path of an environment.
func (at Place) path() string {
	return "/api/v1/projects/" + url.PathEscape(at.Project) + "/" + url.PathEscape(at.Environment)
}

// environment is one of a project's, as the list has it.
type environment struct {
	Slug string `json:"slug"`
	Type string `json:"type"`
}

// types are what the list calls the environments.
var types = map[string]string{"staging": "STAGING", "prod": "PRODUCTION", "preview": "PREVIEW"}

// exists asks, with the token, whether a place is there.
func (p *Provider) exists(ctx context.Context, env string, at Place) error {
	const op = "listing the environments of a project at Trigger.dev"
	var all []environment
	_, err := p.asAdmin(ctx, rest.Call{Op: op, Path: "/api/v1/projects/" + url.PathEscape(at.Project) + "/environments"}, &all)
	switch {
	case fault.Is(err, fault.NotFound):
		return detailed(err, "project "+at.Project+" of "+env+" is not there, or not one that the access token may see")
	case err != nil:
		return err
	}
	for _, e := range all {
		if e.Type == types[at.Environment] || e.Slug == at.Environment || e.Slug == prefixes[at.Environment] {
			return nil
		}
	}
	return fault.New(op, fault.NotFound, "project "+at.Project+" has no environment "+at.Environment+", which the configuration names for "+env)
}
