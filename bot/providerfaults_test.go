//go:build !release

package main

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/wire"
)

const keysPath = "/v1/keys"

// The calls of the service's key management.
var (
	creating = wire.Match{Method: http.MethodPost, Path: keysPath}
	listing  = wire.Match{Method: http.MethodGet, Path: keysPath}
	deleting = wire.Match{Method: http.MethodDelete, Path: keysPath + "/*"}
)

// huge is more than anybody reads.
func huge() wire.Action { return wire.Huge(50 << 20) }

// inTurn injects one fault after the other, each for one request.
func (s *scene) inTurn(m wire.Match, faults map[string]wire.Action) {
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		s.world.Fal.Faults.Inject(name, wire.Fault{Match: m, Limit: 1, Do: faults[name]})
	}
}

// fired holds that every fault has happened.
func (s *scene) fired(faults map[string]wire.Action) {
	s.Helper()
	for name := range faults {
		if n := s.world.Fal.Faults.Fired(name); n != 1 {
			s.Errorf("%q happened %d times", name, n)
		}
	}
}

// TestListUnusable: a survey that cannot read the list of keys says why and
// starts nothing.
func TestListUnusable(t *testing.T) {
	t.Parallel()
	s := openImpatient(t)
	for _, c := range []struct {
		do   wire.Action
		says string
	}{
		{status(http.StatusUnauthorized), refusals[http.StatusUnauthorized]},
		{status(http.StatusForbidden), refusals[http.StatusForbidden]},
		{wire.TooMany(time.Minute, `{}`), "the other side asked to slow down"},
		{status(http.StatusInternalServerError), "the other side has an error of its own"},
		{wire.Hang(), "no answer came in time"},
		{wire.Drop(), "the other side could not be reached"},
		{huge(), "the answer was too large to be read"},
		{wire.HTML(), "the answer was not what the documentation promises"},
	} {
		s.world.Fal.Faults.Inject("list", wire.Fault{Match: listing, Do: c.do})
		s.shows(s.rotate("FAL_KEY"), "stopped before changing anything", c.says)
		s.world.Fal.Faults.Clear("list")
	}
	s.untouched()
	s.shows(s.rotate("FAL_KEY --plan"), "Dry run of FAL_KEY")
}

// TestRefusedByTheService: an admin key that may no longer create or delete
// stops the rotation each time, until somebody mends it.
func TestRefusedByTheService(t *testing.T) {
	for name, m := range map[string]wire.Match{"create": creating, "delete": deleting} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openCalm(t)
			s.inTurn(m, map[string]wire.Action{"401": status(http.StatusUnauthorized), "403": status(http.StatusForbidden)})
			s.rotate("FAL_KEY")
			if name == "delete" {
				s.react(sandbox.Approver, s.card(1), yes)
			}
			s.stops(1, refusals[http.StatusUnauthorized], "Mend the credential or its rights", "Old key still valid.")
			s.kept()
			s.retries()
			s.stops(2, refusals[http.StatusForbidden], "Mend the credential or its rights", "Old key still valid.")
			s.kept()
			s.retries()
			if name == "create" {
				s.react(sandbox.Approver, s.card(1), yes)
			}
			s.reports()
			s.rotated(nil)
		})
	}
}

// TestServiceAsksToSlowDown: what Retry-After asks for is given.
func TestServiceAsksToSlowDown(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.world.Fal.Faults.Inject("create", wire.Fault{Match: creating, Limit: 1, Do: wire.TooMany(time.Second, `{}`)})
	s.world.Fal.Faults.Inject("delete", wire.Fault{Match: deleting, Limit: 1, Do: wire.TooMany(time.Second, `{}`)})
	s.rotate("FAL_KEY")
	s.approved()
	s.rotated(nil)
	for _, sent := range [][]wire.Request{
		requests(s.world.Fal.Requests, http.MethodPost, keysPath),
		requests(s.world.Fal.Requests, http.MethodDelete, keysPath+"/"+s.world.OldKey()),
	} {
		if len(sent) != 2 || sent[1].Time.Sub(sent[0].Time) < time.Second {
			t.Errorf("%d requests, the second too soon or never", len(sent))
		}
	}
}

// TestCreateWithoutEffect: answers that leave open whether there is a key. The
// bot looks, finds none, and makes one.
func TestCreateWithoutEffect(t *testing.T) {
	t.Parallel()
	s := openImpatient(t)
	faults := map[string]wire.Action{"500": status(http.StatusInternalServerError), "hang": wire.Hang(), "html": wire.HTML(), "huge": huge()}
	s.inTurn(creating, faults)
	s.rotate("FAL_KEY")
	s.approved()
	s.fired(faults)
	s.rotated(nil)
}

// TestCreateLost: the same answers, and the key exists all the same. Each one
// that nobody uses is found by its label and deleted before the next is made.
func TestCreateLost(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	faults := map[string]wire.Action{
		"500": instead(status(http.StatusInternalServerError)), "cut": wire.Lose(), "html": instead(wire.HTML()), "huge": instead(huge()),
	}
	s.inTurn(creating, faults)
	s.rotate("FAL_KEY")
	s.approved()
	s.fired(faults)
	s.rotated(map[sandbox.Kind]int{sandbox.Create: 5, sandbox.Delete: 5})
}

// TestCreateNeverAnswers: the service must not fill up with keys. After a few
// the bot stops, and none of them is left.
func TestCreateNeverAnswers(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.world.Fal.Faults.Inject("lost", wire.Fault{Match: creating, Do: wire.Lose()})
	s.rotate("FAL_KEY")
	s.stops(1, "attempts did not come to an end", "Old key still valid.")
	if live := s.liveKeys(); len(live) > 0 || s.wrote(sandbox.Create) != 5 || s.wrote(sandbox.Delete) != 5 {
		t.Errorf("%d created, %d deleted, left are %v", s.wrote(sandbox.Create), s.wrote(sandbox.Delete), live)
	}
	if v := s.versions(); !s.keyLives(s.world.OldKey()) || v[sandbox.Staging]+v[sandbox.Production] != 2 {
		t.Errorf("old key lives %t, versions %v", s.keyLives(s.world.OldKey()), v)
	}
}

// TestDeleteUnanswered: an end that was sent is a duty. It is asked for again,
// by the same id and no other, until the key is proved dead.
func TestDeleteUnanswered(t *testing.T) {
	t.Parallel()
	s := openImpatient(t)
	faults := map[string]wire.Action{
		"1 500": status(http.StatusInternalServerError), "2 hang": wire.Hang(), "3 html": wire.HTML(), "4 huge": huge(), "5 cut": wire.Lose(),
	}
	s.inTurn(deleting, faults)
	s.rotate("FAL_KEY")
	s.approved()
	s.fired(faults)
	s.rotated(map[sandbox.Kind]int{sandbox.Delete: 2}) // the cut one had its effect
	s.deletedOnly(s.world.OldKey())
}

// deletedOnly holds that no other key was ended by the bot.
func (s *scene) deletedOnly(id string) {
	s.Helper()
	for _, w := range s.world.Writes() {
		if w.Kind == sandbox.Delete && w.What != id {
			s.Errorf("key %s was deleted", w.What)
		}
	}
}

// TestDeletedAndAlive: 204 proves nothing. The key is asked itself, and while
// it is accepted it is ended again.
func TestDeletedAndAlive(t *testing.T) {
	t.Parallel()
	s := openCalm(t)
	s.world.Fal.Faults.Inject("nothing done", wire.Fault{Match: deleting, Limit: 1, Do: wire.Answer(http.StatusNoContent, nil, "")})
	s.rotate("FAL_KEY")
	s.react(sandbox.Approver, s.card(1), yes)
	s.shows(s.says("Ending it again."), "the old credential is still accepted")
	s.reports()
	s.rotated(nil)
	s.deletedOnly(s.world.OldKey())
}

// TestListWhileProvingDeath: a key counts as dead only when the whole list has
// been read without it. What passes is waited for, what does not stops.
func TestListWhileProvingDeath(t *testing.T) {
	t.Parallel()
	s := openImpatient(t)
	after := listing
	after.When = func(wire.Request) bool { return s.wrote(sandbox.Delete) > 0 }
	passing := map[string]wire.Action{"1 429": wire.TooMany(time.Second, `{}`), "2 500": status(http.StatusInternalServerError), "3 hang": wire.Hang()}
	s.inTurn(after, passing)
	s.world.Fal.Faults.Inject("4 html", wire.Fault{Match: after, Limit: 1, Do: wire.HTML()})
	s.rotate("FAL_KEY")
	s.react(sandbox.Approver, s.card(1), yes)
	s.stops(1, "the answer was not what the documentation promises", "The end of the old key was requested; the new key is in use.")
	s.fired(passing)
	s.retries()
	s.reports()
	s.rotated(nil)
}
