//go:build !release

package main

import (
	"net/http"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

// jobsLedger is of both kinds of keys: people make and end additional ones, and
// root keys end by the making of others.
func jobsLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.JobsKey, first: sandbox.VaultStaging, ends: []sandbox.Kind{sandbox.EndedByHand, sandbox.Regenerate},
		olds: []string{w.OldJobsKey(sandbox.Staging), w.OldJobsKey(sandbox.Production)},
		make: func(environment, label string) (string, map[string]string) {
			k := w.MakeJobsKey(environment, label)
			return k.ID, map[string]string{app.JobsKey: k.Value}
		},
		end: func(id string) { w.EndJobsKey(id) }, revive: w.Trigger.Revive,
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range w.Trigger.Keys() {
				all = append(all, ledgerKey{k.ID, k.Name, k.Value, k.Live()})
			}
			return all
		},
		beside: func(id string) map[string]string {
			k, _ := w.Trigger.Key(id)
			return map[string]string{app.JobsSecret: k.Value}
		},
		dies: func(id string) time.Time {
			k, _ := w.Trigger.Key(id)
			return k.Ends
		},
		lost: w.Trigger.Refused, unnumbered: true,
		ending: func(id string) *http.Request { // nothing but a person's click ends one
			return posting(w.Endpoints().Control+"/console/end", `{"secret":"`+app.JobsKey+`","id":"`+id+`"}`)
		},
	}
}
