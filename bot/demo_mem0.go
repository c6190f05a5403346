//go:build !release

package main

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/mem0"
)

// memoryLedger is of the platform's keys, or of those of a server of one's own.
func memoryLedger(b *box) ledger {
	w := b.world
	a := ledger{
		variable: app.MemoryKey, olds: []string{w.OldMemoryKey(sandbox.Staging), w.OldMemoryKey(sandbox.Production)},
		lost: func() int { return w.Mem0.Refused() + w.Mem0Own.Refused() },
	}
	if w.OwnMemory() {
		a.first, a.ends = sandbox.Create, []sandbox.Kind{sandbox.Delete}
		a.keys = func() []ledgerKey { return memoryKeys(w.Mem0Own) }
		a.end, a.revive = func(id string) { w.Mem0Own.End(id) }, w.Mem0Own.Revive
		a.ending = func(id string) *http.Request { return revokingMemory(w, id) }
		return a
	}
	a.first, a.ends = sandbox.VaultStaging, []sandbox.Kind{sandbox.EndedByHand}
	a.keys = func() []ledgerKey { return memoryKeys(w.Mem0) }
	a.end, a.revive = func(id string) { w.EndMemoryKey(id) }, w.Mem0.Revive
	a.make = func(environment, label string) (string, map[string]string) {
		k := w.Mem0.Create(sandbox.MemoryProject(environment), label)
		return k.ID, map[string]string{app.MemoryKey: k.Value}
	}
	a.ending = func(id string) *http.Request { // nothing but a person's click ends one
		return posting(w.Endpoints().Control+"/console/memory/end", `{"id":"`+id+`"}`)
	}
	return a
}

func memoryKeys(s *mem0.Server) []ledgerKey {
	var all []ledgerKey
	for _, k := range s.Keys() {
		all = append(all, ledgerKey{k.ID, k.Name, k.Value, s.Accepts(k.ID)})
	}
	return all
}

// posting is a request to one of the world's own addresses.
func posting(address, body string) *http.Request {
	at, _ := url.Parse(address)
	return &http.Request{Method: http.MethodPost, URL: at, Body: io.NopCloser(strings.NewReader(body)), Header: http.Header{"Content-Type": {"application/json"}}}
}

// revokingMemory signs in as the bot does and revokes a key.
func revokingMemory(w *sandbox.World, id string) *http.Request {
	at, _ := url.Parse(w.Endpoints().Mem0Own + "/api-keys/" + id) // the world's own address
	return &http.Request{Method: http.MethodDelete, URL: at, Header: http.Header{"Authorization": {"Bearer " + w.Mem0Own.SignIn()}}}
}
