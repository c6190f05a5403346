package helius

import "rekey/providers"

// Profiles are the kinds for people.
func Profiles() []providers.Profile {
	known := &keys{p: &Provider{config: Config{Waits: DefaultWaits()}}}
	return []providers.Profile{
		{Kind: &manual{byHand{known}}, Of: known.p, When: "no token of the portal is configured"},
		{
			Kind: &listed{keys: known}, Of: known.p, When: "a token of the portal is configured",
			Admin: "the token of a portal session", Rights: "all that the person who signed in may do; there is nothing narrower",
		},
		{Kind: &single{byHand{known}}, Of: known.p, When: "`one_key` says that the plan has one key"},
	}
}
