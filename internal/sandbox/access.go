package sandbox

import (
	"fmt"
	"regexp"
	"strings"

	"rekey/internal/sandbox/infisical"
)

// Endpoints is where the bot finds the world. All are on loopback.
type Endpoints struct {
	Redis      string `json:"redis"`                // redis://host:port/db
	Slack      string `json:"slack"`                // base of the Web API, ends in /api/
	Infisical  string `json:"infisical"`            // site
	Fal        string `json:"fal"`                  // the platform API is below /v1
	Anthropic  string `json:"anthropic"`            // the API is below /v1
	R2         string `json:"r2"`                   // the API is below /client/v4, the buckets are at the root
	Upstash    string `json:"upstash,omitempty"`    // the account's API is below /v2, databases below their names; empty unless played
	Supabase   string `json:"supabase,omitempty"`   // the Management API is below /v1, projects below their references; empty unless played
	Loki       string `json:"loki"`                 // base; queries below /loki/api/v1
	Deploy     string `json:"deploy"`               // the webhook of both environments
	Staging    string `json:"staging"`              // base of the application: /, /api/generate, /api/write, /rekey/attest, /healthz
	Production string `json:"production"`           // the same
	Control    string `json:"control"`              // the world's own API
	Langfuse   string `json:"langfuse"`             // the API is below /api/public
	Mem0       string `json:"mem0,omitempty"`       // the platform's API is below /v1 and /v3; empty unless played
	Mem0Own    string `json:"mem0_own,omitempty"`   // a server of one's own; empty unless played
	Helius     string `json:"helius,omitempty"`     // the RPC at the root, the portal's API below /v0; empty unless played
	PublicRPC  string `json:"public_rpc,omitempty"` // what the application falls back to
	Ayrshare   string `json:"ayrshare,omitempty"`   // the API is below /api; empty unless played
	Trigger    string `json:"trigger,omitempty"`    // the API is below /api; empty unless played
}

// Credentials is what the bot is given; to be written into files.
type Credentials struct {
	SlackApp         string // app-level token
	SlackBot         string // bot token
	InfisicalID      string // of the bot's machine identity; not a secret
	InfisicalSecret  string
	FalAdmin         string // ADMIN key
	AnthropicAdmin   string // Admin API key
	R2Admin          string // account-owned API token that makes others
	SupabaseToken    string // access token; empty unless played
	LangfuseAdmin    string // the organisation's key pair, joined by a colon
	Mem0Login        string // e-mail address and password at the server of one's own, joined by a colon; empty unless played
	HeliusToken      string // of a portal session; empty unless played
	TriggerToken     string // personal access token; empty unless played
	Deploy           string // signs triggers, both environments
	AttestStaging    string // signs attestation questions and answers
	AttestProduction string
	Fingerprint      string // key of the installation, 64 hex digits
	// Of Upstash; empty unless played.
	UpstashAccount    string // e-mail address and API key, joined by a colon
	UpstashStaging    string // password of the database's default user
	UpstashProduction string // the same
	UpstashAuthority  string // certificate in PEM; no secret
}

// Endpoints returns the addresses of the world.
func (w *World) Endpoints() Endpoints { return w.endpoints }

// Credentials returns what the bot needs to get in.
func (w *World) Credentials() Credentials { return w.tokens }

// Project is the id of the vault's project.
func (w *World) Project() string { return w.project }

// Place is an environment's folder in the vault, by the environment's name.
func (w *World) Place(environment string) infisical.Place {
	if environment == Production {
		environment = ProductionSlug
	}
	return infisical.Place{Project: w.project, Environment: environment, Path: "/"}
}

// Inbox is an environment's folder into which people paste what only a
// console can make.
func (w *World) Inbox(environment string) infisical.Place {
	at := w.Place(environment)
	at.Path = InboxPath
	return at
}

// OldAnthropicKey is the id of the key that an environment used when the world
// began.
func (w *World) OldAnthropicKey(environment string) string { return w.oldText[environment].ID }

// Workspace is the environment's workspace at Anthropic, by id.
func Workspace(environment string) string {
	return "wrkspc_01Sandbox" + strings.ToUpper(environment[:1]) + environment[1:]
}

// OldKey is the id of the key that was in use when the world began.
func (w *World) OldKey() string { return w.old.ID }

// genuine fits tokens that the real services issue.
var genuine = regexp.MustCompile(`^(xox[abeprs]-\d{9,}-|xapp-\d-[A-Z0-9]{9,}-\d{9,}-|xoxe\.)`)

// CheckEnvironment refuses variables ("NAME=value") that hold what looks like a
// real Slack token: whoever has one set may not mean the sandbox.
func CheckEnvironment(variables []string) error {
	for _, v := range variables {
		name, value, _ := strings.Cut(v, "=")
		if genuine.MatchString(value) {
			return fmt.Errorf("starting sandbox: %s holds what looks like a real token; unset it first", name)
		}
	}
	return nil
}
