//go:build !release

package main

import (
	"net/http"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

// chainLedger is of keys of Helius. Each is shown as the address that holds it,
// which is what the vault has.
func chainLedger(b *box) ledger {
	w := b.world
	a := ledger{
		variable: app.ChainURL, olds: []string{w.OldChainKey(sandbox.Staging), w.OldChainKey(sandbox.Production)},
		first: sandbox.VaultStaging, ends: []sandbox.Kind{sandbox.EndedByHand},
		// Visitors go on with a public RPC and notice nothing.
		lost: w.LostChain,
		end:  func(id string) { w.EndChainKey(id) }, revive: w.Helius.Revive,
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range w.Helius.Keys() {
				all = append(all, ledgerKey{k.ID, k.Name, w.ChainAddress(k.Value), w.Helius.Accepts(k.ID)})
			}
			return all
		},
		ending: func(id string) *http.Request { // nothing but a person's click ends one
			return posting(w.Endpoints().Control+"/console/end", `{"secret":"`+app.ChainURL+`","id":"`+id+`"}`)
		},
	}
	if w.OneChainKey() {
		a.lost = nil // of the gap that the card stated
	}
	if w.ChainPortal() {
		a.first = sandbox.Create
		return a
	}
	a.make = b.makeChainKey
	return a
}

// makeChainKey makes a key in the dashboard, in the place of the present one
// where the plan has room for one. The address is pasted whole for production, the
// bare key for staging.
func (b *box) makeChainKey(environment, label string) (string, map[string]string) {
	w := b.world
	if w.OneChainKey() {
		w.EndChainKey(w.OldChainKey(environment))
	}
	k, err := w.Helius.Create(sandbox.ChainProject(environment), label)
	if err != nil {
		return "", nil
	}
	if environment == sandbox.Production {
		return k.ID, map[string]string{app.ChainURL: "https://mainnet.helius-rpc.com/?api-key=" + k.Value}
	}
	return k.ID, map[string]string{app.ChainURL: k.Value}
}
