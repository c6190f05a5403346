package rotation

import (
	"context"
	"fmt"
	"strings"
	"time"

	"rekey/deploy"
	"rekey/internal/fault"
	"rekey/internal/secret"
	"rekey/providers"
)

// guide makes the rig's service one at which people make keys.
func (g *rig) guide() {
	g.traits = func(t *providers.Traits) { t.Guided, t.UndoOfEnd = true, true }
}

// console makes the rig's service one at which people make and end keys, and
// which lists nothing.
func (g *rig) console() {
	g.traits = func(t *providers.Traits) { t.Guided, t.EndByHand = true, true }
}

// manual is the kind of such a service.
type manual struct{ k byHand }

func (m manual) Traits() providers.Traits                             { return m.k.Traits() }
func (m manual) Identify(v providers.Values) (providers.ID, error)    { return m.k.Identify(v) }
func (m manual) Guide(e providers.Errand) (providers.Guidance, error) { return m.k.Guide(e) }

func (m manual) Inspect(ctx context.Context, e providers.Errand, v providers.Values) (providers.Inspection, error) {
	return m.k.Inspect(ctx, e, v)
}

// Probe lets people do at the console what they were asked to, after the third
// question about the key.
func (m manual) Probe(ctx context.Context, v providers.Values) (providers.Finding, error) {
	g := m.k.g
	id, err := m.Identify(v)
	if err != nil {
		return providers.Finding{}, err
	}
	g.mu.Lock()
	if n, asked := g.farewells[id]; asked {
		g.farewells[id] = n + 1
		if act := g.ender; act != nil {
			act(id, n+1)
		} else if n == 2 {
			g.endsByHand(id)
		}
	}
	g.mu.Unlock()
	return m.k.Probe(ctx, v)
}

func (m manual) GuideEnd(_ string, id providers.ID) (providers.Guidance, error) {
	g := m.k.g
	err := g.effect("guide end", func() error { g.farewells[id] = 0; return nil })
	return providers.Guidance{Console: "https://console.test/keys", Steps: []string{"Delete the key " + string(id) + "."}}, err
}

// endsByHand is what a person does at the console.
func (g *rig) endsByHand(id providers.ID) {
	g.ended = append(g.ended, id)
	delete(g.keys, id)
	delete(g.farewells, id)
}

// byHand is the kind whose credentials people make in a console.
type byHand struct{ switchable }

func (k byHand) Guide(e providers.Errand) (providers.Guidance, error) {
	err := k.g.effect("guide", func() error { k.g.labels[e.Environment], k.g.polls[e.Environment] = e.Label, 0; return nil })
	return providers.Guidance{Console: "https://console.test/keys", Steps: []string{"Create the key `" + e.Label + "`."}}, err
}

// Inspect is as strict as a service lets it be: a key that lives, listed under
// the name that was asked for.
func (k byHand) Inspect(_ context.Context, e providers.Errand, v providers.Values) (providers.Inspection, error) {
	v = providers.Values{"FAL_KEY": v["FAL_KEY"].Trimmed()}
	var found providers.Inspection
	err := k.g.effect("inspect", func() error {
		id, err := k.Identify(v)
		listed, there := k.g.keys[id]
		switch {
		case err != nil:
			found.Wrong = "That has not the form of a key."
		case !there || listed.value != v["FAL_KEY"].Reveal():
			found.Wrong = "The service does not know that key."
		case listed.label != e.Label:
			found.Wrong = "That key has another name."
		case k.g.made[id].Before(e.Asked):
			found.Wrong = "That key was made before it was asked for."
		default:
			found.Credential = providers.Credential{ID: id, Label: e.Label, Values: v}
		}
		return nil
	})
	return found, err
}

// The inbox.

type inbox struct{ g *rig }

func (i inbox) Secluded(_ context.Context, env string) error {
	return i.g.effect("seclude "+env, func() error { return nil })
}

func (i inbox) Collect(_ context.Context, env, name string) (deploy.Entry, error) {
	var e deploy.Entry
	var there bool
	err := i.g.effect("collect "+env, func() error {
		act := i.g.person
		if act == nil {
			act = i.g.diligent
		}
		i.g.polls[env]++
		act(env, i.g.polls[env])
		e, there = i.g.inbox[drawer(env, name)]
		return nil
	})
	if err == nil && !there {
		err = fault.New("looking into the inbox", fault.NotFound, "")
	}
	return e, err
}

func (i inbox) Discard(_ context.Context, env string, e deploy.Entry) error {
	return i.g.effect("discard "+env, func() error {
		if there, ok := i.g.inbox[drawer(env, e.Name)]; ok && there.Version != e.Version {
			return fault.New("emptying the inbox", fault.ChangedByOther, "")
		}
		delete(i.g.inbox, drawer(env, e.Name))
		return nil
	})
}

// drawer is where a name lies in an environment's inbox.
func drawer(env, name string) string {
	if name == "FAL_KEY" {
		return env
	}
	return env + "/" + name
}

// diligent makes the key that was asked for and brings it, once for each time
// of asking, after the second look.
func (g *rig) diligent(env string, polls int) {
	if polls == 2 && g.labels[env] != "" {
		g.paste(env, " "+g.byConsole(g.labels[env])+"\n") // as pasting goes
		g.labels[env] = ""
	}
}

// byConsole makes a key as people do.
func (g *rig) byConsole(label string) string {
	if g.turns != "" {
		return g.keys[g.replaceKey(label, "")].value // the label is the environment
	}
	id := providers.ID(fmt.Sprintf("key-hand%d", len(g.issued)+1))
	value := string(id) + ":fedcba9876543210fedcba9876"
	g.issued = append(g.issued, id)
	g.keys[id], g.made[id] = key{label, value}, time.Now()
	return value
}

// paste leaves a value in the inbox.
func (g *rig) paste(env, value string) {
	g.pastes++
	g.inbox[env] = deploy.Entry{ID: "inbox-" + env, Name: "FAL_KEY", Version: g.pastes, Value: secret.New(value), Made: time.Now()}
}

// told counts the texts of the journal that hold a part.
func (g *rig) told(key, part string) (n int) {
	for _, ev := range g.journal(key) {
		if strings.Contains(ev.Text, part) {
			n++
		}
	}
	return n
}
