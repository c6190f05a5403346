package main

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"rekey/bot/config"
	"rekey/internal/secret"
	"rekey/providers"
	"rekey/providers/anthropic"
	"rekey/providers/ayrshare"
	"rekey/providers/fal"
	"rekey/providers/helius"
	"rekey/providers/langfuse"
	"rekey/providers/mem0"
	"rekey/providers/r2"
	"rekey/providers/supabase"
	"rekey/providers/triggerdev"
	"rekey/providers/upstash"
	"rekey/rotation"
)

// service is one that this program can rotate credentials of.
type service struct {
	// shape and undo are what its credentials usually are, for showing plans
	// without asking the service. A survey has the last word.
	shape providers.Shape
	undo  bool
	waits providers.Waits // the service's own
	// profiles of its kinds, for docs/providers.md.
	profiles func() []providers.Profile
	build    func(s *config.Secret, name providers.Namer) (providers.Provider, error)
}

// services are the built ones by the catalogue's key.
func services() map[string]service {
	return map[string]service{
		"anthropic": {shape: providers.Overlap, undo: true, waits: anthropic.DefaultWaits(), profiles: anthropic.Profiles, build: buildAnthropic},
		"fal":       {shape: providers.Overlap, waits: fal.DefaultWaits(), profiles: fal.Profiles, build: buildFal},
		"r2":        {shape: providers.Overlap, undo: true, waits: r2.DefaultWaits(), profiles: r2.Profiles, build: buildR2},

		"supabase-jwt":     {shape: providers.DeployFirst, waits: supabase.DefaultSigningWaits(), profiles: supabase.SigningProfiles, build: buildSigning},
		"supabase-api-key": {shape: providers.Overlap, waits: supabase.DefaultWaits(), profiles: supabase.Profiles, build: buildSupabase},
		"langfuse":         {shape: providers.Overlap, waits: langfuse.DefaultWaits(), profiles: langfuse.Profiles, build: buildLangfuse},
		"upstash":          {shape: providers.Overlap, undo: true, waits: upstash.DefaultWaits(), profiles: upstash.Profiles, build: buildUpstash},
		"helius":           {shape: providers.Overlap, waits: helius.DefaultWaits(), profiles: helius.Profiles, build: buildHelius},
		"ayrshare":         {shape: providers.Cutover, waits: ayrshare.DefaultWaits(), profiles: ayrshare.Profiles, build: buildAyrshare},
		"mem0":             {shape: providers.Overlap, waits: mem0.DefaultWaits(), profiles: mem0.Profiles, build: buildMem0},
		"trigger":          {shape: providers.Overlap, waits: triggerdev.DefaultWaits(), profiles: triggerdev.Profiles, build: buildTrigger},
	}
}

func buildFal(s *config.Secret, _ providers.Namer) (providers.Provider, error) {
	return fal.New(fal.Config{
		BaseURL:   s.BaseURL,
		AdminKey:  func(context.Context) (secret.Value, error) { return s.Admin.Key.Read() },
		Variables: s.Entry.Variables,
		HTTP:      &http.Client{Timeout: s.Timeout},
		Waits:     waits(fal.DefaultWaits(), s.Waits),
	})
}

func buildAnthropic(s *config.Secret, _ providers.Namer) (providers.Provider, error) {
	c := anthropic.Config{
		BaseURL: s.BaseURL, Console: s.Console, AdminKey: reader(s.Admin.Key),
		Workspaces: map[string]string{}, HTTP: &http.Client{Timeout: s.Timeout},
		Waits: waits(anthropic.DefaultWaits(), s.Waits),
	}
	if len(s.Entry.Variables) != 1 {
		return nil, fmt.Errorf("a key of Anthropic is one variable, not %d", len(s.Entry.Variables))
	}
	c.Variable = s.Entry.Variables[0]
	for env, id := range map[string]string{rotation.Staging: s.Workspaces.Staging, rotation.Production: s.Workspaces.Production} {
		if id != "" {
			c.Workspaces[env] = id
		}
	}
	if s.MinExpiry != nil {
		c.MinExpiry = *s.MinExpiry
	}
	if s.Skew != nil {
		c.Skew = *s.Skew
	}
	return anthropic.New(c)
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
	set(&w.ProbeFirst, c.ProbeFirst)
	set(&w.ProbeEvery, c.ProbeEvery)
	set(&w.ProbeFor, c.ProbeFor)
	set(&w.Grace, c.Grace)
	set(&w.Margin, c.Margin)
	set(&w.ProbeAfter, c.ProbeAfter)
	return w
}
