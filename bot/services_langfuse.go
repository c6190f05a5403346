package main

import (
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/langfuse"
	"rekey/rotation"
)

func buildLangfuse(s *config.Secret, _ providers.Namer) (providers.Provider, error) {
	c := langfuse.Config{
		BaseURL: s.BaseURL, AdminKey: reader(s.Admin.Key), ByHand: s.Langfuse.ByHand, Variables: s.Entry.Variables,
		Projects: map[string]string{}, Sites: map[string]langfuse.Site{},
		HTTP: &http.Client{Timeout: s.Timeout}, Waits: waits(langfuse.DefaultWaits(), s.Waits),
	}
	for env, id := range map[string]string{rotation.Staging: s.Langfuse.Projects.Staging, rotation.Production: s.Langfuse.Projects.Production} {
		if id != "" {
			c.Projects[env] = id
		}
	}
	for env, site := range s.Langfuse.Sites.Each() {
		c.Sites[env] = langfuse.Site{BaseURL: site.BaseURL, AdminKey: reader(site.AdminKey)}
	}
	if s.MinExpiry != nil {
		c.MinExpiry = *s.MinExpiry
	}
	return langfuse.New(c)
}
