//go:build !release

package main

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/infisical"
	"rekey/internal/sandbox/wire"
)

// The routes of the vault that the bot writes and logs in by.
const (
	vaultEntry = "/api/v4/secrets/" + app.FalKey
	vaultLogin = "/api/v1/auth/universal-auth/login"
)

// writing matches the bot's writes to one environment of the vault.
func writing(slug string) wire.Match {
	return wire.Match{Method: http.MethodPatch, Path: vaultEntry, When: func(q wire.Request) bool {
		return bytes.Contains(q.Body, []byte(`"environment":"`+slug+`"`))
	}}
}

// vaultWrites are the two environments in the order in which they are written.
var vaultWrites = []struct {
	name, slug string
	kind       sandbox.Kind
}{
	{sandbox.Staging, sandbox.Staging, sandbox.VaultStaging},
	{sandbox.Production, sandbox.ProductionSlug, sandbox.VaultProduction},
}

// TestVaultHoldsWrites: a change policy answers 200 and keeps the write. The
// bot says so, waits for a person, and does not send the write again.
func TestVaultHoldsWrites(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	vault := s.world.Infisical
	for _, e := range vaultWrites {
		vault.HoldWrites(s.world.Project(), e.slug, true)
	}
	s.rotate("FAL_KEY")
	for n, e := range vaultWrites {
		said := s.says("for " + e.slug + " (/) waits in Infisical to be approved and merged")
		s.shows(said, "Waiting for a person to merge it there", "Old key still valid.")
		s.readAgain(e.slug, 2)
		if held := vault.Pending(); len(held) != 1 || s.wrote(e.kind) != 1 {
			t.Fatalf("%s: %d writes, held are %v", e.name, s.wrote(e.kind), held)
		}
		s.kept()
		if got := s.versions()[e.name]; got != 1 || s.wrote(sandbox.Create) != 1 {
			t.Errorf("%s is at version %d after %d creations, before the merge", e.name, got, s.wrote(sandbox.Create))
		}
		if err := vault.Merge(vault.Pending()[0].ID); err != nil {
			t.Fatalf("merge %d: %v", n+1, err)
		}
	}
	s.approved()
	s.rotated(nil)
}

// readAgain waits until the bot has read its entry in an environment so many
// times more.
func (s *scene) readAgain(slug string, times int) {
	s.Helper()
	read := make(chan struct{}, 64)
	stop := s.world.Infisical.Requests.OnRequest(func(q wire.Request) {
		if q.Method == http.MethodGet && q.Path == vaultEntry && strings.Contains(q.Query, "environment="+slug+"&") {
			select {
			case read <- struct{}{}:
			default:
			}
		}
	})
	defer stop()
	for range times {
		select {
		case <-read:
		case <-s.ctx.Done():
			s.Fatalf("%s is not read again", slug)
		}
	}
}

// TestVaultAnswersWithAPage: 200 with somebody's sign-in page is no word of the
// vault's: the write may still come, or wait there. The new key, whose value is
// in that write alone, lives until a person has looked; production's write is
// simply sent again.
func TestVaultAnswersWithAPage(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	for _, e := range vaultWrites {
		s.world.Infisical.Faults.Inject(e.slug, wire.Fault{Match: writing(e.slug), Limit: 1, Do: wire.HTML()})
	}
	s.rotate("FAL_KEY")
	s.stops(1, "it is not known what became of a write", "A write of the new key to staging was not confirmed", "merge it or turn it down first")
	s.halted(1, 1)
	s.kept()
	s.retries()
	s.approved()
	s.rotated(map[sandbox.Kind]int{sandbox.Create: 2, sandbox.Delete: 2})
	s.says("A key of ours that nobody ever used is being deleted")
}

// TestVaultHoldsAndAPageAnswers: a change policy keeps the write, and what
// comes back is somebody's sign-in page. Merged, it is the key that is used.
func TestVaultHoldsAndAPageAnswers(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.heldUnseen(wire.HTML())
	s.rotate("FAL_KEY")
	s.stops(1, "it is not known what became of a write", "A write of the new key to staging was not confirmed", "merge it or turn it down first")
	s.mergedAfterAll()
}

// TestCancelWhileAWriteIsHeldUnseen: the same behind a gateway's answer, and
// people cancel, however often they read no further. The key lives until they
// have been asked to look, and a merged one is not deleted at all.
func TestCancelWhileAWriteIsHeldUnseen(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.heldUnseen(status(http.StatusBadGateway))
	s.rotate("FAL_KEY")
	s.sent(1)
	s.shows(s.rotate("cancel FAL_KEY"), "Cancel noted", "A write of the new key to staging was not confirmed", "Look into the vault first")
	s.mergedAfterAll()
}

// heldUnseen keeps writes to staging for approval, and answers something else.
func (s *scene) heldUnseen(answer wire.Action) {
	s.world.Infisical.HoldWrites(s.world.Project(), sandbox.Staging, true)
	s.world.Infisical.Faults.Inject("unseen", wire.Fault{Match: writing(sandbox.Staging), Limit: 1, Do: instead(answer)})
}

// sent waits until so many writes have reached the vault.
func (s *scene) sent(n int) {
	s.Helper()
	arrived := make(chan struct{}, 1)
	stop := s.world.Infisical.Requests.OnRequest(func(q wire.Request) {
		if q.Method == http.MethodGet {
			select {
			case arrived <- struct{}{}:
			default:
			}
		}
	})
	defer stop()
	for len(requests(s.world.Infisical.Requests, http.MethodPatch, vaultEntry)) < n {
		select {
		case <-arrived:
		case <-s.ctx.Done():
			s.Fatal("nothing is written")
		}
	}
}

// mergedAfterAll holds that the new key lives, merges the write that waits in
// the vault, and lets the rotation go on with it.
func (s *scene) mergedAfterAll() {
	s.Helper()
	s.halted(1, 1)
	s.kept()
	if live := s.liveKeys(); len(live) != 1 {
		s.Fatalf("keys of ours that live: %v, want the one whose write waits", live)
	}
	held := s.world.Infisical.Pending()
	if len(held) != 1 {
		s.Fatalf("held are %v", held)
	}
	if err := s.world.Infisical.Merge(held[0].ID); err != nil {
		s.Fatal(err)
	}
	s.retries()
	s.approved()
	s.rotated(nil)
}

// TestLostVaultAnswers: the write had its effect and the answer says something
// else, or never comes. Reading back settles it: nothing is written twice.
func TestLostVaultAnswers(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.world.Infisical.Faults.Inject("bad gateway", wire.Fault{Match: writing(sandbox.Staging), Limit: 1, Do: instead(status(http.StatusBadGateway))})
	s.world.Infisical.Faults.Inject("cut", wire.Fault{Match: writing(sandbox.ProductionSlug), Limit: 1, Do: wire.Lose()})
	s.rotate("FAL_KEY")
	s.approved()
	s.rotated(nil)
	if v := s.versions(); v[sandbox.Staging] != 2 || v[sandbox.Production] != 2 {
		t.Errorf("versions: %v", v)
	}
	if n := len(requests(s.world.Infisical.Requests, http.MethodPatch, vaultEntry)); n != 2 {
		t.Errorf("%d writes were sent, want one for each environment", n)
	}
}

// TestWrongClientSecret: refused logins lock an identity out, so there is one,
// however often people ask, until the secret in the file is another one.
func TestWrongClientSecret(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "client-secret")
	if err := os.WriteFile(file, []byte("not-the-secret-of-this-identity\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, sandboxOptions{adjust: set("client_secret_file", file)})
	for range 2 {
		s.shows(s.rotate("FAL_KEY"), "stopped before changing anything", refusals[http.StatusUnauthorized], "(status 401)", "is not repeated")
	}
	s.rotate("")
	if n := s.logins(); n != 1 {
		t.Errorf("%d logins with a wrong secret, want one", n)
	}
	if err := os.WriteFile(file, []byte(s.world.Credentials().InfisicalSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.shows(s.rotate("FAL_KEY --plan"), "Dry run of FAL_KEY")
	if n := s.logins(); n != 2 {
		t.Errorf("%d logins after the secret was mended, want two", n)
	}
	s.untouched()
}

// logins counts the bot's own attempts.
func (s *scene) logins() (n int) {
	for _, q := range requests(s.world.Infisical.Requests, http.MethodPost, vaultLogin) {
		if bytes.Contains(q.Body, []byte(s.world.Credentials().InfisicalID)) {
			n++
		}
	}
	return n
}

// TestClientSecretRevoked: the same in the middle of a rotation. The thread
// says what is wrong, and a retry does not turn into more refused logins.
func TestClientSecretRevoked(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.when(sandbox.DeployStaging, func(sandbox.Write) {
		s.world.Infisical.RevokeClientSecret(s.world.Credentials().InfisicalID)
	})
	s.rotate("FAL_KEY")
	s.stops(1, refusals[http.StatusUnauthorized], "Production was not touched")
	s.retries()
	s.stops(2, refusals[http.StatusUnauthorized])
	s.halted(2, 1)
	if n := s.logins(); n != 2 {
		t.Errorf("%d logins, want the first one and one refused", n)
	}
}

// TestSomebodyElseWrites: a value that is neither the old one nor ours is never
// overwritten.
func TestSomebodyElseWrites(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	theirs := s.keyByHand()
	s.when(sandbox.DeployStaging, func(sandbox.Write) { s.putByHand(theirs.Value) })
	s.rotate("FAL_KEY")
	s.stops(1, "somebody else changed it in between", "Production was not touched")
	s.halted(2, 2)
	if e, _ := s.world.Infisical.Read(s.world.Place(sandbox.Production), app.FalKey); e.Value != theirs.Value {
		t.Error("somebody else's value is gone")
	}
	if n := s.wrote(sandbox.VaultProduction) + s.wrote(sandbox.DeployProduction); n > 0 {
		t.Errorf("production was written %d times", n)
	}
}

// putByHand is somebody else's write to production.
func (s *scene) putByHand(value string) {
	if _, err := s.world.Infisical.Put(s.world.Place(sandbox.Production), app.FalKey, value, "someone else"); err != nil {
		s.Error(err)
	}
}

// TestSomebodyElseWritesAfterTheCard: an approval is given on what the card
// says; it does not cover what was written since.
func TestSomebodyElseWritesAfterTheCard(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	card := s.asked()
	s.putByHand(s.keyByHand().Value)
	s.react(sandbox.Approver, card, yes)
	s.says("Request 1 no longer counts.")
	s.stops(1, "somebody else changed it in between", "Old key still valid. Nothing was revoked.")
	s.kept()
	if n := s.wrote(sandbox.ApprovalCard); n != 1 {
		t.Errorf("people were asked %d times; there is nothing to ask for until somebody has looked", n)
	}
}

// TestRefusedByTheVault: what a survey finds in the vault and cannot handle is
// named, and nothing is started.
func TestRefusedByTheVault(t *testing.T) {
	for name, c := range map[string]struct {
		arrange func(*scene)
		says    []string
	}{
		"a secret sync carries the folder": {
			func(s *scene) {
				s.world.Infisical.AddSync(infisical.Sync{Name: "shop-to-vercel", Destination: "vercel", At: s.world.Place(sandbox.Production), Auto: true})
			},
			[]string{"this version cannot do that", "shop-to-vercel", "vercel", "prod (/)"},
		},
		"the value stands under another name": {
			func(s *scene) {
				old, _ := s.world.Fal.Key(s.world.OldKey())
				if _, err := s.world.Infisical.Put(s.world.Place(sandbox.Staging), "IMAGE_KEY", old.Value, "someone"); err != nil {
					s.Fatal(err)
				}
			},
			[]string{"it could not be told with certainty", "IMAGE_KEY in staging holds the value of FAL_KEY"},
		},
		"a part of the value stands under another name": {
			func(s *scene) {
				old, _ := s.world.Fal.Key(s.world.OldKey())
				_, half, _ := strings.Cut(old.Value, ":")
				if _, err := s.world.Infisical.Put(s.world.Place(sandbox.Production), "FAL_SECRET", half, "someone"); err != nil {
					s.Fatal(err)
				}
			},
			[]string{"FAL_SECRET in production holds the value of FAL_KEY or a part of it"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, sandboxOptions{})
			c.arrange(s)
			s.shows(s.rotate("FAL_KEY"), append(c.says, "stopped before changing anything")...)
			s.untouched()
		})
	}
}
