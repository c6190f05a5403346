package anthropic

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	p := &Provider{config: Config{Waits: DefaultWaits()}}
	return []providers.Profile{{
		Kind: &apiKey{p: p}, Of: p, When: "always",
		Admin: "an Admin API key", Rights: "that of an organisation admin; there is nothing narrower",
	}}
}
