package main

import (
	"context"
	"net/http"
	"time"

	"rekey/bot/config"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/fal"
)

// service is one that this program can rotate credentials of.
type service struct {
	// shape and undo are what its credentials usually are, for showing plans
	// without asking the service. A survey has the last word.
	shape providers.Shape
	undo  bool
	build func(s *config.Secret) (providers.Provider, error)
}

// services are the built ones by the catalogue's key.
func services() map[string]service {
	return map[string]service{
		"fal": {shape: providers.Overlap, build: buildFal},
	}
}

func buildFal(s *config.Secret) (providers.Provider, error) {
	return fal.New(fal.Config{
		BaseURL:   s.BaseURL,
		AdminKey:  func(context.Context) (secret.Value, error) { return s.Admin.Key.Read() },
		Variables: s.Entry.Variables,
		HTTP:      &http.Client{Timeout: s.Timeout},
		Waits:     waits(fal.DefaultWaits(), s.Waits),
	})
}

// waits are a service's own, with what the configuration says otherwise.
func waits(w providers.Waits, c config.Waits) providers.Waits {
	set := func(to *time.Duration, from *time.Duration) {
		if from != nil {
			*to = *from
		}
	}
	set(&w.Settle, c.Settle)
	set(&w.Hold, c.Hold)
	set(&w.ProbeEvery, c.ProbeEvery)
	set(&w.ProbeFor, c.ProbeFor)
	return w
}
