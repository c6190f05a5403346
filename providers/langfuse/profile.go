package langfuse

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	known := &pairs{p: &Provider{config: Config{Waits: DefaultWaits()}}}
	const admin, rights = "a key pair of the organisation", "the whole organisation; there is nothing narrower"
	return []providers.Profile{
		{Kind: &issued{listed{known}}, Of: known.p, When: "the plan has the API for keys", Admin: admin, Rights: rights},
		{Kind: &restricted{listed{known}}, Of: known.p, When: "the plan has the API, and `by_hand` says that keys have restricted permissions", Admin: admin, Rights: rights},
		{Kind: &manual{known}, Of: known.p, When: "the plan has no API for keys, and `by_hand` is set", Admin: admin + ", to find the plan by", Rights: rights},
	}
}
