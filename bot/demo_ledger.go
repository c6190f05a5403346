//go:build !release

package main

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/fal"
)

// ledger is what the world's own records say of one secret's keys.
type ledger struct {
	secret   string // its name in the catalogue
	variable string
	// make is how a person makes a key at the service's console, under the name
	// that the guide asks for; nil where the bot makes keys. It returns what
	// there is to be pasted, by the variable's name.
	make func(environment, label string) (id string, values map[string]string)
	olds []string // ids in use at the beginning: one for both environments, or one each
	// places are the environments that are rotated.
	places []string
	// first is the write after which a new key exists and nobody uses it yet.
	first sandbox.Kind
	// ends are the writes that end a key, for good or not.
	ends []sandbox.Kind
	keys func() []ledgerKey // every key ever made for applications
	end  func(id string)    // as a person would at the console
	// dies is when a key that was ended dies by itself; nil where an end is one.
	dies func(id string) time.Time
	// revive brings a dead key back to life; nil where the service has no such
	// thing.
	revive func(id string)
	// bury is how the vendor's people end exactly one key where nobody else can;
	// nil where end does.
	bury func(id string)
	// ending is how the bot's own credential ends a key.
	ending func(id string) *http.Request
	// beside are the other values of a pair; nil where a key is one value.
	beside func(id string) map[string]string
	// accepted reports that an application itself still takes what a key signed; nil
	// where only the service decides that.
	accepted func(id string) bool
	// unnumbered says that people know a key by its last characters, because
	// its service gives it no id.
	unnumbered bool
	// lost counts what the application lost without a visitor's noticing; nil
	// where there is no such thing.
	lost func() int
}

type ledgerKey struct {
	id, name, value string
	live            bool
}

// ledgers are the services whose keys can be played, by secret.
var ledgers = map[string]func(*box) ledger{app.FalKey: falLedger, app.AnthropicKey: anthropicLedger, app.MediaKeyID: mediaLedger, app.RedisToken: upstashLedger, app.SupabaseKey: supabaseLedger, app.LangfuseSecret: langfuseLedger, app.MemoryKey: memoryLedger, app.ChainURL: chainLedger, app.JobsKey: jobsLedger, app.SocialKey: socialLedger, app.JWTSecret: jwtLedger}

func (b *box) ledger(secret string) ledger {
	a := ledgers[secret](b)
	a.secret, a.places = secret, []string{sandbox.Staging, sandbox.Production}
	return a
}

// ledgerIn is of what a story is about.
func (b *box) ledgerIn(s script) ledger {
	a := b.ledger(s.secret)
	if s.first {
		a.lost = nil // of the outage that people approved: visitors notice it, and it has to lie within the gap
	}
	if s.emergency {
		return a.inEmergency()
	}
	return a
}

// last are the characters by which people know a key that has no id; "" where
// it has one.
func (a ledger) last(value string) string {
	if !a.unnumbered {
		return ""
	}
	return value[len(value)-4:]
}

// openConsoles shows on the page what people see and do at the services of the
// secrets played, beside fal.ai's and Anthropic's, which it always shows.
func (b *box) openConsoles() {
	for _, secret := range b.world.Production.Uses() {
		if secret == app.FalKey || secret == app.AnthropicKey || ledgers[secret] == nil {
			continue
		}
		a := b.ledger(secret)
		b.world.AddConsole(sandbox.Console{
			Secret: secret, Variable: a.variable, First: a.olds, Make: a.make, End: a.end,
			Keys: func() []sandbox.ConsoleKey {
				var all []sandbox.ConsoleKey
				for _, k := range a.keys() {
					all = append(all, sandbox.ConsoleKey{ID: k.id, Name: k.name, Value: k.value, Live: k.live, Last: a.last(k.value)})
				}
				return all
			},
		})
	}
}

func falLedger(b *box) ledger {
	return ledger{
		variable: app.FalKey, olds: []string{b.world.OldKey()}, first: sandbox.Create, ends: []sandbox.Kind{sandbox.Delete},
		end: func(id string) { b.world.Fal.End(id) }, revive: b.world.Fal.Revive,
		ending: func(id string) *http.Request {
			at, _ := url.Parse(b.world.Endpoints().Fal + "/v1/keys/" + id) // the world's own address
			return &http.Request{Method: http.MethodDelete, URL: at, Header: http.Header{"Authorization": {"Key " + b.world.Credentials().FalAdmin}}}
		},
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range b.world.Fal.Keys() {
				if k.Scope == fal.API {
					all = append(all, ledgerKey{k.ID, k.Alias, k.Value, k.Live()})
				}
			}
			return all
		},
	}
}

func anthropicLedger(b *box) ledger {
	w := b.world
	return ledger{
		variable: app.AnthropicKey, first: sandbox.VaultStaging, ends: []sandbox.Kind{sandbox.SwitchOff, sandbox.Archive},
		olds: []string{w.OldAnthropicKey(sandbox.Staging), w.OldAnthropicKey(sandbox.Production)},
		end:  func(id string) { w.Anthropic.Set(id, anthropic.Archived) }, revive: w.Anthropic.Revive,
		make: func(environment, label string) (string, map[string]string) {
			k := w.Anthropic.Create(anthropic.Order{Name: label, Workspace: sandbox.Workspace(environment), Account: sandbox.ServiceAccount})
			return k.ID, map[string]string{app.AnthropicKey: k.Value}
		},
		ending: func(id string) *http.Request {
			at, _ := url.Parse(w.Endpoints().Anthropic + "/v1/organizations/api_keys/" + id) // the world's own address
			return &http.Request{Method: http.MethodPost, URL: at, Body: io.NopCloser(strings.NewReader(`{"status":"inactive"}`)), Header: http.Header{
				"X-Api-Key": {w.Credentials().AnthropicAdmin}, "Anthropic-Version": {"2023-06-01"}, "Content-Type": {"application/json"},
			}}
		},
		keys: func() []ledgerKey {
			var all []ledgerKey
			for _, k := range w.Anthropic.Keys() {
				all = append(all, ledgerKey{k.ID, k.Name, k.Value, k.Live()})
			}
			return all
		},
	}
}

func (a ledger) key(id string) (ledgerKey, bool) {
	all := a.keys()
	at := slices.IndexFunc(all, func(k ledgerKey) bool { return k.id == id })
	if at < 0 {
		return ledgerKey{}, false
	}
	return all[at], true
}

// latest is the last key made.
func (a ledger) latest() ledgerKey {
	all := a.keys()
	return all[len(all)-1]
}

// ours reports whether a key bears the bot's label.
func (k ledgerKey) ours() bool { return strings.HasPrefix(k.name, "rk_"+sandboxInstallation+"_") }

// secretPart is what of a value is secret to the last character.
func (k ledgerKey) secretPart() string {
	if _, hidden, address := strings.Cut(k.value, "api-key="); address {
		return hidden
	}
	if _, hidden, pair := strings.Cut(k.value, ":"); pair {
		return hidden
	}
	for _, mark := range []string{"sb_secret_", "m0sk_", "m0-"} {
		if hidden, marked := strings.CutPrefix(k.value, mark); marked {
			return hidden
		}
	}
	return k.value[strings.LastIndex(k.value[:min(len(k.value), len("sk-ant-api03-"))], "-")+1:]
}

// oldsAccepted reports that an application still takes something of a key of the
// beginning, dead or not.
func (a ledger) oldsAccepted() bool {
	return a.accepted != nil && slices.ContainsFunc(a.olds, a.accepted)
}

// oldsDead reports that none of the keys of the beginning lives.
func (a ledger) oldsDead() bool {
	for _, id := range a.olds {
		if k, known := a.key(id); !known || k.live {
			return false
		}
	}
	return true
}

// newInUse reports that every instance of an environment holds the value that
// the vault has, that it is another one than at first and alive at the
// service, wherever it is rotated; and that they hold one value, or two, as it
// should be.
func (b *box) newInUse(a ledger) bool {
	return b.inUse(a, func(k ledgerKey) bool { return !slices.Contains(a.olds, k.id) })
}

// inUse is that for the keys that are meant.
func (b *box) inUse(a ledger, meant func(ledgerKey) bool) bool {
	all := make(map[string]bool)
	for _, environment := range a.places {
		running := map[string]*app.App{sandbox.Staging: b.world.Staging, sandbox.Production: b.world.Production}[environment]
		e, found := b.world.Infisical.Read(b.world.Place(environment), a.variable)
		if !found {
			return false
		}
		for _, h := range running.Holdings(a.variable) {
			if h.Value != e.Value {
				return false
			}
		}
		at := slices.IndexFunc(a.keys(), func(k ledgerKey) bool { return k.value == e.Value && k.live && meant(k) })
		if at < 0 || a.beside != nil && !b.together(environment, running, a.beside(a.keys()[at].id)) {
			return false
		}
		all[e.Value] = true
	}
	return len(all) == len(a.olds)
}

// together reports that an environment's vault and all its instances hold the
// other values of a pair as well.
func (b *box) together(environment string, running *app.App, beside map[string]string) bool {
	for name, value := range beside {
		if e, found := b.world.Infisical.Read(b.world.Place(environment), name); !found || e.Value != value {
			return false
		}
		if slices.ContainsFunc(running.Holdings(name), func(h app.Holding) bool { return h.Value != value }) {
			return false
		}
	}
	return true
}

// unused lists keys of the bot's that live and that no environment holds.
func (b *box) unused(a ledger) []string {
	var spare []string
	for _, k := range a.keys() {
		if k.live && strings.HasPrefix(k.name, "rk_") && !b.holds(a.variable, k.value) {
			spare = append(spare, k.id)
		}
	}
	return spare
}

func (b *box) holds(variable, value string) bool {
	return slices.ContainsFunc([]string{sandbox.Staging, sandbox.Production}, func(environment string) bool {
		e, found := b.world.Infisical.Read(b.world.Place(environment), variable)
		return found && e.Value == value
	})
}
