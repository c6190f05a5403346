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
	"rekey/internal/sandbox/r2"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
	"rekey/state/statetest"
)

// openMedia is a scene about the key of the object store.
func openMedia(t *testing.T, o sandboxOptions) *scene {
	t.Helper()
	o.also = []string{app.MediaKeyID}
	if o.adjust == nil {
		o.adjust = calm()
	}
	s := open(t, o)
	s.secret, s.calm = app.MediaKeyID, true
	return s
}

// renewed holds that the rotation did what it is for, that no token was rolled,
// and that the old ones were switched off before they were deleted.
func (s *scene) renewed() {
	s.Helper()
	if r := s.last(); r == nil || r.State != rotation.Succeeded {
		s.Fatalf("the rotation is not done: %+v", r)
	}
	own := s.ledger(s.secret)
	if !own.oldsDead() || !s.newInUse(own) || s.world.R2.Rolls() > 0 {
		s.Errorf("at the end: old keys dead %t, new keys in use %t, %d rolled", own.oldsDead(), s.newInUse(own), s.world.R2.Rolls())
	}
	for _, id := range own.olds {
		off := slices.IndexFunc(s.world.Writes(), func(w sandbox.Write) bool { return w.Kind == sandbox.SwitchOff && w.What == id })
		gone := slices.IndexFunc(s.world.Writes(), func(w sandbox.Write) bool { return w.Kind == sandbox.Delete && w.What == id })
		if off < 0 || gone < off {
			s.Errorf("%s was switched off at write %d and deleted at write %d", id, off, gone)
		}
	}
}

// TestMediaPair: both variables of an environment are one write, and what the
// new tokens may do is what the old ones may.
func TestMediaPair(t *testing.T) {
	t.Parallel()
	s := openMedia(t, sandboxOptions{})
	s.rotate(s.secret)
	s.approved()
	s.renewed()
	for _, w := range s.world.Writes() {
		if names := strings.Fields(w.What); w.Kind == sandbox.VaultStaging || w.Kind == sandbox.VaultProduction {
			if slices.Sort(names); !slices.Equal(names, []string{app.MediaKeyID, app.MediaKeySecret}) {
				t.Errorf("%s wrote %v", w.Kind, names)
			}
		}
	}
	if s.wrote(sandbox.VaultStaging) != 1 || s.wrote(sandbox.VaultProduction) != 1 || s.wrote(sandbox.Create) != 2 {
		t.Errorf("writes: %v", s.world.Writes())
	}
	for _, k := range s.world.R2.Tokens() {
		if strings.HasPrefix(k.Name, "rk_") && (len(k.Policies) != 1 || len(k.Policies[0].Resources) != 1 || k.Condition == nil) {
			t.Errorf("%s has policies %v and condition %v", k.Name, k.Policies, k.Condition)
		}
	}
}

// TestMediaShared: one key for both environments is rotated once, and may do
// what both need.
func TestMediaShared(t *testing.T) {
	t.Parallel()
	s := openMedia(t, sandboxOptions{oneMedia: true})
	s.rotate(s.secret)
	s.approved()
	s.renewed()
	if s.wrote(sandbox.Create) != 1 || s.wrote(sandbox.SwitchOff) != 1 || s.wrote(sandbox.Delete) != 1 {
		t.Errorf("writes: %v", s.world.Writes())
	}
}

// TestMediaSurvey: what is not as declared is told in a sentence, and nothing is
// touched.
func TestMediaSurvey(t *testing.T) {
	t.Parallel()
	s := openMedia(t, sandboxOptions{})
	at := s.world.Place(sandbox.Production)
	id, _ := s.world.Infisical.Read(at, app.MediaKeyID)
	hidden, _ := s.world.Infisical.Read(at, app.MediaKeySecret)
	put := func(name, value string) {
		t.Helper()
		if _, err := s.world.Infisical.Put(at, name, value, "a person"); err != nil {
			t.Fatal(err)
		}
	}
	pair := func(id, secret string) { put(app.MediaKeyID, id); put(app.MediaKeySecret, secret) }
	staging, _ := s.world.Infisical.Read(s.world.Place(sandbox.Staging), app.MediaKeySecret)
	stagingID, _ := s.world.Infisical.Read(s.world.Place(sandbox.Staging), app.MediaKeyID)
	raw := s.world.R2.Tokens()[0].Value
	blind := s.world.R2.Seed(r2.Token{Name: app.MediaKeyID, Policies: r2.Grant("shop-medai")}, time.Now().Add(-time.Hour))
	for _, c := range []struct {
		arrange func()
		says    string
	}{
		{func() { pair(s.world.PersonalMediaKey()) }, "belongs to a person"},
		{func() { put(app.MediaKeySecret, staging.Value) }, "do not belong together"},
		{func() { put(app.MediaKeySecret, raw) }, "R2 wants its SHA-256"},
		{func() { pair(stagingID.Value, staging.Value) }, "grants nothing on bucket " + sandbox.ProductionBucket},
		{func() { pair(blind.ID, blind.Secret()) }, "its policies name " + r2.Resource("shop-medai")},
	} {
		c.arrange()
		s.shows(s.rotate(s.secret), "stopped before changing anything", c.says)
		pair(id.Value, hidden.Value)
	}
	if len(s.world.Writes()) > 0 {
		t.Errorf("written: %v", s.world.Writes())
	}
	s.shows(s.rotate(s.secret+" --plan"), "Dry run of "+s.secret)
}

// TestMediaSwitchedOnAgain: the application fails once the old key is off. It
// gets it back at once, nothing is deleted, and people are told.
func TestMediaSwitchedOnAgain(t *testing.T) {
	t.Parallel()
	s := openMedia(t, sandboxOptions{})
	s.rotate(s.secret)
	failing := wire.Fault{Match: wire.Match{Path: "/api/media"}, Do: status(http.StatusBadGateway)}
	s.when(sandbox.SwitchOff, func(sandbox.Write) { s.world.Production.Faults.Inject("presigned", failing) })
	s.react(sandbox.Approver, s.card(1), yes)
	s.says("it was switched on again")
	s.world.Production.Faults.Clear("presigned")
	s.becomes(rotation.Pending)
	for _, id := range s.ledger(s.secret).olds {
		if k, _ := s.ledger(s.secret).key(id); !k.live || s.wrote(sandbox.Delete) > 0 || s.wrote(sandbox.SwitchOn) == 0 {
			t.Errorf("%s lives %t, deleted %d, switched on %d", id, k.live, s.wrote(sandbox.Delete), s.wrote(sandbox.SwitchOn))
		}
	}
	s.retries()
	s.react(sandbox.Approver, s.card(2), yes)
	s.reports()
	s.renewed()
}

// TestMediaKilled kills the bot when the service has done what it was asked and
// has not answered.
func TestMediaKilled(t *testing.T) {
	for _, kind := range []sandbox.Kind{sandbox.Create, sandbox.VaultProduction, sandbox.SwitchOff, sandbox.Delete} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			server := statetest.NewServer(t)
			s := openMedia(t, sandboxOptions{redis: "redis://" + server.Addr + "/0", adjust: changed("chat: {", "chat: {timeout: 2s, ")})
			killed := make(chan struct{})
			s.when(kind, func(sandbox.Write) {
				s.bot.kill()
				close(killed)
			})
			back := make(chan error, 1)
			go func() { back <- s.revive(killed) }()
			s.rotate(s.secret)
			s.approved()
			if err := <-back; err != nil {
				t.Fatal(err)
			}
			s.renewed()
		})
	}
}
