package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/sandbox/app"
)

// Where a thief comes from, and what he calls himself.
const (
	ThiefAddress = "203.0.113.66"
	ThiefAgent   = "curl/8.5.0"
)

// Steal does what somebody does who got hold of a laptop: reads the whole folder
// of production in the vault with its identity, and tries the keys that he finds
// there from an address of his own.
func (w *World) Steal(ctx context.Context) error {
	values, err := w.robbed(ctx)
	if err != nil {
		return fmt.Errorf("reading the vault as a thief: %w", err)
	}
	if _, err := w.asThief(ctx, http.MethodPost, w.endpoints.Fal+"/fal-ai/flux/dev", `{"prompt":"a heist"}`, "Authorization", "Key "+values["FAL_KEY"]); err != nil {
		return fmt.Errorf("using a stolen key: %w", err)
	}
	if key := values[app.SupabaseKey]; w.endpoints.Supabase != "" && key != "" {
		if _, err := w.asThief(ctx, http.MethodGet, w.endpoints.Supabase+"/"+SupabaseRef(Production)+"/rest/v1/products", "", "apikey", key); err != nil {
			return fmt.Errorf("using a stolen key: %w", err)
		}
	}
	return nil
}

// robbed lists production's folder in the vault.
func (w *World) robbed(ctx context.Context) (map[string]string, error) {
	login, err := json.Marshal(map[string]string{"clientId": w.laptop.ClientID, "clientSecret": w.laptop.ClientSecret})
	if err != nil {
		return nil, err
	}
	body, err := w.asThief(ctx, http.MethodPost, w.endpoints.Infisical+"/api/v1/auth/universal-auth/login", string(login))
	if err != nil {
		return nil, err
	}
	var in struct{ AccessToken string }
	if err := json.Unmarshal(body, &in); err != nil {
		return nil, err
	}
	at := w.Place(Production)
	q := url.Values{"projectId": {at.Project}, "environment": {at.Environment}, "secretPath": {at.Path}, "viewSecretValue": {"true"}}
	body, err = w.asThief(ctx, http.MethodGet, w.endpoints.Infisical+"/api/v4/secrets?"+q.Encode(), "", "Authorization", "Bearer "+in.AccessToken)
	if err != nil {
		return nil, err
	}
	var list struct {
		Secrets []struct{ SecretKey, SecretValue string }
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, err
	}
	values := make(map[string]string)
	for _, s := range list.Secrets {
		values[s.SecretKey] = s.SecretValue
	}
	return values, nil
}

// asThief makes a request; header is name, value, name, value. What a service
// answers is the thief's own affair.
func (w *World) asThief(ctx context.Context, method, address, text string, header ...string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader([]byte(text)))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(text, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", ThiefAgent)
	req.Header.Set("Cf-Connecting-Ip", ThiefAddress)
	req.Header.Set("X-Forwarded-For", ThiefAddress)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	return io.ReadAll(io.LimitReader(resp.Body, 4<<20))
}
