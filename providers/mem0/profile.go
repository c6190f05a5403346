package mem0

import "rekey/providers"

// Profiles of the kinds there are.
func Profiles() []providers.Profile {
	p := &Provider{config: Config{Waits: DefaultWaits()}}
	return []providers.Profile{
		{Kind: &hosted{p: p}, Of: p, When: "the value begins with `m0-`, and no servers are configured"},
		{
			Kind: &own{p: p}, Of: p, When: "the value begins with `m0sk_`, and `servers` are configured",
			Admin: "e-mail address and password of the user who owns the application's keys", Rights: "an ordinary user of the server, for this alone",
		},
	}
}
