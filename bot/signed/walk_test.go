package signed_test

import (
	"strings"
	"testing"
	"time"

	"rekey/bot/signed"
	"rekey/rotation"
	"rekey/rotation/event"
	"rekey/state"
)

// TestTable: how an emergency of several secrets stands, and what it came to, is
// asked for by its own name.
func TestTable(t *testing.T) {
	g := newRig(t)
	ask := func(line string) signed.Answer {
		return g.send(g.as("carol"), g.as("carol").Fresh(signed.Statement{Act: signed.Status, Line: line}))
	}
	g.says(ask("all"), false, "There was no emergency of every secret")
	p := g.batched()
	p.Parts[0].Stand, p.Parts[0].Dead = rotation.Buried, time.Date(2026, 5, 1, 3, 12, 9, 0, time.UTC)
	p.Parts[1].Stand, p.Parts[1].Rotation = rotation.Wanting, nil
	p.Members = []rotation.Member{{}, {Secret: "OTHER_KEY", Second: true, Why: "It goes last: type `rekey emergency OTHER_KEY`."}}
	p.Parts[1].Member = &p.Members[1]
	g.engine.batch = p
	said := ask("all")
	for _, want := range []string{"1 of 2 dead, 1 waiting for a person. What happened: the laptop is gone", "FAL_KEY: dead at 03:12:09 UTC", "OTHER_KEY: waiting for a person: It goes last: type `rekey emergency OTHER_KEY`."} {
		g.says(said, false, want)
	}
	g.says(ask("tag:nothing"), false, "There was no emergency of every secret with the tag nothing")
}

// TestConsoles: what people are asked to do at a console is said where they can
// read it: a line of it with everything, the whole guide with its secret.
func TestConsoles(t *testing.T) {
	g := newRig(t)
	r := g.engine.r
	r.State, r.Card = rotation.Running, nil
	r.Errand = &rotation.Errand{Environment: "production", Label: "rk_1"}
	r.Visits = []rotation.Visit{{Environment: "production", Console: "https://console.example.com/keys", Key: "rk_1", Inbox: "folder /inbox", Paste: []string{"FAL_KEY"}, Asked: time.Now()}}
	body, err := event.Event{Kind: event.Guide, Step: "issue(production)", Text: "A person has to make the new key.\n1. Open the page.\n2. Name: `rk_1`."}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	lease, err := g.store.Claim(t.Context(), r.Key(), "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.store.Commit(t.Context(), lease, 1, state.Change{Body: []byte("{}"), Events: []state.Event{{Body: body}}, Release: true}); err != nil {
		t.Fatal(err)
	}
	for line, guide := range map[string]bool{"": false, "FAL_KEY": true, "OTHER_KEY": false} {
		a := g.send(g.as("carol"), g.as("carol").Fresh(signed.Statement{Act: signed.Status, Line: line}))
		text := strings.Join(a.Lines, "\n")
		needed := strings.Contains(text, "a person is needed at https://console.example.com/keys: make the key rk_1, and put its value into folder /inbox of the vault as FAL_KEY.")
		if needed != (line != "OTHER_KEY") || strings.Contains(text, "2. Name: `rk_1`.") != guide {
			t.Errorf("%q:\n%s", line, text)
		}
	}
}
