//go:build !release

package main

import (
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/langfuse"
	"rekey/rotation"
)

// openRestricted is a world whose pairs at Langfuse have restricted
// permissions, so that people make new ones.
func openRestricted(t *testing.T) *scene { return openByHand(t, false) }

// openByHand is a world in which people make the pairs, with a plan that has
// the API for keys or not.
func openByHand(t *testing.T, noAPI bool) *scene {
	t.Helper()
	restricted := func(config string) string {
		return strings.Replace(config, "langfuse: {projects:", "langfuse: {by_hand: true, projects:", 1)
	}
	calm := calm("remind", "1h")
	s := open(t, sandboxOptions{also: []string{app.LangfuseSecret}, noLangfuseAPI: noAPI, adjust: func(config string) string { return restricted(calm(config)) }})
	s.secret, s.calm = app.LangfuseSecret, true
	return s
}

// dashboard makes the pair that is asked for, as a person does.
func (s *scene) dashboard(e errand) langfuse.Key {
	return s.world.Langfuse.Create("shop-"+e.environment, e.label)
}

// leaves pastes one half of a pair.
func (s *scene) leaves(environment, name, value string) {
	s.Helper()
	if _, err := s.world.Infisical.Put(s.world.Inbox(environment), name, value, "a person"); err != nil {
		s.Fatal(err)
	}
}

// TestRestrictedPairByHand: the thread asks for both halves; one alone is
// waited for, two that do not belong together are told, and what is right is
// written as one and leaves the inbox.
func TestRestrictedPairByHand(t *testing.T) {
	t.Parallel()
	s := openRestricted(t)
	s.rotate(s.secret)
	e := s.wanted(sandbox.Staging)
	s.says("`" + app.LangfuseSecret + "` and `" + app.LangfusePublic + "`")
	other := s.dashboard(errand{e.environment, "other"})
	right := s.dashboard(e)
	s.leaves(e.environment, app.LangfusePublic, right.Public) // and it is waited for the other half
	s.leaves(e.environment, app.LangfuseSecret, other.Secret)
	s.says("halves of two pairs")
	if v, _ := s.world.Infisical.Read(s.world.Place(sandbox.Staging), app.LangfuseSecret); v.Version != 1 {
		t.Errorf("staging is at version %d", v.Version)
	}
	s.leaves(e.environment, app.LangfuseSecret, right.Secret)
	e = s.wanted(sandbox.Production)
	right = s.dashboard(e)
	s.leaves(e.environment, app.LangfuseSecret, right.Secret)
	s.leaves(e.environment, app.LangfusePublic, right.Public)
	s.approved()
	if r := s.last(); r == nil || r.State != rotation.Succeeded {
		t.Fatalf("the rotation is not done: %+v", r)
	}
	own := s.ledger(s.secret)
	if !own.oldsDead() || !s.newInUse(own) || s.inInboxes() > 0 {
		t.Errorf("at the end: old keys dead %t, new keys in use %t, %d values in inboxes", own.oldsDead(), s.newInUse(own), s.inInboxes())
	}
}

// TestLangfusePlanWithoutTheAPI: people make the pairs and delete them; the
// thread says how, and the old ones are proved dead by the service itself.
func TestLangfusePlanWithoutTheAPI(t *testing.T) {
	t.Parallel()
	s := openByHand(t, true)
	s.rotate(s.secret)
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		made := s.dashboard(s.wanted(environment))
		s.leaves(environment, app.LangfuseSecret, made.Secret)
		s.leaves(environment, app.LangfusePublic, made.Public)
	}
	s.react(sandbox.Approver, s.card(1), yes)
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		old := s.world.OldTraceKey(environment)
		s.says("A person has to end " + old)
		if !s.world.Langfuse.Accepts(old) {
			t.Errorf("the old pair of %s was ended before a person did", environment)
		}
		s.world.Langfuse.End(old)
		s.says("is dead: refused")
	}
	s.reports()
	if own := s.ledger(s.secret); !own.oldsDead() || !s.newInUse(own) || s.inInboxes() > 0 {
		t.Errorf("at the end: old keys dead %t, new keys in use %t, %d values in inboxes", own.oldsDead(), s.newInUse(own), s.inInboxes())
	}
}
