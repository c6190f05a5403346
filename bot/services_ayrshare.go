package main

import (
	"fmt"
	"net/http"

	"rekey/bot/config"
	"rekey/providers"
	"rekey/providers/ayrshare"
)

func buildAyrshare(s *config.Secret, name providers.Namer) (providers.Provider, error) {
	if len(s.Entry.Variables) != 1 {
		return nil, fmt.Errorf("a key of Ayrshare is one variable, not %d", len(s.Entry.Variables))
	}
	return ayrshare.New(ayrshare.Config{
		BaseURL: s.BaseURL, Console: s.Console, Variable: s.Entry.Variables[0], Name: name,
		HTTP: &http.Client{Timeout: s.Timeout}, Waits: waits(ayrshare.DefaultWaits(), s.Waits),
	})
}
