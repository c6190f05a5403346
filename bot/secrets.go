package main

import (
	"errors"

	"rekey/bot/config"
	"rekey/internal/secret"
)

// secrets are what the program itself lives on, read once at its start. Admin
// credentials are not among them: those are read at each use.
type secrets struct {
	fingerprint             secret.Key
	appToken, botToken      secret.Value
	redisURL, redisPassword secret.Value
}

// readSecrets reads them and proves that all others can be read, so that what
// is missing is known now, all of it, and not in the middle of a rotation.
func readSecrets(c *config.Config) (secrets, error) {
	var keys secrets
	var faults []error
	for _, s := range c.Sources() {
		v, err := s.Read()
		if err != nil {
			faults = append(faults, err)
			continue
		}
		switch s.Path {
		case c.FingerprintKey.Path:
			if keys.fingerprint, err = secret.NewKey(v); err != nil {
				faults = append(faults, errors.New("reading "+s.Path+" from "+s.String()+": "+err.Error()))
			}
		case c.Slack.AppToken.Path:
			keys.appToken = v
		case c.Slack.BotToken.Path:
			keys.botToken = v
		case c.Redis.URL.Path:
			keys.redisURL = v
		case c.Redis.Password.Path:
			keys.redisPassword = v
		}
	}
	return keys, errors.Join(faults...)
}
