//go:build !release

package main

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/upstash"
)

// upstashLedger is about users, or about the databases' own credentials where
// the application runs on those.
func upstashLedger(b *box) ledger {
	if b.world.OwnRedisToken() {
		return resetLedger(b)
	}
	w := b.world
	return ledger{
		variable: app.RedisToken, first: sandbox.Create, ends: []sandbox.Kind{sandbox.SwitchOff, sandbox.Delete},
		olds: []string{w.OldRedisToken(sandbox.Staging), w.OldRedisToken(sandbox.Production)},
		end:  func(id string) { w.Upstash.End(id) }, revive: w.Upstash.Revive,
		keys: func() []ledgerKey { return redisKeys(w.Upstash.Users()) },
		ending: func(id string) *http.Request {
			name, user, _ := strings.Cut(id, "/")
			at, _ := url.Parse(w.Endpoints().Upstash + "/" + name) // the world's own address
			return &http.Request{Method: http.MethodPost, URL: at, Body: io.NopCloser(strings.NewReader(fmt.Sprintf(`["ACL","DELUSER",%q]`, user))),
				Header: http.Header{"Authorization": {"Bearer " + w.Upstash.Own(name).Token}}}
		},
	}
}

// resetLedger is about generations: a reset ends one and makes the next.
func resetLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.RedisToken, first: sandbox.ResetCredentials, ends: []sandbox.Kind{sandbox.ResetCredentials},
		olds: []string{w.OldRedisToken(sandbox.Staging), w.OldRedisToken(sandbox.Production)},
		end:  func(id string) { w.Upstash.End(id) },
		keys: func() []ledgerKey { return redisKeys(w.Upstash.Generations()) },
		beside: func(id string) map[string]string {
			for _, c := range w.Upstash.Generations() {
				if c.ID == id {
					return sandbox.RedisValues(c, w.Upstash.Address(c.Database))
				}
			}
			return nil
		},
	}
}

func redisKeys(all []upstash.Credential) []ledgerKey {
	var keys []ledgerKey
	for _, c := range all {
		keys = append(keys, ledgerKey{c.ID, c.User, c.Token, c.Live})
	}
	return keys
}
