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
	err := v.call(ctx, http.MethodPost, "/api/v1/auth/universal-auth/login", "",
		map[string]string{"clientId": v.ClientID, "clientSecret": v.ClientSecret}, &in)
	if err != nil {
		return nil, fmt.Errorf("logging in to the vault: %w", err)
	}
	type row struct{ SecretKey, SecretValue string }
	var list struct {
		Secrets []row
		Imports []struct{ Secrets []row }
	}
	q := url.Values{
		"projectId": {v.Project}, "environment": {v.Environments[environment]}, "secretPath": {"/"},
		"expandSecretReferences": {"true"}, "includeImports": {"true"},
	}
	if err := v.call(ctx, http.MethodGet, "/api/v4/secrets?"+q.Encode(), in.AccessToken, nil, &list); err != nil {
		return nil, fmt.Errorf("reading %s from the vault: %w", environment, err)
	}
	values := map[string]string{}
	for _, i := range list.Imports {
		for _, s := range i.Secrets {
			values[s.SecretKey] = s.SecretValue
		}
	}
	for _, s := range list.Secrets {
		values[s.SecretKey] = s.SecretValue
	}
	return values, nil
}

func (v *Vault) call(ctx context.Context, method, path, token string, in, out any) error {
	var body bytes.Buffer
	if in != nil {
		if err := json.NewEncoder(&body).Encode(in); err != nil {
			return fmt.Errorf("encoding request: %w", err)
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, v.URL+path, &body)
	if err != nil {
		return fmt.Errorf("building request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
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
