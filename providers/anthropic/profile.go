package anthropic

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &apiKey{p: &Provider{config: Config{Waits: DefaultWaits()}}}, When: "always",
		Admin: "an Admin API key", Rights: "that of an organisation admin; there is nothing narrower",
	}}
}
