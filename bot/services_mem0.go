package main

import (
	"fmt"
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/mem0"
	"rekey/rotation"
)

func buildMem0(s *config.Secret, name providers.Namer) (providers.Provider, error) {
	if len(s.Entry.Variables) != 1 {
		return nil, fmt.Errorf("a key of Mem0 is one variable, not %d", len(s.Entry.Variables))
	}
	c := mem0.Config{
		BaseURL: s.BaseURL, Console: s.Console, Variable: s.Entry.Variables[0], Name: name,
		Projects: map[string]string{}, Servers: map[string]mem0.Server{},
		HTTP: &http.Client{Timeout: s.Timeout}, Waits: waits(mem0.DefaultWaits(), s.Waits),
	}
	if s.Administered() {
		c.Login = reader(s.Admin.Key)
	}
	for env, server := range s.Mem0.Servers.Each() {
		own := mem0.Server{BaseURL: server.BaseURL}
		if !server.AdminKey.IsZero() {
			own.Login = reader(server.AdminKey)
		}
		c.Servers[env] = own
	}
	for env, id := range map[string]string{rotation.Staging: s.Mem0.Projects.Staging, rotation.Production: s.Mem0.Projects.Production} {
		if id != "" {
			c.Projects[env] = id
		}
	}
	return mem0.New(c)
}
