//go:build !release

package main

import (
	"net/http"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
)

func socialLedger(b *box) ledger {
	w := b.world
	olds := []string{w.OldSocialKey(sandbox.Staging), w.OldSocialKey(sandbox.Production)}
	if w.OneSocial() {
		olds = olds[:1]
	}
	return ledger{
		variable: app.SocialKey, first: sandbox.ReplacedByHand, ends: []sandbox.Kind{sandbox.ReplacedByHand},
		olds: olds,
		make: func(environment, _ string) (string, map[string]string) {
			k, _ := w.ReplaceSocialKey(environment)
			return k.ID, map[string]string{app.SocialKey: k.Value}
		},
		end: func(id string) { // nothing ends a key but the making of another one
			for _, environment := range []string{sandbox.Staging, sandbox.Production} {
				if id == w.OldSocialKey(environment) {
					_, _ = w.ReplaceSocialKey(environment)
				}
			}
		},
		revive: w.Ayrshare.Revive, bury: w.Ayrshare.Bury,
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range w.Ayrshare.Keys() {
				all = append(all, ledgerKey{k.ID, k.Account, k.Value, k.Live})
			}
			return all
		},
		lost: func() int { return w.Production.LostPosts() },
		ending: func(id string) *http.Request {
			return posting(w.Endpoints().Control+"/console/end", `{"secret":"`+app.SocialKey+`","id":"`+id+`"}`)
		},
	}
}
