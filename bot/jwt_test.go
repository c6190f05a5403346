//go:build !release

package main

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/supabase"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
)

// TestJWTSecretOfALegacyProject: a project that is not on signing keys is left
// alone until a person moves it; lost answers make nothing twice and throttles
// are waited for; the revocation waits until legacy API keys are switched off.
func TestJWTSecretOfALegacyProject(t *testing.T) {
	t.Parallel()
	s := open(t, sandboxOptions{also: []string{app.JWTSecret}, notMigrated: true})
	s.secret = app.JWTSecret
	s.shows(s.rotate(s.secret), "stopped before changing anything", "is not on signing keys yet", "one way", "a person confirms it with Migrate JWT secret")
	if w := s.world.Writes(); len(w) > 0 {
		t.Errorf("written: %v", w)
	}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		s.world.MoveToSigningKeys(environment)
		s.troubles(environment)
	}
	if err := s.visitAsAnon(sandbox.SupabaseRef(sandbox.Staging)); err != nil {
		t.Fatal(err)
	}
	s.shows(s.rotate(s.secret), "started")
	s.reaches("people hear what is in the way", func(now slack.Snapshot) bool {
		_, said := now.Find(func(m slack.Message) bool { return strings.Contains(m.Text, "Supabase cannot revoke") })
		return said
	})
	s.says("they are still used: the edge logs show 1 requests")
	if r := s.becomes(rotation.Pending); r.Card != nil || s.wrote(sandbox.RevokeSigner) > 0 {
		t.Errorf("people were asked for what cannot be done: %+v", r.Card)
	}
	for _, environment := range []string{sandbox.Staging, sandbox.Production} {
		s.world.Supabase.SwitchLegacy(sandbox.SupabaseRef(environment), false)
	}
	s.rotate("retry " + s.secret)
	s.react(sandbox.Approver, s.card(1), yes)
	s.reports()
	s.signsAnew()
}

// troubles are a lost answer to the import, one to the activation, and a
// revocation that is refused until a moment which words name.
func (s *scene) troubles(environment string) {
	signers := "/v1/projects/" + sandbox.SupabaseRef(environment) + "/config/auth/signing-keys"
	lost := func(name, method, path string) {
		s.world.Supabase.Faults.Inject(name+environment, wire.Fault{Match: wire.Match{Method: method, Path: path}, Limit: 1, Do: wire.Lose()})
	}
	lost("import", http.MethodPost, signers)
	lost("activate", http.MethodPatch, signers+"/*")
	until := time.Now().Add(time.Hour).UTC().Format(time.RFC3339) // it is not believed for longer than an hour of this world
	s.world.Supabase.Faults.Inject("throttle"+environment, wire.Fault{
		Match: wire.Match{Method: http.MethodPatch, Path: signers + "/" + s.world.OldSigner(environment)}, Limit: 1,
		Do: wire.Answer(http.StatusTooManyRequests, nil, `{"message":"Please wait until `+until+` before attempting this request again."}`),
	})
}

// signsAnew holds how the projects and the vault must be in the end.
func (s *scene) signsAnew() {
	s.Helper()
	own := s.ledger(s.secret)
	if r := s.last(); r == nil || r.State != rotation.Succeeded || !own.oldsDead() || !s.newInUse(own) {
		s.Errorf("at the end: %+v, old keys dead %t, new ones in use %t", r, own.oldsDead(), s.newInUse(own))
	}
	status := map[string]int{}
	for _, k := range s.world.Supabase.Signers() {
		status[k.Status]++
		if end := "…" + k.Secret[len(k.Secret)-4:]; strings.Contains(s.transcript(), end) {
			s.Errorf("the end of a secret was shown: %s", end)
		}
	}
	if status[supabase.InUse] != 2 || status[supabase.Revoked] != 2 || len(status) != 2 {
		s.Errorf("signing keys: %v", status)
	}
	for kind, want := range map[sandbox.Kind]int{sandbox.ImportSigner: 2, sandbox.ActivateSigner: 2, sandbox.RevokeSigner: 2, sandbox.PrepareSigner: 0, sandbox.OtherSigner: 0, sandbox.LegacyKeys: 0} {
		if n := s.wrote(kind); n != want {
			s.Errorf("%s: %d, want %d", kind, n, want)
		}
	}
}
