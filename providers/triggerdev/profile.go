package triggerdev

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	known := &keys{p: &Provider{config: Config{Waits: DefaultWaits()}}}
	const admin = "a personal access token of a machine user"
	return []providers.Profile{
		{Kind: &additional{known}, When: "the value is an additional key (`tr_…_sk_…`)", Admin: admin, Rights: "seeing the projects"},
	}
}
