package upstash

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	p := &Provider{config: Config{Waits: DefaultWaits()}}
	return []providers.Profile{
		{Kind: &users{p: p}, Of: p, When: "the database says that the token is a user's (ACL)", Admin: "the password of the database's default user",
			Rights: "whoever may change the list of users may do everything in that database; there is nothing narrower"},
		{Kind: &called{&resets{p: p}}, Of: p, When: "the database says that the token is its own (the user `default`)", Admin: "e-mail address and API key of the account",
			Rights: "a key that may write; it is for the whole account, there is nothing narrower"},
		{Kind: &manual{&resets{p: p}}, Of: p, When: "the same, and `by_hand` is set because the account has no API key"},
	}
}
