package commands

import (
	"strings"
	"testing"

	"rekey/rotation"
)

// The values below are made up; they only have the forms that services use.
var keyShaped = map[string]string{
	"anthropic":          "sk-ant-api03-x7Kd9_fakefakefake-AA",
	"anthropic admin":    "FAL_KEY sk-ant-admin01-Zk2fakefake",
	"openai like":        "sk-proj-abc123def456",
	"langfuse":           "sk-lf-0a1b2c3d-1111-2222-3333-444455556666",
	"mem0":               "m0-abcdEFGH1234ijkl",
	"mem0 server":        "m0sk_abcdEFGH1234ijkl",
	"slack bot":          "xoxb-1234567890-abcdef",
	"slack app":          "xapp-1-A012345-6789-abc",
	"supabase":           "sb_secret_N7UND0UgjKTVK-Uodkm0Hg_xSvEMPvz",
	"supabase legacy":    "eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoic2VydmljZV9yb2xlIn0.abc",
	"trigger":            "tr_prod_A1b2C3d4E5f6",
	"fal":                "0b6f0a4e-7c1d-4f6e-9a53-1f2e3d4c5b6a:4f8b2c6d9e1a3b5c7d9e0f1a2b3c4d5e",
	"fal after a name":   "FAL_KEY=0b6f0a4e7c1d4f6e:4f8b2c6d9e1a3b5c",
	"helius url":         "https://mainnet.helius-rpc.com/?api-key=8e1f2a3b-4c5d",
	"url credentials":    "redis://default:hunter2hunter2@example.com:6379",
	"escaped url":        "<https://rpc.example.com/?api-key=abcd1234|rpc.example.com>",
	"aws":                "AKIAIOSFODNN7EXAMPLE",
	"hex":                "4f8b2c6d9e1a3b5c7d9e0f1a2b3c4d5e",
	"uuid":               "status 123e4567-e89b-12d3-a456-426614174000",
	"base64":             "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQ",
	"lower case only":    "qhxkzjwvbmrtpyfgdnslcaeo",
	"pem":                "-----BEGIN PRIVATE KEY----- MIIE",
	"in backticks":       "`sk-ant-api03-x7Kd9_fakefake`",
	"hidden by a joiner": "sk-\u200bant-\u200dapi03-x7Kd9fakefake",
	"as a flag":          "--key=4f8b2c6d9e1a3b5c7d9e0f1a2b3c4d5e",
	"in a commit's url":  "https://github.com/acme/app/commit/9fceb02d0ae598e95dc970b74767f19372d61af8?key=abcd1234",
	"longer than a hash": "https://github.com/acme/app/commit/9fceb02d0ae598e95dc970b74767f19372d61af89fceb02d",
	"hash by itself":     "9fceb02d0ae598e95dc970b74767f19372d61af8",
}

func TestKeyShaped(t *testing.T) {
	for name, text := range keyShaped {
		if !KeyShaped(text) {
			t.Errorf("%s: not seen as a key", name)
		}
	}
}

func TestNamesAreNotKeyShaped(t *testing.T) {
	words := []string{
		"", "status", "help", "--plan", "FAL_KEY --plan", "—plan", "status FAL_KEY", "retry fal_key",
		"SUPABASE_SERVICE_ROLL_KEY", "next-public-helius-rpc-url", "R2_SECRET_ACCESS_KEY",
		"please rotate the fal key before the meeting on monday", "sk-ant-", "https://example.com/docs/getting-started",
		strings.Repeat("a", 40), strings.Repeat("=", 60),
		"seen in https://github.com/acme/app/commit/9fceb02d0ae598e95dc970b74767f19372d61af8",
		"<https://git.example.com/acme/app/-/blob/9fceb02d0ae598e95dc970b74767f19372d61af8/config/prod.env#L12>, by everybody",
	}
	for _, s := range rotation.Catalogue() {
		words = append(words, s.Name, strings.ToLower(s.Name))
		words = append(words, s.Variables...)
	}
	for _, text := range words {
		if KeyShaped(text) {
			t.Errorf("%q is called a key", text)
		}
	}
}
