package main

import (
	"context"
	"fmt"

	"rekey/bot/config"
	"rekey/deploy"
	"rekey/deploy/bundle"
	"rekey/internal/secret"
	"rekey/providers/helius"
	"rekey/rotation"
)

// proved gives a secret's stages the way of proof that each of its variables
// needs: what a build writes into scripts is looked for there.
func proved(stages map[string]rotation.Stage, c *config.Config, s *config.Secret) error {
	if !s.ByBundle() {
		return nil
	}
	for env, e := range c.Environments.Each() {
		if e.Bundle == nil {
			return fmt.Errorf("bundle in %s: it is missing", env) // unreachable: the configuration wants it
		}
		scripts, err := bundleOf(*e.Bundle, s.Entry.Service)
		if err != nil {
			return fmt.Errorf("bundle in %s: %w", env, err)
		}
		stage := stages[env]
		stage.Attester = byVariable{word: stage.Attester, scripts: scripts}
		stages[env] = stage
	}
	return nil
}

// bundleOf builds a reader of a page's scripts. A key inside a URL is looked
// for by itself: a build may write the rest otherwise.
func bundleOf(b config.Bundle, service string) (deploy.Attester, error) {
	c := bundle.Config{
		URL: b.URL, Hosts: b.Hosts, Deployment: b.DeploymentHeader, InARow: b.Streak, MaxVisits: b.Attempts, Pause: b.Pause,
		MaxFiles: b.MaxFiles, MaxFile: int64(b.MaxFile), MaxTotal: int64(b.MaxTotal), Timeout: b.Timeout,
	}
	if service == "helius" {
		c.Part = func(_ string, v secret.Value) secret.Value { return helius.Key(v) }
	}
	return bundle.New(c)
}

// byVariable asks the application for its word, or its scripts, as a variable
// needs.
type byVariable struct{ word, scripts deploy.Attester }

func (a byVariable) Attest(ctx context.Context, name string, fresh, stale secret.Value) (deploy.Testimony, error) {
	if rotation.Inlined(name) {
		return a.scripts.Attest(ctx, name, fresh, stale)
	}
	return a.word.Attest(ctx, name, fresh, stale)
}
