//go:build !release

package main

import (
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

func langfuseLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.LangfuseSecret, first: sandbox.Create, ends: []sandbox.Kind{sandbox.Delete},
		olds: []string{w.OldTraceKey(sandbox.Staging), w.OldTraceKey(sandbox.Production)},
		end:  func(id string) { w.Langfuse.End(id) }, revive: w.Langfuse.Revive,
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range w.Langfuse.Keys() {
				// One that is deleted lives on for as long as the service remembers it.
				all = append(all, ledgerKey{k.Public, k.Note, k.Secret, w.Langfuse.Accepts(k.Public)})
			}
			return all
		},
		beside: func(id string) map[string]string { return map[string]string{app.LangfusePublic: id} },
		lost:   w.Langfuse.Refused,
		ending: func(id string) *http.Request {
			k, _ := w.Langfuse.Key(id)
			at, _ := url.Parse(w.Endpoints().Langfuse + "/api/public/projects/" + k.Project + "/apiKeys/" + k.ID) // the world's own address
			public, hidden, _ := strings.Cut(w.Credentials().LangfuseAdmin, ":")
			r := &http.Request{Method: http.MethodDelete, URL: at, Header: http.Header{}}
			r.SetBasicAuth(public, hidden)
			return r
		},
	}
}
