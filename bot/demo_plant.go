//go:build !release

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/slack"
)

// plants are faults put into the world on purpose, to prove that what looks
// for them finds them. Each is what happens after a write of the bot's.
var plants = map[string]func(*box, ledger) func(sandbox.Write){
	"leak":         plantLeak,
	"early-revoke": plantEarlyRevoke,
	"no-approval":  plantNoApproval,
	"revive":       plantRevive,
}

func plantNames() []string { return slices.Sorted(maps.Keys(plants)) }

var quiet = slog.New(slog.DiscardHandler)

// about reports whether a write concerns a secret: by its variable, a key of its
// own, or the thread it was made in.
func (b *box) about(a ledger, w sandbox.Write) bool {
	if w.Kind == sandbox.ApprovalCard {
		own := threads(b.world.Slack.Messages(sandbox.Channel), a.secret)
		return slices.ContainsFunc(own, func(m slack.Message) bool { return m.TS == w.What })
	}
	return slices.ContainsFunc(strings.Fields(w.What), func(word string) bool {
		_, known := a.key(word)
		return known || word == a.variable
	})
}

// plantLeak posts half of a new key's secret part to Slack, in disguise, as a
// careless debug line would.
func plantLeak(b *box, a ledger) func(sandbox.Write) {
	kind := map[string]sandbox.Kind{sandbox.Staging: sandbox.VaultStaging, sandbox.Production: sandbox.VaultProduction}[a.places[0]]
	return func(w sandbox.Write) {
		if w.Kind != kind || !b.about(a, w) {
			return
		}
		hidden := a.latest().secretPart()
		text := "debug: " + base64.StdEncoding.EncodeToString([]byte(hidden[:len(hidden)/2]))
		go say(b.world, text)
	}
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
// application still runs on the old one. Where a key ends by being replaced, that
// is such a write itself; so it is done once.
func plantEarlyRevoke(b *box, a ledger) func(sandbox.Write) {
	var done atomic.Bool
	return func(w sandbox.Write) {
		if w.Kind != a.first || !b.about(a, w) || done.Swap(true) {
			return
		}
		for _, id := range a.olds {
			a.end(id)
		}
	}
}

// plantNoApproval ends the old key with the bot's own credential as soon as
// people are asked, as a bot would that does not wait for their answer.
func plantNoApproval(b *box, a ledger) func(sandbox.Write) {
	return func(w sandbox.Write) {
		if w.Kind != sandbox.ApprovalCard || !b.about(a, w) {
			return
		}
		for _, id := range a.olds {
			request(a.ending(id))
		}
	}
}

// reviveTimeout is how long the plant waits for a death certificate.
const reviveTimeout = 5 * time.Minute

// buried reports that a message tells of the old key's death, as early as what
// follows can still be seen by the bot.
func (a ledger) buried(text string) bool {
	if a.bury != nil {
		return strings.Contains(text, a.places[len(a.places)-1]+" is without a working key")
	}
	return strings.Contains(text, "*The old key is dead.*")
}

// burial is what the thread asks of people where Rekey cannot end what came back.
const burial = "End it there by hand"

// bury has the vendor end what came back to life.
func (d *demo) bury() error {
	own := d.box.ledgerIn(d.play)
	if own.bury == nil {
		return fmt.Errorf("nobody ends a single key of %s by hand", own.secret)
	}
	for _, id := range own.olds {
		if k, _ := own.key(id); k.live {
			d.say("@ann has the vendor's support end %s, as the thread asks", id)
			own.bury(id)
		}
	}
	return nil
}

// plantRevive brings the old key back to life, once, as soon as the thread says
// that it is dead: a bot that does not look again never knows. Where the next key
// kills it, that is certified last of all: it comes back after it was first refused.
func plantRevive(b *box, a ledger) func(sandbox.Write) {
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), reviveTimeout)
		defer cancel()
		if err := b.world.Slack.Wait(ctx, func(now slack.Snapshot) bool {
			return slices.ContainsFunc(threads(now.Messages[sandbox.Channel], a.secret), func(m slack.Message) bool { return a.buried(m.Text) })
		}); err == nil {
			a.revive(a.olds[len(a.olds)-1])
		}
	}()
	return func(sandbox.Write) {}
}

// request sends a request that was made beforehand, for a while.
func request(r *http.Request) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if resp, err := http.DefaultClient.Do(r.WithContext(ctx)); err == nil {
		_ = resp.Body.Close()
	}
}
