package supabase

import "rekey/providers"

// Profiles of the kinds there are: they differ in what the key in use is.
func Profiles() []providers.Profile {
	const project = "project"
	p := &Provider{config: Config{Waits: DefaultWaits(), Projects: map[string]string{"production": project}}}
	const admin, rights = "a scoped personal access token", "`api_gateway_keys_read`, `api_gateway_keys_write`, `analytics_logs_read`, for these projects"
	return []providers.Profile{
		{Kind: &secretKey{p: p}, Of: p, When: "the value is a secret key (`sb_secret_…`)", Admin: admin, Rights: rights},
		{
			Kind: &secretKey{p: p, held: []holding{{env: "production", id: legacyID(project)}, {env: "staging", id: legacyID(project)}}}, Of: p,
			When: "the value is a legacy `service_role` JWT, and `sends_apikey` is set: a secret key takes its place", Admin: admin, Rights: rights,
			Undo:  "a person switches the project's legacy keys on again, all of them, in the dashboard",
			Takes: "the public `anon` key of its project, in every browser and app,",
		},
	}
}

// SigningProfiles of the kinds of signing keys there are.
func SigningProfiles() []providers.Profile {
	return []providers.Profile{{
		Kind: &signingKey{s: &Signing{config: SigningConfig{Waits: DefaultSigningWaits()}}}, When: "the project is on signing keys, signs with HS256, and the application only verifies (`jwt_use: verify`)",
		Undo:  "a person takes the revoked key, which is kept, back as standby in the dashboard",
		Admin: "a scoped personal access token", Rights: "`auth_signing_keys_read`, `auth_signing_keys_write`, `auth_config_read`, `api_gateway_keys_read`, `analytics_logs_read`, for these projects",
	}}
}
