//go:build !release

package main

import (
	"net/http"
	"net/url"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/r2"
)

// mediaLedger tells R2's keys by their secrets: the ids may be shown.
func mediaLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.MediaKeySecret, first: sandbox.Create, ends: []sandbox.Kind{sandbox.SwitchOff, sandbox.Delete},
		olds: w.OldMediaKeys(),
		end:  func(id string) { w.R2.End(id) }, revive: w.R2.Revive,
		ending: func(id string) *http.Request {
			at, _ := url.Parse(w.Endpoints().R2 + "/client/v4/accounts/" + r2.Account + "/tokens/" + id) // the world's own address
			return &http.Request{Method: http.MethodDelete, URL: at, Header: http.Header{"Authorization": {"Bearer " + w.Credentials().R2Admin}}}
		},
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, t := range w.R2.Tokens() {
				all = append(all, ledgerKey{t.ID, t.Name, t.Secret(), t.Live()})
			}
			return all
		},
	}
}
