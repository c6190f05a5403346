package main

import (
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/helius"
	"rekey/rotation"
)

func buildHelius(s *config.Secret, name providers.Namer) (providers.Provider, error) {
	c := helius.Config{
		BaseURL: s.BaseURL, Console: s.Console, Name: name, Variables: s.Entry.Variables, RPC: s.Helius.RPC, OneKey: s.Helius.OneKey,
		Projects: map[string]string{}, Origins: map[string]string{},
		HTTP: &http.Client{Timeout: s.Timeout}, Timeout: s.Timeout, Waits: waits(helius.DefaultWaits(), s.Waits),
	}
	if s.Administered() {
		c.Token = reader(s.Admin.Key)
	}
	of := func(to map[string]string, staging, production string) {
		for env, v := range map[string]string{rotation.Staging: staging, rotation.Production: production} {
			if v != "" {
				to[env] = v
			}
		}
	}
	of(c.Projects, s.Helius.Projects.Staging, s.Helius.Projects.Production)
	of(c.Origins, s.Helius.Origins.Staging, s.Helius.Origins.Production)
	return helius.New(c)
}
