package ayrshare

import "rekey/providers"

// Profiles of the one kind there is.
func Profiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &key{p: &Provider{config: Config{Waits: DefaultWaits()}}}, When: "always: an account has one key",
	}}
}
