package sandbox

import (
	"context"
	"slices"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/helius"
	"rekey/internal/sandbox/scan"
)

// An edge of Helius takes a deleted key a moment longer; a tab stays open for
// 23 of the 24 hours for which an old key is kept, in a world in which hours are
// shortened to a 2400th.
const (
	chainSpread = 100 * time.Millisecond
	tabKept     = 23 * time.Hour / 2400
	tabEvery    = 250 * time.Millisecond
)

// chain is what the seed made at Helius.
type chain struct {
	old    map[string]helius.Key // by environment; nil when nothing uses them
	token  string                // of the bot's session at the portal; empty when it has none
	oneKey bool                  // each project has room for one
	tabs   map[string]*app.Tabs  // by environment
	every  time.Duration         // a tab is opened
	keep   time.Duration         // it stays open
}

// ChainProject is an environment's project at Helius.
func ChainProject(environment string) string { return "prj_shop_" + environment }

// seedChain makes a key for each environment, and one that is somebody's, if the
// address is played. Both are on their ports from now on: values hold the
// address.
func (w *World) seedChain(o Options, made time.Time) error {
	if !slices.Contains(o.Also, app.ChainURL) {
		return nil
	}
	limit := 0
	if o.OneChainKey {
		limit = 1
	}
	w.Helius = helius.New(helius.Options{Spread: o.scaled(chainSpread), Limit: limit}, ChainProject(Staging), ChainProject(Production), "prj_else")
	w.PublicRPC = helius.NewPublic()
	w.chain = chain{oneKey: o.OneChainKey, old: map[string]helius.Key{}, tabs: map[string]*app.Tabs{}, every: o.scaled(tabEvery), keep: o.scaled(tabKept)}
	if o.ChainPortal {
		w.chain.token = w.Helius.Token()
	}
	w.Helius.Seed("prj_else", AppName, made) // a name is not unique
	for _, environment := range []string{Staging, Production} {
		w.chain.old[environment] = w.Helius.Seed(ChainProject(environment), AppName, made)
	}
	var err error
	if w.endpoints.Helius, err = w.serve(w.Helius.Handler()); err != nil {
		return err
	}
	w.endpoints.PublicRPC, err = w.serve(w.PublicRPC.Handler())
	return err
}

// ChainAddress is the value of an application that uses a key.
func (w *World) ChainAddress(key string) string {
	return w.endpoints.Helius + "/?commitment=confirmed&api-key=" + key
}

// ChainPortal reports whether the bot has a token of the portal.
func (w *World) ChainPortal() bool { return w.chain.token != "" }

// OneChainKey reports whether each project has room for one key.
func (w *World) OneChainKey() bool { return w.chain.oneKey }

// OldChainKey is the id of the key that an environment used when the world
// began.
func (w *World) OldChainKey(environment string) string { return w.chain.old[environment].ID }

// chainValues are the address, if the application uses one.
func (w *World) chainValues(environment string) map[string]string {
	if w.Helius == nil {
		return nil
	}
	return map[string]string{app.ChainURL: w.ChainAddress(w.chain.old[environment].Value)}
}

// browse opens tabs of both environments.
func (w *World) browse(ctx context.Context) {
	if w.Helius == nil {
		return
	}
	for environment, page := range map[string]string{Staging: w.endpoints.Staging, Production: w.endpoints.Production} {
		t := app.NewTabs(page+"/", w.endpoints.PublicRPC+"/", w.chain.every, w.chain.keep)
		w.chain.tabs[environment] = t
		w.guests.Go(func() { t.Run(ctx) })
	}
}

// LostChain counts how often something of the application's was refused by
// Helius and went on with the public RPC: nobody notices.
func (w *World) LostChain() int {
	if w.PublicRPC == nil {
		return 0
	}
	return w.PublicRPC.Calls()
}

// TabsAsked counts what browsers asked, with whatever key their scripts have.
func (w *World) TabsAsked() int {
	all := 0
	for _, t := range w.chain.tabs {
		asked, _ := t.Totals()
		all += asked
	}
	return all
}

func (w *World) watchChain() {
	if w.Helius == nil {
		return
	}
	w.Helius.OnWrite(func(k helius.Key) { w.wrote(Create, k.ID+" "+k.Name) })
}

// EndChainKey deletes a key in the dashboard, as a person does. It is noted with
// who had approved it: no person is to be asked before.
func (w *World) EndChainKey(id string) bool {
	done := w.Helius.End(id)
	if done {
		w.wrote(EndedByHand, id)
	}
	return done
}

// issuedChain lists what of Helius is secret.
func (w *World) issuedChain() []scan.Secret {
	if w.Helius == nil {
		return nil
	}
	all := []scan.Secret{{Name: "the portal's token of Helius", Value: w.Helius.Token()}}
	for _, k := range w.Helius.Keys() {
		all = append(all, scan.Secret{Name: "Helius key " + k.ID, Value: k.Value})
	}
	return all
}

func (w *World) chainLabels() [][2]string {
	if w.Helius == nil {
		return nil
	}
	var all [][2]string
	for _, k := range w.Helius.Keys() {
		all = append(all, [2]string{"the name of Helius key " + k.ID, k.Name})
	}
	return all
}
