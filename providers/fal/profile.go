package fal

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	p := &Provider{waits: DefaultWaits()}
	return []providers.Profile{{
		Kind: &apiKey{p: p}, Of: p, When: "always",
		Admin: "a key of ADMIN scope", Rights: "ADMIN of the same account or team; there is nothing narrower",
	}}
}
