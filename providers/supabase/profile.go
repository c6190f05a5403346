package supabase

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &secretKey{p: &Provider{config: Config{Waits: DefaultWaits()}}}, When: "the value is a secret key (`sb_secret_…`)",
		Admin: "a scoped personal access token", Rights: "`api_gateway_keys_read`, `api_gateway_keys_write`, `analytics_logs_read`, for these projects",
		Audit: "edge logs of each key, by prefix, as long as the plan keeps them",
	}}
}
