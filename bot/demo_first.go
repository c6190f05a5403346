//go:build !release

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"rekey/internal/sandbox/app"
	"rekey/providers"
	"rekey/rotation"
)

// begins is the kind of key with which the application of a demonstration begins.
func (o sandboxOptions) begins() string {
	kind := func(other bool, otherwise, usual string) string {
		if other {
			return otherwise
		}
		return usual
	}
	switch strings.ToUpper(o.demo) {
	case app.AnthropicKey:
		return "Anthropic API key"
	case app.ChainURL:
		return kind(o.oneChainKey, "Helius API key, the plan's only one", kind(o.chainPortal, "Helius API key", "Helius API key, made by hand"))
	case app.FalKey:
		return "fal.ai API key"
	case app.JobsKey:
		return kind(o.rootJobs, "Trigger.dev root key", "Trigger.dev additional key")
	case app.JWTSecret:
		return "Supabase JWT signing key (HS256)"
	case app.LangfuseSecret:
		return kind(o.noLangfuseAPI, "Langfuse key pair, of a plan without the API", "Langfuse key pair")
	case app.MediaKeyID:
		return "Cloudflare R2 access key"
	case app.MemoryKey:
		return kind(o.ownMemory, "Mem0 server API key", "Mem0 platform API key")
	case app.RedisToken:
		return kind(o.ownRedisToken, "Upstash database credentials", "Upstash ACL user")
	case app.SocialKey:
		return "Ayrshare API key"
	case app.SupabaseKey:
		return "Supabase secret API key"
	default:
		return ""
	}
}

// checkFirst turns down --revoke-first where it cannot be played.
func (o sandboxOptions) checkFirst() error {
	switch {
	case !o.revokeFirst:
		return nil
	case !o.emergency || o.all():
		return errors.New("--revoke-first goes with the --demo of one secret and --emergency")
	default:
		return o.endsFirst()
	}
}

// endsFirst says why the key of a demonstration cannot end before there is a new
// one, as the engine would say it; nil where it can.
func (o sandboxOptions) endsFirst() error {
	entry, p, err := o.beginning()
	if err != nil {
		return err
	}
	return endable(entry, p)
}

// beginning is the secret of a demonstration, and the kind of key with which it
// begins.
func (o sandboxOptions) beginning() (entry rotation.Secret, p providers.Profile, err error) {
	name := strings.ToUpper(o.demo)
	at := slices.IndexFunc(rotation.Catalogue(), func(e rotation.Secret) bool { return e.Name == name })
	if at < 0 {
		return entry, p, fmt.Errorf("the catalogue has no %s", name)
	}
	entry = rotation.Catalogue()[at]
	for _, p := range services()[entry.Service].profiles() {
		if p.Kind.Traits().Kind == o.begins() {
			return entry, p, nil
		}
	}
	return entry, p, fmt.Errorf("%s begins with no known kind of key", name)
}

func endable(entry rotation.Secret, p providers.Profile) error {
	if err := rotation.EndsFirst(rotation.Subject{Secret: entry, Provider: p.Of}, p.Kind); err != nil {
		return fmt.Errorf("--revoke-first: %s: %w", entry.Name, err)
	}
	return nil
}
