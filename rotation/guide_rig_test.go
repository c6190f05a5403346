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

func (i inbox) Collect(_ context.Context, env, _ string) (deploy.Entry, error) {
	var e deploy.Entry
	var there bool
	err := i.g.effect("collect "+env, func() error {
		act := i.g.person
		if act == nil {
			act = i.g.diligent
		}
		i.g.polls[env]++
		act(env, i.g.polls[env])
		e, there = i.g.inbox[env]
		return nil
	})
	if err == nil && !there {
		err = fault.New("looking into the inbox", fault.NotFound, "")
	}
	return e, err
}

func (i inbox) Discard(_ context.Context, env string, e deploy.Entry) error {
	return i.g.effect("discard "+env, func() error {
		if there, ok := i.g.inbox[env]; ok && there.Version != e.Version {
			return fault.New("emptying the inbox", fault.ChangedByOther, "")
		}
		delete(i.g.inbox, env)
		return nil
	})
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
