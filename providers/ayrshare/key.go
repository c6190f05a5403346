package ayrshare

import (
	"maps"
	"slices"
	"strings"

	"rekey/internal/secret"
	"rekey/providers"
)

// key is the one kind there is: an account's only key.
type key struct {
	p         *Provider
	accounts  map[string]string // by environment
	inUse     map[string]secret.Value
	scheduled bool // posts go out later from one of the accounts
}

var (
	_ providers.Kind      = (*key)(nil)
	_ providers.Guide     = (*key)(nil)
	_ providers.Prober    = (*key)(nil)
	_ providers.Continuer = (*Provider)(nil)
)

// signatures are how an application says that this key is refused.
var signatures = []string{`(?i)ayrshare[^\n]{0,120}(\b401\b|api key not valid)`}

// Traits of a key.
func (k *key) Traits() providers.Traits {
	return providers.Traits{
		Kind:    "Ayrshare API key",
		Service: "Ayrshare",
		Shape:   providers.Cutover,
		Guided:  true,
		Account: k.account(),
		Drain: "clients that read the key when they start (MCP plug-ins, long-running workers, no-code tools): each has to be started again with the new one; " +
			"posts tried in the gap fail unless the application holds them, and must not be sent again blindly",
		Notice:     k.notice(),
		Waits:      k.p.config.Waits,
		Signatures: slices.Clone(signatures),
	}
}

// notice tells of posts that are under way. How many changes while nobody looks.
func (k *key) notice() string {
	if !k.scheduled {
		return ""
	}
	return "Posts are scheduled at Ayrshare; they go out from there whatever the key is; in the middle of a campaign, pick a quiet minute"
}

// account says whose the keys are, by environment. It is read back by Continue.
func (k *key) account() string {
	var parts []string
	for _, env := range slices.Sorted(maps.Keys(k.accounts)) {
		parts = append(parts, env+": "+k.accounts[env])
	}
	return strings.Join(parts, "; ")
}

// Identify returns a fingerprint: the service gives keys no id.
func (k *key) Identify(v providers.Values) (providers.ID, error) {
	own, err := k.p.read("identifying a key of Ayrshare", v)
	if err != nil {
		return "", err
	}
	return k.p.config.Name(own), nil
}
