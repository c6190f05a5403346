package supabase

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &secretKey{p: &Provider{config: Config{Waits: DefaultWaits()}}}, When: "the value is a secret key (`sb_secret_…`)",
		Admin: "a scoped personal access token", Rights: "`api_gateway_keys_read`, `api_gateway_keys_write`, `analytics_logs_read`, for these projects",
	}}
}

// SigningProfiles of the kinds of signing keys there are.
func SigningProfiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &signingKey{s: &Signing{config: SigningConfig{Waits: DefaultSigningWaits()}}}, When: "the project is on signing keys, signs with HS256, and the application only verifies (`jwt_use: verify`)",
		Admin: "a scoped personal access token", Rights: "`auth_signing_keys_read`, `auth_signing_keys_write`, `auth_config_read`, `api_gateway_keys_read`, `analytics_logs_read`, for these projects",
		Audit: "auth and edge logs: activity of users without a sign-in, as long as the plan keeps them",
	}}
}
