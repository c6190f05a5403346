package triggerdev

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	known := &keys{p: &Provider{config: Config{Waits: DefaultWaits()}}}
	const admin = "a personal access token of a machine user"
	const writes = "the role that may write API keys in these environments, where the plan has roles; else a member of the one organisation"
	return []providers.Profile{
		{Kind: &additional{byHand{known}}, Of: known.p, When: "the value is an additional key (`tr_…_sk_…`)", Admin: admin, Rights: "seeing the projects"},
		{Kind: &root{known}, Of: known.p, When: "the value is a root key (`tr_…_`)", Admin: admin, Rights: writes},
		{Kind: &moving{byHand{known}}, Of: known.p, When: "the value is a root key, and `migrate: additional` is set", Admin: admin, Rights: writes},
	}
}
