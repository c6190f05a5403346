package config

import (
	"net/netip"
	"time"
)

// Audit holds the waits of an exposure audit, and what is known beforehand.
type Audit struct {
	// Wait is how long the end of a leaked key waits for what the service may
	// no longer tell afterwards.
	Wait time.Duration `key:"wait" default:"30s" min:"1ms"`
	// For is how long one look at all sources may take.
	For time.Duration `key:"for" default:"5m" min:"1s"`
	// Back is how far back is looked where nobody knows when a key was made.
	Back time.Duration `key:"back" default:"90d" min:"1h"`
	// Addresses from which the application comes: single ones, or networks.
	// Those that use the new key are known without it.
	Addresses []string `key:"addresses" form:"network"`
	// Identities that may read the application's values in Infisical, by id,
	// name or e-mail address, such as the deploy target's. Everybody else who
	// did is a finding.
	Identities []string `key:"identities" form:"word"`
}

// network accepts an address or a network.
func network(text string) string {
	if _, err := netip.ParseAddr(text); err == nil {
		return ""
	}
	if _, err := netip.ParsePrefix(text); err == nil {
		return ""
	}
	return "it is neither an address nor a network"
}
