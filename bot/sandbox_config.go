//go:build !release

package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/r2"
)

//go:embed sandbox.yaml.tmpl
var configTemplate string

// sandboxInstallation is the bot's installation name in the sandbox.
const sandboxInstallation = "sandbox"

// sandboxWorkspace is the id of its workspace.
const sandboxWorkspace = "T0SANDBOX"

// writeConfig writes the configuration that an operator would write for this
// world, with its credential files, and returns its path.
func writeConfig(dir string, w *sandbox.World, o sandboxOptions) (string, error) {
	c := w.Credentials()
	files := map[string]string{
		"fingerprint": c.Fingerprint, "slack-app": c.SlackApp, "slack-bot": c.SlackBot,
		"infisical-id": c.InfisicalID, "infisical-secret": c.InfisicalSecret, "fal-admin": c.FalAdmin, "anthropic-admin": c.AnthropicAdmin,
		"r2-admin": c.R2Admin, "supabase-token": c.SupabaseToken, "mem0-login": c.Mem0Login,
		"upstash-account": c.UpstashAccount, "upstash-staging": c.UpstashStaging, "upstash-production": c.UpstashProduction, "upstash-authority": c.UpstashAuthority,
		"langfuse-admin": c.LangfuseAdmin, "trigger-token": c.TriggerToken, "helius-token": c.HeliusToken,
		"deploy": c.Deploy, "attest-staging": c.AttestStaging, "attest-production": c.AttestProduction,
		"redis-url": w.Endpoints().Redis,
	}
	for name, value := range files {
		if value == "" {
			continue // of a service that nobody plays
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(value+"\n"), 0o600); err != nil {
			return "", fmt.Errorf("writing a credential file: %w", err)
		}
	}
	text, err := renderConfig(dir, w, o)
	if err != nil {
		return "", err
	}
	if o.adjust != nil {
		text = []byte(o.adjust(string(text)))
	}
	path := filepath.Join(dir, "rekey.yaml")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return "", fmt.Errorf("writing the configuration: %w", err)
	}
	return path, nil
}

func renderConfig(dir string, w *sandbox.World, o sandboxOptions) ([]byte, error) {
	t, err := template.New("rekey.yaml").Funcs(template.FuncMap{
		"wait": func(text string) (string, error) { return compressed(text, o.speed) },
		"file": func(name string) string { return filepath.Join(dir, name) },
		"rate": func(calls float64) float64 { return calls * o.speed }, // as the local Slack's own limits
	}).Option("missingkey=error").Parse(configTemplate)
	if err != nil {
		return nil, fmt.Errorf("parsing the configuration's template: %w", err)
	}
	var text bytes.Buffer
	err = t.Execute(&text, map[string]any{
		"Installation": sandboxInstallation, "At": w.Endpoints(), "Project": w.Project(), "App": sandbox.AppName,
		"ProductionSlug": sandbox.ProductionSlug, "Channel": sandbox.Channel, "Approvers": sandbox.Approvers,
		"Workspace":   map[string]string{"Staging": sandbox.Workspace(sandbox.Staging), "Production": sandbox.Workspace(sandbox.Production)},
		"Media":       map[string]any{"Used": slices.Contains(o.also, app.MediaKeyID), "One": o.oneMedia, "Account": r2.Account, "Staging": sandbox.StagingBucket, "Production": sandbox.ProductionBucket},
		"SupabaseRef": map[string]any{"Staging": sandbox.SupabaseRef(sandbox.Staging), "Production": sandbox.SupabaseRef(sandbox.Production), "Legacy": o.legacySupabase},
		"Memory":      map[string]any{"Used": slices.Contains(o.also, app.MemoryKey), "Own": o.ownMemory, "Staging": sandbox.MemoryProject(sandbox.Staging), "Production": sandbox.MemoryProject(sandbox.Production)},
		"JobsProject": sandbox.JobsProject,
		"OneSocial":   w.OneSocial(),
		"Hooks":       strings.TrimSuffix(w.Endpoints().Deploy, "/deploy") + "/hooks",
		"ChainToken":  w.ChainPortal(),
		"OneChainKey": w.OneChainKey(),
		"Redis":       redisConfig(w, o),
		"Signed":      slices.Contains(o.also, app.JWTSecret),
		"Rows":        slices.Contains(o.also, app.SupabaseKey),
		"Traced":      slices.Contains(o.also, app.LangfuseSecret),
		"Inbox":       sandbox.InboxPath, "Requester": sandbox.Requester, "Embedded": o.redis == "",
		"ByHand": o.byHand, "Line": lineConfig(dir, o),
		// A person at the page needs longer than a script to read a card, and in a
		// channel that takes one message a second it comes late. Slack's limits are
		// not shortened as waits are: many open cards must not be polled as often.
		"Patient": o.byHand || o.all(),
	})
	if err != nil {
		return nil, fmt.Errorf("writing the configuration from its template: %w", err)
	}
	return text.Bytes(), nil
}

// redisConfig is what the template says of Upstash's databases.
func redisConfig(w *sandbox.World, o sandboxOptions) map[string]any {
	if w.Upstash == nil {
		return map[string]any{"Used": false}
	}
	at := func(environment string) map[string]string {
		name := sandbox.Database(environment)
		return map[string]string{"URL": w.Endpoints().Upstash + "/" + name, "Redis": w.Upstash.Address(name)}
	}
	return map[string]any{"Used": true, "Own": o.ownRedisToken, "Staging": at(sandbox.Staging), "Production": at(sandbox.Production)}
}

// compressed shortens a wait by its class, so that a rotation of half an hour
// takes half a minute and its parts keep their order: seconds to a twentieth,
// minutes to a two-hundredth, hours to a 2400th.
func compressed(text string, speed float64) (string, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return "", fmt.Errorf("reading a wait: %w", err)
	}
	factor := 20.0
	switch {
	case d >= time.Hour:
		factor = 2400
	case d >= time.Minute:
		factor = 200
	}
	return time.Duration(float64(d) / factor / speed).Round(time.Millisecond).String(), nil
}
