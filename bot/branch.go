package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"

	"rekey/bot/config"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/rotation"
	"rekey/state"
	"rekey/state/redis"
)

// sustains is what of Rekey's own stands on a secret: by the address of its Redis,
// where the service can tell, and by the names under which Rekey reads it.
func sustains(s *config.Secret, p providers.Provider) func() (string, error) {
	keeps, can := p.(interface{ Sustains() (string, error) })
	return func() (string, error) {
		switch {
		case s.Stands != "":
			return "it reads " + s.Stands, nil
		case can:
			return keeps.Sustains()
		default:
			return "", nil
		}
	}
}

// stood are the secrets that Rekey stands on, as it is configured, by name.
func stood(c *config.Config, key secret.Key, log *slog.Logger) (map[string]string, error) {
	all, err := subjects(c, key, log)
	if err != nil {
		return nil, err
	}
	found := make(map[string]string)
	for _, s := range all {
		what, err := s.Sustains()
		if err != nil {
			log.Warn("whether Rekey stands on a secret cannot be told", "secret", s.Name, "error", err)
		} else if what != "" {
			found[s.Name] = what
		}
	}
	return found, nil
}

// detached is a configuration whose Redis is not in use: nothing of Rekey's own
// stands on any secret then.
func detached(c *config.Config) {
	for _, s := range c.Secrets {
		s.Own, s.Stands = config.Redis{}, ""
	}
}

// attendant says what is left to do after an emergency of what Rekey stands on.
type attendant struct {
	process
	config *config.Config
	keys   secrets
	log    *slog.Logger
}

// mostEnded bounds the rotations of one journal that are looked at.
const mostEnded = 100

// after tells it for each rotation of a journal that is over; own is what Rekey
// stands on, by secret.
func (a attendant) after(ctx context.Context, journal state.Lists, own map[string]string) error {
	ctx = context.WithoutCancel(ctx) // it is over, and what to change is said whatever comes
	closed, err := journal.Closed(ctx, mostEnded)
	if err != nil {
		return fmt.Errorf("looking what is over: %w", err)
	}
	for _, r := range rotation.Among(closed) {
		if what := own[r.Secret]; what != "" {
			a.print(a.out, a.aftercare(ctx, r, what))
		}
	}
	return nil
}

// aftercare says what to change before a bot is started, "" where the vault holds
// nothing new.
func (a attendant) aftercare(ctx context.Context, r *rotation.Rotation, what string) string {
	s := a.config.Secrets[r.Secret]
	var holds []string
	for env, e := range a.config.Environments.Each() {
		if r.Wrote(env) {
			holds = append(holds, fmt.Sprintf("%s of the vault's environment %s", strings.Join(s.Entry.Variables, ", "), e.Vault.Environment))
		}
	}
	if len(holds) == 0 {
		return ""
	}
	answer, takes := a.redisAnswers(ctx)
	text := fmt.Sprintf("Rekey stands on %s itself: %s.\n%s\n", r.Secret, what, answer)
	for _, place := range redisPlaces(a.config.Redis) {
		text += "  " + place + "\n"
	}
	text += "The vault holds the new one: " + strings.Join(holds, " and ") + ".\n"
	if takes {
		return text
	}
	return text + "With the old one, neither a bot that is started nor rekey import-journal reaches Redis.\n"
}

// redisPlaces are where Rekey's own way into Redis is written.
func redisPlaces(r config.Redis) []string {
	if !r.URL.IsZero() {
		return []string{"redis.url, in the " + r.URL.String() + ": its user and its password"}
	}
	places := []string{"redis.username in the configuration, where the user has another name now"}
	if !r.Password.IsZero() {
		places = append(places, "redis.password, in the "+r.Password.String())
	}
	return places
}

// redisAnswers asks Rekey's own Redis whether it takes what is configured.
func (a attendant) redisAnswers(ctx context.Context) (text string, takes bool) {
	ctx, cancel := context.WithTimeout(ctx, a.config.Doctor.Timeout)
	defer cancel()
	options, err := storeConfig(a.config, a.keys, a.log)
	if err == nil {
		_, _, err = redis.Look(ctx, options)
	}
	if err != nil {
		return "Its own Redis does not take what is configured (" + err.Error() + "). Before the journal is imported, and before a bot is started, write the new user and password where Rekey reads them:", false
	}
	return "Its own Redis still takes what is configured, which is therefore another user than the one that ended. Where that is not meant to stay, Rekey reads it here:", true
}
