package main

import (
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/r2"
	"rekey/rotation"
)

func buildR2(s *config.Secret, _ providers.Namer) (providers.Provider, error) {
	return r2.New(r2.Config{
		BaseURL: s.BaseURL, Endpoint: s.R2.Endpoint, Account: s.R2.Account, Jurisdiction: s.R2.Jurisdiction,
		Buckets:    map[string][]string{rotation.Staging: s.R2.Buckets.Staging, rotation.Production: s.R2.Buckets.Production},
		AdminToken: reader(s.Admin.Key), Variables: s.Entry.Variables,
		HTTP: &http.Client{Timeout: s.Timeout}, Waits: waits(r2.DefaultWaits(), s.Waits),
	})
}
