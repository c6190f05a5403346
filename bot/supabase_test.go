//go:build !release

package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/supabase"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
)

// openSupabase is a scene about Supabase's key.
func openSupabase(t *testing.T) *scene {
	t.Helper()
	s := open(t, sandboxOptions{also: []string{app.SupabaseKey}})
	s.secret = app.SupabaseKey
	return s
}

// holdsInProduction puts a value into the vault, as a colleague would.
func (s *scene) holdsInProduction(value string) {
	s.Helper()
	if _, err := s.world.Infisical.Put(s.world.Place(sandbox.Production), app.SupabaseKey, value, "a colleague"); err != nil {
		s.Fatal(err)
	}
}

// TestSupabaseKeysThatAreNotRotated: a legacy key, also while legacy keys are
// switched off, and the key that Edge Functions look up. Each is told for what
// it is, and nothing is changed anywhere.
func TestSupabaseKeysThatAreNotRotated(t *testing.T) {
	t.Parallel()
	s := openSupabase(t)
	ref := sandbox.SupabaseRef(sandbox.Production)
	s.holdsInProduction(s.world.Supabase.LegacyKey(ref, "service_role"))
	s.shows(s.rotate(s.secret), "stopped before changing anything", "legacy service_role key of project "+ref, "ends anon in every browser",
		"show no request with one", "sends_apikey: true, then it rotates here")
	if err := s.visitAsAnon(ref); err != nil {
		t.Fatal(err)
	}
	s.shows(s.rotate(s.secret), "they are still used", "1 requests")
	if !s.world.Supabase.LegacyOn(ref) {
		t.Error("legacy keys were switched off")
	}
	for _, k := range s.world.Supabase.Keys() {
		if k.Project == ref && k.Type == supabase.Secret && k.Name == "default" {
			s.holdsInProduction(k.Value)
		}
	}
	s.shows(s.rotate(s.secret), "stopped before changing anything", "Edge Functions", "settings/api-keys")
	if w := s.world.Writes(); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
	if r := s.last(); r != nil {
		t.Errorf("a rotation was recorded: %+v", r)
	}
}

// visitAsAnon is a browser with the legacy key that is public.
func (s *scene) visitAsAnon(ref string) error {
	req, err := http.NewRequestWithContext(s.ctx, http.MethodGet, s.world.Endpoints().Supabase+"/"+ref+"/rest/v1/products", nil)
	if err != nil {
		return err
	}
	req.Header.Set("apikey", s.world.Supabase.LegacyKey(ref, "anon"))
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

// done holds that both old keys are dead, that one new key lives for each
// environment, and how many keys were made and deleted.
func (s *scene) done(made, deleted int) {
	s.Helper()
	own := s.ledger(s.secret)
	if r := s.last(); r == nil || r.State != rotation.Succeeded || !own.oldsDead() || !s.newInUse(own) {
		s.Errorf("at the end: %+v, old keys dead %t, new ones in use %t", r, own.oldsDead(), s.newInUse(own))
	}
	live := slices.DeleteFunc(own.keys(), func(k ledgerKey) bool { return !k.live || !k.ours() })
	if len(live) != 2 || s.wrote(sandbox.Create) != made || s.wrote(sandbox.Delete) != deleted {
		s.Errorf("%d keys of ours live; %d were made and %d deleted, want %d and %d", len(live), s.wrote(sandbox.Create), s.wrote(sandbox.Delete), made, deleted)
	}
}

// TestSupabaseLostAnswer: what was made behind a lost answer is found by its
// name in its own project and deleted before another one is made.
func TestSupabaseLostAnswer(t *testing.T) {
	t.Parallel()
	s := openSupabase(t)
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		s.world.Supabase.Faults.Inject("lost in "+environment, wire.Fault{
			Match: wire.Match{Method: http.MethodPost, Path: "/v1/projects/" + sandbox.SupabaseRef(environment) + "/api-keys"}, Limit: 1, Do: wire.Lose(),
		})
	}
	s.asked()
	s.approved()
	s.done(4, 4)
}

// TestSupabaseTokenWithoutARight: what the access token lacks is named, and the
// rotation goes on when it has it.
func TestSupabaseTokenWithoutARight(t *testing.T) {
	t.Parallel()
	s := openSupabase(t)
	card := s.asked()
	path := "/v1/projects/" + sandbox.SupabaseRef(sandbox.Production) + "/api-keys/" + s.world.OldSupabaseKey(sandbox.Production)
	s.world.Supabase.Faults.Inject("no right", wire.Fault{
		Match: wire.Match{Method: http.MethodDelete, Path: path}, Limit: 1,
		Do: wire.Answer(http.StatusForbidden, nil, `{"message":"no","missing_permissions":["`+supabase.WriteKeys+`"]}`),
	})
	s.react(sandbox.Approver, card, yes)
	s.stops(1, "the access token lacks "+supabase.WriteKeys, "The old key of staging is dead; that of the other environment is not proved dead")
	s.retries()
	s.reports()
	s.done(2, 2)
}

// TestSupabaseLegacyKeys: secret keys take the place of legacy ones. Their end,
// which ends anon as well, is not asked for while the logs show any; the reason
// is told, and nothing dies. When they have been silent for long enough, a card
// says what it costs.
func TestSupabaseLegacyKeys(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.SupabaseKey}, legacySupabase: true})
	s.secret = app.SupabaseKey
	refs := []string{sandbox.SupabaseRef(sandbox.Staging), sandbox.SupabaseRef(sandbox.Production)}
	s.shows(s.rotate(s.secret), "started")
	told := s.says("are not switched off yet").Text
	for _, say := range []string{"they are still used", "Revocation pending", "both keys live", "/rotate retry " + s.secret} {
		if !strings.Contains(told, say) {
			t.Errorf("%q does not say %q", told, say)
		}
	}
	s.becomes(rotation.Pending)
	if n := s.wrote(sandbox.ApprovalCard) + s.wrote(sandbox.LegacyKeys); n > 0 || !s.newInUse(s.ledger(s.secret)) {
		t.Errorf("%d cards and switches, new keys in use %t", n, s.newInUse(s.ledger(s.secret)))
	}
	if err := s.visitAsAnon(refs[1]); err != nil { // somebody's browser
		t.Fatal(err)
	}
	s.world.Supabase.Hush(8 * 24 * time.Hour)
	s.retries()
	card := s.card(1)
	if !strings.Contains(string(card.Blocks)+card.Text, "ALL LEGACY KEYS") {
		t.Errorf("the card does not say what the end costs: %s", card.Text)
	}
	s.react(sandbox.Approver, card, yes)
	s.reports()
	for _, ref := range refs {
		if s.world.Supabase.LegacyOn(ref) {
			t.Errorf("legacy keys of %s are on", ref)
		}
	}
	s.done(2, 0)
	if n := s.wrote(sandbox.LegacyKeys); n != 2 {
		t.Errorf("switched %d times", n)
	}
}
