//go:build !release

package main

import (
	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

// mediaLedger tells R2's keys by their secrets: the ids may be shown.
func mediaLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.MediaKeySecret, first: sandbox.Create, ends: []sandbox.Kind{sandbox.SwitchOff, sandbox.Delete},
		olds: w.OldMediaKeys(),
		end:  func(id string) { w.R2.End(id) },
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, t := range w.R2.Tokens() {
				all = append(all, ledgerKey{t.ID, t.Name, t.Secret(), t.Live()})
			}
			return all
		},
	}
}
