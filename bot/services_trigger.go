package main

import (
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/triggerdev"
	"rekey/rotation"
)

func buildTrigger(s *config.Secret, name providers.Namer) (providers.Provider, error) {
	c := triggerdev.Config{
		BaseURL: s.BaseURL, Console: s.Console, AdminKey: reader(s.Admin.Key), Places: map[string]triggerdev.Place{},
		Variables: s.Entry.Variables, Migrate: s.Trigger.Migrate != "", ReadBy: s.Trigger.ReadBy, Name: name,
		HTTP: &http.Client{Timeout: s.Timeout}, Waits: waits(triggerdev.DefaultWaits(), s.Waits),
	}
	for _, env := range []string{rotation.Staging, rotation.Production} {
		at := s.Trigger.In(env)
		c.Places[env] = triggerdev.Place{Project: at.Project, Environment: at.Environment}
	}
	if s.MinExpiry != nil {
		c.MinExpiry = *s.MinExpiry
	}
	return triggerdev.New(c)
}
