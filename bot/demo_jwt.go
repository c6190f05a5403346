//go:build !release

package main

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/supabase"
)

func jwtLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.JWTSecret, first: sandbox.ImportSigner, ends: []sandbox.Kind{sandbox.RevokeSigner, sandbox.OtherSigner},
		olds:   []string{w.OldSigner(sandbox.Staging), w.OldSigner(sandbox.Production)},
		end:    func(id string) { w.Supabase.SetSigner(id, supabase.Revoked) },
		revive: func(id string) { w.Supabase.SetSigner(id, supabase.Standby) },
		ending: func(id string) *http.Request {
			at, _ := url.Parse(w.Endpoints().Supabase + "/v1/projects/" + b.signerOf(id).Project + "/config/auth/signing-keys/" + id) // the world's own address
			return &http.Request{Method: http.MethodPatch, URL: at, Body: io.NopCloser(strings.NewReader(`{"status":"revoked"}`)),
				Header: http.Header{"Authorization": {"Bearer " + w.Credentials().SupabaseToken}, "Content-Type": {"application/json"}}}
		},
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range w.Supabase.Signers() {
				name := "made in the dashboard"
				if k.Imported {
					name = "rk_" + sandboxInstallation + "_" // signing keys have no names: what came over the API is the bot's
				}
				all = append(all, ledgerKey{k.ID, name, k.Secret, k.Status != supabase.Revoked})
			}
			return all
		},
		accepted: func(id string) bool {
			old := b.signerOf(id).Secret
			verifies := func(h app.Holding) bool { return h.Value == old }
			return slices.ContainsFunc([]*app.App{w.Staging, w.Production}, func(a *app.App) bool {
				return slices.ContainsFunc(a.Holdings(app.JWTSecret), verifies) || slices.ContainsFunc(a.Holdings(app.JWTPrevious), verifies)
			})
		},
		// In the end the application accepts nothing else.
		beside: func(id string) map[string]string { return map[string]string{app.JWTPrevious: b.signerOf(id).Secret} },
	}
}

func (b *box) signerOf(id string) supabase.Signer {
	for _, k := range b.world.Supabase.Signers() {
		if k.ID == id {
			return k
		}
	}
	return supabase.Signer{}
}
