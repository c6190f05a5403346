package main

import (
	"fmt"
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/supabase"
	"rekey/rotation"
)

func buildSupabase(s *config.Secret, _ providers.Namer) (providers.Provider, error) {
	if len(s.Entry.Variables) != 1 {
		return nil, fmt.Errorf("a secret key of Supabase is one variable, not %d", len(s.Entry.Variables))
	}
	c := supabase.Config{
		BaseURL: s.BaseURL, ProjectURL: s.ProjectURL, Token: reader(s.Admin.Key), Variable: s.Entry.Variables[0],
		Projects: map[string]string{rotation.Staging: s.Projects.Staging, rotation.Production: s.Projects.Production},
		HTTP:     &http.Client{Timeout: s.Timeout}, Waits: waits(supabase.DefaultWaits(), s.Waits), SendsAPIKey: s.SendsAPIKey,
	}
	if s.LegacyQuiet != nil {
		c.Quiet = *s.LegacyQuiet
	}
	return supabase.New(c)
}
