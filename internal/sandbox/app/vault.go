package app

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Vault is how a target reads values: Infisical over HTTP, under an identity of
// the platform's own.
type Vault struct {
	URL          string
	Project      string
	ClientID     string
	ClientSecret string
	Environments map[string]string // slug in the vault by the application's name
	Client       *http.Client
}

// Values logs in and reads every secret of an environment, references and
// imports resolved, as a platform's integration does.
func (v *Vault) Values(ctx context.Context, environment string) (map[string]string, error) {
	var in struct{ AccessToken string }
	login, err := json.Marshal(map[string]string{"clientId": v.ClientID, "clientSecret": v.ClientSecret})
	if err != nil {
		return nil, fmt.Errorf("encoding login: %w", err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, v.URL+"/api/v1/auth/universal-auth/login", bytes.NewReader(login))
	if err != nil {
		return nil, fmt.Errorf("building login: %w", err)
	}
	if err := v.ask(req, &in); err != nil {
		return nil, fmt.Errorf("logging in to the vault: %w", err)
	}
	var list struct {
		Secrets []row
		Imports []struct{ Secrets []row }
	}
	q := url.Values{
		"projectId": {v.Project}, "environment": {v.Environments[environment]}, "secretPath": {"/"},
		"expandSecretReferences": {"true"}, "includeImports": {"true"},
	}
	req, err = http.NewRequestWithContext(ctx, http.MethodGet, v.URL+"/api/v4/secrets?"+q.Encode(), nil)
	if err != nil {
		return nil, fmt.Errorf("building read: %w", err)
	}
	req.Header.Set("Authorization", "Bearer "+in.AccessToken)
	if err := v.ask(req, &list); err != nil {
		return nil, fmt.Errorf("reading %s from the vault: %w", environment, err)
	}
	values := map[string]string{}
	for _, i := range list.Imports {
		add(values, i.Secrets)
	}
	add(values, list.Secrets) // a folder's own entry wins over an imported one
	return values, nil
}

// row is one secret of a list.
type row struct{ SecretKey, SecretValue string }

func add(values map[string]string, rows []row) {
	for _, s := range rows {
		values[s.SecretKey] = s.SecretValue
	}
}

// ask sends a request and decodes the answer.
func (v *Vault) ask(req *http.Request, out any) error {
	req.Header.Set("Content-Type", "application/json")
	res, err := v.Client.Do(req)
	if err != nil {
		return fmt.Errorf("asking the vault: %w", err)
	}
	defer func() { _ = res.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(res.Body, 8<<20))
	if err != nil {
		return fmt.Errorf("reading the vault's answer: %w", err)
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("asking the vault: status %d", res.StatusCode)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("decoding the vault's answer: %w", err)
	}
	return nil
}
