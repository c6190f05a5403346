//go:build !release

package main

import (
	"net/http"
	"net/url"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/supabase"
)

func supabaseLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.SupabaseKey, first: sandbox.Create, ends: []sandbox.Kind{sandbox.Delete, sandbox.LegacyKeys},
		olds: []string{w.OldSupabaseKey(sandbox.Staging), w.OldSupabaseKey(sandbox.Production)},
		end:  func(id string) { w.Supabase.End(id) }, revive: w.Supabase.Revive,
		ending: func(id string) *http.Request {
			k, _ := w.Supabase.Key(id)
			at, _ := url.Parse(w.Endpoints().Supabase + "/v1/projects/" + k.Project + "/api-keys/" + id) // the world's own address
			return &http.Request{Method: http.MethodDelete, URL: at, Header: http.Header{"Authorization": {"Bearer " + w.Credentials().SupabaseToken}}}
		},
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, environment := range []string{sandbox.Staging, sandbox.Production} { // the legacy ones, by their project
				ref := sandbox.SupabaseRef(environment)
				all = append(all, ledgerKey{ref, "service_role", w.Supabase.LegacyKey(ref, "service_role"), w.Supabase.LegacyOn(ref)})
			}
			for _, k := range w.Supabase.Keys() {
				if k.Type == supabase.Secret {
					all = append(all, ledgerKey{k.ID, k.Name, k.Value, k.Live()})
				}
			}
			return all
		},
	}
}
