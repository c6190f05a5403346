package main

import (
	"fmt"
	"net/http"

	"rekey/bot/config"
	"rekey/deploy/bearer"
	"rekey/providers"
	"rekey/providers/supabase"
	"rekey/rotation"
)

func buildSigning(s *config.Secret, _ providers.Namer) (providers.Provider, error) {
	c := supabase.SigningConfig{
		BaseURL: s.BaseURL, ProjectURL: s.ProjectURL, Token: reader(s.Admin.Key), Variable: s.Entry.Variables[0], Previous: s.Entry.Previous,
		Projects: map[string]string{rotation.Staging: s.Projects.Staging, rotation.Production: s.Projects.Production},
		Mints:    s.JWTUse == "mint", Table: s.JWT.Table,
		HTTP: &http.Client{Timeout: s.Timeout}, Waits: waits(supabase.DefaultSigningWaits(), s.Waits),
	}
	if s.LegacyQuiet != nil {
		c.Quiet = *s.LegacyQuiet
	}
	if s.JWT.Throttle != nil {
		c.Throttle = *s.JWT.Throttle
	}
	if s.JWT.TokenLife != nil {
		c.TokenLife = *s.JWT.TokenLife
	}
	return supabase.NewSigning(c)
}

// gated adds the gate that one secret's tokens open to an environment.
func gated(stage rotation.Stage, s *config.Secret, environment string) (rotation.Stage, error) {
	at := s.JWT.Gate.In(environment)
	if at == "" {
		return stage, nil
	}
	gate, err := bearer.New(bearer.Config{URL: at, Timeout: s.Timeout})
	if err != nil {
		return stage, fmt.Errorf("the gate of %s: %w", environment, err)
	}
	stage.Gate = gate
	return stage, nil
}
