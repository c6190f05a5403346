package infisical

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"rekey/internal/fault"
	"rekey/internal/rest"
	"rekey/internal/secret"
)

const (
	typeShared = "shared" // never a developer's personal override
	maxBody    = 8 << 20  // a folder of some ten thousand secrets
)

// wireSecret is a secret as the server describes it
// (https://infisical.com/docs/api-reference/endpoints/secrets/read).
type wireSecret struct {
	ID          string       `json:"id"`
	Environment string       `json:"environment"`
	Path        string       `json:"secretPath"` // absent in answers to an update
	Version     int          `json:"version"`
	Type        string       `json:"type"`
	Key         string       `json:"secretKey"`
	Value       secret.Value `json:"secretValue"`
	Hidden      bool         `json:"secretValueHidden"`
	Rotated     bool         `json:"isRotatedSecret"`
	RotationID  *string      `json:"rotationId"`
	Metadata    []wireMeta   `json:"secretMetadata"`
	Created     string       `json:"createdAt"`
}

type wireMeta struct {
	Key       string `json:"key"`
	Value     string `json:"value"`
	Encrypted bool   `json:"isEncrypted,omitempty"`
}

// approval is what comes in the place of a secret when a change policy holds
// the write.
type approval struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
}

// wireSync is a secret sync. Environment and folder are null once deleted.
type wireSync struct {
	Name        string `json:"name"`
	Destination string `json:"destination"`
	Environment *struct {
		Slug string `json:"slug"`
	} `json:"environment"`
	Folder *struct {
		Path string `json:"path"`
	} `json:"folder"`
}

// wireImport is a folder that another one imports.
type wireImport struct {
	Environment string `json:"environment"`
	Path        string `json:"secretPath"`
}

// answer is the union of all answers of the routes used here.
type answer struct {
	Secret   *wireSecret  `json:"secret"`
	Secrets  []wireSecret `json:"secrets"`
	Approval *approval    `json:"approval"`
	Syncs    []wireSync   `json:"secretSyncs"`
	Imports  []wireImport `json:"imports"`
	Policies []wirePolicy `json:"approvals"`
	problem
}

// made is when the entry, or the version that was asked for, came to be; zero
// when the server did not say.
func (s wireSecret) made() time.Time {
	at, err := time.Parse(time.RFC3339, s.Created)
	if err != nil {
		return time.Time{}
	}
	return at
}

// v4 is the client for the routes that the SDK does not have.
type v4 struct {
	rest    *rest.Client
	project string
}

// do makes one call with the session's token. An error status with an envelope
// is classified here, because only the envelope tells an expired token from a
// missing right.
func (c *v4) do(ctx context.Context, s *session, call rest.Call) (answer, error) {
	var out answer
	got, err := c.ask(ctx, s, call, &out)
	if err != nil {
		return answer{}, err
	}
	if got.Status != http.StatusOK {
		return answer{}, refused(call.Op, got.Status, out.problem)
	}
	return out, nil
}

// ask makes one call with the session's token, whose envelope the caller reads.
func (c *v4) ask(ctx context.Context, s *session, call rest.Call, out any) (rest.Answer, error) {
	call.Header = http.Header{"Authorization": {"Bearer " + s.token.Reveal()}, "User-Agent": {userAgent}}
	call.OK = []int{http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound, http.StatusUnprocessableEntity}
	return c.rest.Do(ctx, call, out)
}

// query names the place and says everything that has different defaults in
// different server versions, in both spellings where there are two.
func (c *v4) query(p Place, imports bool) url.Values {
	include := strconv.FormatBool(imports)
	return url.Values{
		"projectId": {c.project}, "environment": {p.Environment}, "secretPath": {p.Path},
		"type": {typeShared}, "viewSecretValue": {"true"}, "expandSecretReferences": {"false"},
		"includeImports": {include}, "include_imports": {include},
	}
}

// get reads one secret; version 0 is the current one.
func (c *v4) get(ctx context.Context, s *session, op string, want ref) (wireSecret, error) {
	q := c.query(want.place, want.imports)
	if want.version > 0 {
		q.Set("version", strconv.Itoa(want.version))
	}
	out, err := c.do(ctx, s, rest.Call{Op: op, Path: "/api/v4/secrets/" + want.name, Query: q})
	if err != nil {
		return wireSecret{}, err
	}
	got := out.Secret
	if got == nil || got.ID == "" || got.Version == 0 || got.Key != want.name || got.Environment == "" {
		return wireSecret{}, fault.New(op, fault.Garbled, want.name+": the answer holds no secret of this name")
	}
	return *got, nil
}

// ref is which secret to read.
type ref struct {
	place   Place
	name    string
	version int
	imports bool
}

// list reads a folder, with or without the values.
func (c *v4) list(ctx context.Context, s *session, op string, p Place, values bool) ([]wireSecret, error) {
	out, err := c.folder(ctx, s, op, p, listing{values: values})
	return out.Secrets, err
}

// listing is what to list beside the names.
type listing struct{ values, imports bool }

func (c *v4) folder(ctx context.Context, s *session, op string, p Place, what listing) (answer, error) {
	q := c.query(p, what.imports)
	q.Del("type")
	q.Set("recursive", "false")
	q.Set("viewSecretValue", strconv.FormatBool(what.values))
	out, err := c.do(ctx, s, rest.Call{Op: op, Path: "/api/v4/secrets", Query: q})
	if err != nil {
		return answer{}, err
	}
	if out.Secrets == nil {
		return answer{}, fault.New(op, fault.Garbled, "the answer holds no list of secrets")
	}
	return out, nil
}

// remove deletes one secret by name
// (https://infisical.com/docs/api-reference/endpoints/secrets/delete).
func (c *v4) remove(ctx context.Context, s *session, op string, p Place, name string) (answer, error) {
	return c.do(ctx, s, rest.Call{
		Op: op, Method: http.MethodDelete, Path: "/api/v4/secrets/" + name, Write: true,
		Body: patchBody{Project: c.project, Environment: p.Environment, Path: p.Path, Type: typeShared},
	})
}

// syncs lists the project's secret syncs to every destination, as far as the
// identity may see them (https://infisical.com/docs/api-reference/endpoints/secret-syncs/list).
func (c *v4) syncs(ctx context.Context, s *session, op string) ([]wireSync, error) {
	out, err := c.do(ctx, s, rest.Call{Op: op, Path: "/api/v1/secret-syncs", Query: url.Values{"projectId": {c.project}}})
	if err != nil {
		return nil, err
	}
	if out.Syncs == nil {
		return nil, fault.New(op, fault.Garbled, "the answer holds no list of secret syncs")
	}
	return out.Syncs, nil
}

// patchBody is what an update sends. Metadata replaces what is there, so it
// is always the union.
type patchBody struct {
	Project     string      `json:"projectId"`
	Environment string      `json:"environment"`
	Path        string      `json:"secretPath"`
	Type        string      `json:"type,omitempty"`        // single
	Value       string      `json:"secretValue,omitempty"` // single
	Metadata    []wireMeta  `json:"secretMetadata,omitempty"`
	Mode        string      `json:"mode,omitempty"`    // batch
	Secrets     []patchItem `json:"secrets,omitempty"` // batch
}

type patchItem struct {
	Key      string     `json:"secretKey"`
	Value    string     `json:"secretValue"`
	Metadata []wireMeta `json:"secretMetadata,omitempty"`
}

// patch writes all items in one request: all of them or, as one missing name
// is 404, none.
func (c *v4) patch(ctx context.Context, s *session, op string, p Place, items []patchItem) (answer, error) {
	body := patchBody{Project: c.project, Environment: p.Environment, Path: p.Path}
	call := rest.Call{Op: op, Method: http.MethodPatch, Write: true}
	if len(items) == 1 {
		call.Path = "/api/v4/secrets/" + items[0].Key
		body.Type, body.Value, body.Metadata = typeShared, items[0].Value, items[0].Metadata
	} else {
		call.Path = "/api/v4/secrets/batch"
		body.Mode, body.Secrets = "failOnNotFound", items
	}
	call.Body = body
	return c.do(ctx, s, call)
}
