package r2

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	p := &Provider{config: Config{Waits: DefaultWaits()}}
	return []providers.Profile{{
		Kind: &accessKey{p: p}, Of: p, When: "the key belongs to a token of the account, not of a user",
		Admin: "a token of the account", Rights: "Account API Tokens: Edit; Workers R2 Storage: Read; for the audit log Account Settings: Read",
	}}
}
