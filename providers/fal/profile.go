package fal

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &apiKey{p: &Provider{waits: DefaultWaits()}}, When: "always",
		Admin: "a key of ADMIN scope", Rights: "ADMIN of the same account or team; there is nothing narrower",
	}}
}
