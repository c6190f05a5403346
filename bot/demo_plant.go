//go:build !release

package main

import (
	"context"
	"encoding/base64"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox"
)

// plants are faults put into the world on purpose, to prove that what looks
// for them finds them.
var plants = map[string]func(*box, ledger){
	"leak":         plantLeak,
	"early-revoke": plantEarlyRevoke,
	"no-approval":  plantNoApproval,
}

func plantNames() []string { return slices.Sorted(maps.Keys(plants)) }

var quiet = slog.New(slog.DiscardHandler)

// plantLeak posts half of a new key's secret part to Slack, in disguise, as a
// careless debug line would.
func plantLeak(b *box, a ledger) {
	b.world.OnWrite(func(w sandbox.Write) {
		if w.Kind != sandbox.VaultStaging {
			return
		}
		hidden := a.latest().secretPart()
		text := "debug: " + base64.StdEncoding.EncodeToString([]byte(hidden[:len(hidden)/2]))
		go say(b.world, text)
	})
}

// say posts to the channel with the bot's own token.
func say(w *sandbox.World, text string) {
	form := url.Values{"token": {w.Credentials().SlackBot}, "channel": {sandbox.Channel}, "text": {text}}
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPost, w.Endpoints().Slack+"chat.postMessage", strings.NewReader(form.Encode()))
	if err != nil {
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request(req)
}

// plantEarlyRevoke ends the old key as soon as there is a new one, while the
// application still runs on the old one.
func plantEarlyRevoke(b *box, a ledger) {
	b.world.OnWrite(func(w sandbox.Write) {
		if w.Kind == a.first {
			for _, id := range a.olds {
				a.end(id)
			}
		}
	})
}

// plantNoApproval ends the old key with the bot's own credential as soon as
// people are asked, as a bot would that does not wait for their answer.
func plantNoApproval(b *box, a ledger) {
	b.world.OnWrite(func(w sandbox.Write) {
		if w.Kind != sandbox.ApprovalCard {
			return
		}
		for _, id := range a.olds {
			request(a.ending(id))
		}
	})
}

// request sends a request that was made beforehand, for a while.
func request(r *http.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if resp, err := http.DefaultClient.Do(r.WithContext(ctx)); err == nil {
		_ = resp.Body.Close()
	}
}
