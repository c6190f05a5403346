package rotation

import (
	"sort"
	"strings"
	"time"
)

// Secret is a catalogue entry: what an organisation calls one secret.
type Secret struct {
	Name      string        // as people type it: "FAL_KEY"
	Service   string        // key of a built provider: "fal"
	Title     string        // the service's name for people: "fal.ai"
	Period    time.Duration // how often it must be rotated; 0 means as needed
	Impact    string        // what stops if it goes wrong
	Variables []string      // the vault's names that move together
	Previous  string        // the one of them that holds the value before, while both are accepted; "" for most
	Aliases   []string      // other names under which the same value may be found
	ByHand    bool          // its service makes keys in a console only: people paste them into the inbox
	Built     bool          // this program can rotate it
}

const quarter = 90 * 24 * time.Hour

// Catalogue returns the built-in entries, in the order of their names.
func Catalogue() []Secret {
	entries := []Secret{
		entry("ANTHROPIC_API_KEY", "anthropic", "Anthropic", quarter, "content generation stops"),
		entry("SUPABASE_SERVICE_ROLE_KEY", "supabase-api-key", "Supabase", quarter, "all API routes fail"),
		entry("JWT_SECRET", "supabase-jwt", "Supabase", quarter, "all sessions invalidated"),
		entry("NEXT_PUBLIC_HELIUS_RPC_URL", "helius", "Helius", 0, "RPC calls fail, fallback to public"),
		entry("UPSTASH_REDIS_REST_TOKEN", "upstash", "Upstash", quarter, "rate limiting disabled"),
		entry("LANGFUSE_SECRET_KEY", "langfuse", "Langfuse", quarter, "telemetry stops, non-fatal"),
		entry("FAL_KEY", "fal", "fal.ai", quarter, "image generation stops"),
		entry("MEM0_API_KEY", "mem0", "Mem0", quarter, "memory recall fails"),
		entry("AYRSHARE_API_KEY", "ayrshare", "Ayrshare", quarter, "social publishing stops"),
		entry("TRIGGER_API_KEY", "trigger", "Trigger.dev", quarter, "background jobs stop"),
		entry("R2_ACCESS_KEY_ID", "r2", "Cloudflare R2", quarter, "media storage fails"),
	}
	for i := range entries {
		switch e := &entries[i]; e.Name {
		case "LANGFUSE_SECRET_KEY":
			e.Variables = []string{"LANGFUSE_SECRET_KEY", "LANGFUSE_PUBLIC_KEY"}
			e.Built = true
		case "R2_ACCESS_KEY_ID":
			e.Variables = []string{"R2_ACCESS_KEY_ID", "R2_SECRET_ACCESS_KEY"}
			e.Aliases = []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY", "CLOUDFLARE_R2_ACCESS_KEY_ID", "CLOUDFLARE_R2_SECRET_ACCESS_KEY"}
			e.Built = true
		case "JWT_SECRET":
			e.Variables = []string{"JWT_SECRET", "JWT_SECRET_PREVIOUS"}
			e.Previous = "JWT_SECRET_PREVIOUS"
			e.Aliases = []string{"SUPABASE_JWT_SECRET"}
			e.Built = true
		case "MEM0_API_KEY":
			e.ByHand, e.Built = true, true
		case "ANTHROPIC_API_KEY":
			e.ByHand, e.Built = true, true
		case "SUPABASE_SERVICE_ROLE_KEY":
			e.Aliases = []string{"SUPABASE_SECRET_KEY", "SUPABASE_SECRET_KEYS"}
			e.Built = true
		case "UPSTASH_REDIS_REST_TOKEN":
			e.Aliases = []string{"KV_REST_API_TOKEN", "UPSTASH_REDIS_TOKEN"}
			e.Built = true
		case "AYRSHARE_API_KEY":
			e.ByHand, e.Built = true, true
		case "TRIGGER_API_KEY":
			e.Aliases = []string{"TRIGGER_SECRET_KEY", "TRIGGER_ACCESS_TOKEN"}
			e.ByHand, e.Built = true, true
		case "NEXT_PUBLIC_HELIUS_RPC_URL":
			e.Aliases = []string{"HELIUS_RPC_URL", "HELIUS_API_KEY", "NEXT_PUBLIC_HELIUS_API_KEY", "NEXT_PUBLIC_HELIUS_WS_URL"}
			e.ByHand, e.Built = true, true
		case "FAL_KEY":
			e.Aliases = []string{"FAL_API_KEY", "FAL_KEY_ID", "FAL_KEY_SECRET"}
			e.Built = true
		}
	}
	sort.Slice(entries, func(i, j int) bool { return entries[i].Name < entries[j].Name })
	return entries
}

func entry(name, service, title string, period time.Duration, impact string) Secret {
	return Secret{Name: name, Service: service, Title: title, Period: period, Impact: impact, Variables: []string{name}}
}

// Matches reports whether a person who typed word meant this secret: its name
// in any case.
func (s Secret) Matches(word string) bool { return strings.EqualFold(s.Name, word) }
