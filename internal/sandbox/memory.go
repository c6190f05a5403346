package sandbox

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/mem0"
	"rekey/internal/sandbox/scan"
	"rekey/internal/sandbox/wire"
)

// memorySpread is how long the platform accepts a key that was deleted.
const memorySpread = 200 * time.Millisecond

// EndedByHand is a person's deletion of a key at a console, which the bot asks
// for.
const EndedByHand Kind = "ended by hand"

// memory is what the seed made at Mem0.
type memory struct {
	own bool                // the application uses a server of one's own
	old map[string]mem0.Key // by environment; nil when nothing uses them
}

// MemoryProject is an environment's project at Mem0's platform.
func MemoryProject(environment string) string { return "proj_shop_" + environment }

// seedMemory makes the platform and a server of one's own, with a key for each
// environment and some that are others', if the key is played.
func (w *World) seedMemory(o Options, made time.Time) {
	if !slices.Contains(o.Also, app.MemoryKey) {
		return
	}
	w.Mem0 = mem0.New(mem0.Options{Spread: o.scaled(memorySpread)})
	w.Mem0Own = mem0.New(mem0.Options{Own: true, Logins: 20 * 10}) // in whose world minutes last 20 times as long
	w.memory = memory{own: o.OwnMemory, old: map[string]mem0.Key{}}
	for _, environment := range []string{Staging, Production} {
		w.Mem0.Seed("proj_default", AppName, made) // a name is not unique, and nobody remembers anything there
		w.Mem0Own.Seed("", AppName, made.Add(time.Hour))
		w.memory.old[environment] = w.memories().Seed(MemoryProject(environment), AppName, made)
	}
}

// memories is the one that the application uses.
func (w *World) memories() *mem0.Server {
	if w.memory.own {
		return w.Mem0Own
	}
	return w.Mem0
}

// OwnMemory reports whether the application uses a server of one's own.
func (w *World) OwnMemory() bool { return w.memory.own }

// OldMemoryKey is the id of the key that an environment used when the world
// began.
func (w *World) OldMemoryKey(environment string) string { return w.memory.old[environment].ID }

// values are the key's, if the application uses one.
func (m memory) values(environment string) map[string]string {
	if m.old == nil {
		return nil
	}
	return map[string]string{app.MemoryKey: m.old[environment].Value}
}

func (w *World) memoryHandler() http.Handler { return served(w.Mem0) }

func (w *World) ownMemoryHandler() http.Handler { return served(w.Mem0Own) }

func served(s *mem0.Server) http.Handler {
	if s == nil {
		return nil
	}
	return s.Handler()
}

// memoryAt is where the application remembers.
func (w *World) memoryAt() app.Memory {
	switch {
	case w.Mem0 == nil:
		return app.Memory{}
	case w.memory.own:
		return app.Memory{URL: w.endpoints.Mem0Own, Own: true}
	default:
		return app.Memory{URL: w.endpoints.Mem0}
	}
}

func (w *World) watchMemory() {
	if w.Mem0Own == nil {
		return
	}
	w.Mem0Own.OnWrite(func(m mem0.Write) {
		if m.Act == mem0.Created {
			w.wrote(Create, m.KeyID+" "+m.Label)
			return
		}
		w.wrote(Delete, m.KeyID)
	})
}

// EndMemoryKey deletes a key in the dashboard, as a person does. It is noted
// with who had approved it: no person is to be asked before.
func (w *World) EndMemoryKey(id string) bool {
	done := w.Mem0.End(id)
	if done {
		w.wrote(EndedByHand, id)
	}
	return done
}

// issuedMemory lists what of Mem0 is secret.
func (w *World) issuedMemory() []scan.Secret {
	if w.Mem0 == nil {
		return nil
	}
	var all []scan.Secret
	for _, s := range []*mem0.Server{w.Mem0, w.Mem0Own} {
		for _, k := range s.Keys() {
			hidden := strings.TrimPrefix(strings.TrimPrefix(k.Value, "m0-"), "m0sk_")
			all = append(all, scan.Secret{Name: "Mem0 key " + k.ID, Value: k.Value}, scan.Secret{Name: "the secret part of Mem0 key " + k.ID, Value: hidden})
		}
	}
	for _, v := range w.Mem0Own.Secrets() {
		all = append(all, scan.Secret{Name: "password or token of the Mem0 server", Value: v})
	}
	return all
}

// memoryFaults are those of the platform or of the server of one's own.
func (w *World) memoryFaults(service string) *wire.Faults {
	switch {
	case w.Mem0 == nil:
		return nil
	case service == "mem0":
		return w.Mem0.Faults
	default:
		return w.Mem0Own.Faults
	}
}

func (w *World) memoryLabels() [][2]string {
	if w.Mem0 == nil {
		return nil
	}
	var all [][2]string
	for _, s := range []*mem0.Server{w.Mem0, w.Mem0Own} {
		for _, k := range s.Keys() {
			all = append(all, [2]string{"the name of Mem0 key " + k.ID, k.Name})
		}
	}
	return all
}
