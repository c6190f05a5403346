//go:build !release

package main

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/anthropic"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/internal/sandbox/wire"
	"rekey/rotation"
)

// guided makes a scene one about the secret that people make.
func guided(s *scene) *scene {
	s.secret = app.AnthropicKey
	return s
}

func openGuided(t *testing.T) *scene {
	t.Helper()
	return guided(openCalm(t, "remind", "1h")) // reminders are another story
}

// wanted waits until a person is asked for a key.
func (s *scene) wanted(environment string) (e errand) {
	s.Helper()
	s.until("a key is asked for, for "+environment, func(now slack.Snapshot) (found bool) {
		e, found = asked(now, environment)
		return found
	})
	return e
}

// made makes a key at the console and copies it, with what a person changed.
func (s *scene) made(e errand, change ...func(*anthropic.Order)) anthropic.Key {
	o := anthropic.Order{Name: e.label, Workspace: sandbox.Workspace(e.environment), Account: sandbox.ServiceAccount}
	for _, c := range change {
		c(&o)
	}
	return s.world.MakeKey(o)
}

func (s *scene) paste(environment string) {
	s.Helper()
	if err := s.world.Paste(environment); err != nil {
		s.Fatal(err)
	}
}

// brings does exactly what is asked for, for one environment or both.
func (s *scene) brings(environments ...string) {
	s.Helper()
	for _, environment := range environments {
		s.made(s.wanted(environment))
		s.paste(environment)
	}
}

// exchanged holds that the rotation did what it is for: both old keys are
// archived, everything runs on new ones, nothing lies in an inbox.
func (s *scene) exchanged() {
	s.Helper()
	if r := s.last(); r == nil || r.State != rotation.Succeeded {
		s.Fatalf("the rotation is not done: %+v", r)
	}
	own := s.ledger(s.secret)
	if !own.oldsDead() || !s.newInUse(own) || s.inInboxes() > 0 {
		s.Errorf("at the end: old keys dead %t, new keys in use %t, %d values in inboxes", own.oldsDead(), s.newInUse(own), s.inInboxes())
	}
	for _, id := range own.olds {
		if k, _ := s.world.Anthropic.Key(id); k.Status != anthropic.Archived {
			s.Errorf("old key %s is %s", id, k.Status)
		}
	}
}

// TestWrongKeyPasted: whatever is pasted instead is told in a sentence, stays
// where it is, and nothing is written until the right key comes.
func TestWrongKeyPasted(t *testing.T) {
	t.Parallel()
	s := openGuided(t)
	s.rotate(s.secret)
	e := s.wanted(sandbox.Staging)
	for _, c := range []struct {
		bring func()
		told  string
	}{
		{func() { s.copies(s.world.OldAnthropicKey(sandbox.Staging)) }, "that staging uses now"},
		{func() { s.made(e, func(o *anthropic.Order) { o.Workspace = sandbox.Workspace(sandbox.Production) }) }, "belongs to workspace"},
		{func() { s.made(e, func(o *anthropic.Order) { o.Account, o.User = "", "user_01Ann" }) }, "acts as user user_01Ann"},
		{func() { s.made(e, func(o *anthropic.Order) { o.Name = "test" }) }, "is called"},
		{func() { s.made(e, func(o *anthropic.Order) { o.Expires = time.Now().Add(7 * 24 * time.Hour) }) }, "too soon"},
		{func() { s.world.Anthropic.Set(s.made(e).ID, anthropic.Archived) }, "it is dead"},
	} {
		c.bring()
		s.paste(sandbox.Staging)
		s.says(c.told)
	}
	put := func(value, told string) {
		if _, err := s.world.Infisical.Put(s.world.Inbox(sandbox.Staging), s.secret, value, "a person"); err != nil {
			t.Fatal(err)
		}
		s.says(told)
	}
	put(s.world.Credentials().AnthropicAdmin, "That is an Admin API key")
	put("see the other note", "not the form")
	e0, _ := s.world.Infisical.Read(s.world.Place(sandbox.Staging), s.secret)
	if e0.Version != 1 || s.inInboxes() != 1 {
		t.Errorf("staging is at version %d, %d values in inboxes", e0.Version, s.inInboxes())
	}
	for _, k := range s.world.Anthropic.Keys() { // what was made in vain the person tidies up
		if k.Live() && (k.Name == e.label || k.Name == "test") {
			s.world.Anthropic.Set(k.ID, anthropic.Archived)
		}
	}
	s.brings(sandbox.Staging, sandbox.Production)
	s.approved()
	s.exchanged()
}

// copies puts a key that somebody has kept onto the clipboard.
func (s *scene) copies(id string) {
	s.Helper()
	if err := s.world.Copy(id); err != nil {
		s.Fatal(err)
	}
}

// listingText and settingText are the calls of Anthropic's Admin API.
var (
	listingText = wire.Match{Method: http.MethodGet, Path: "/v1/organizations/api_keys"}
	settingText = wire.Match{Method: http.MethodPost, Path: "/v1/organizations/api_keys/*"}
)

// TestAdminUnusableWhileAsked: the Admin API fails while what was pasted is
// looked at. What passes by itself is waited for; a refused credential asks,
// and the value is still there when somebody has mended it.
func TestAdminUnusableWhileAsked(t *testing.T) {
	t.Parallel()
	s := openGuided(t)
	faults := s.world.Anthropic.Faults
	s.rotate(s.secret)
	e := s.wanted(sandbox.Staging)
	passing := map[string]wire.Action{
		"429": wire.TooMany(time.Second, `{}`), "500": status(http.StatusInternalServerError), "drop": wire.Drop(),
	}
	for name, do := range passing {
		faults.Inject(name, wire.Fault{Match: listingText, Limit: 1, Do: do})
	}
	s.made(e)
	s.paste(sandbox.Staging)
	s.brings(sandbox.Production)
	for name := range passing {
		if n := faults.Fired(name); n != 1 {
			t.Errorf("%s happened %d times", name, n)
		}
	}
	s.approved()
	s.exchanged()
}

// TestAdminRefusedWhileAsked: a person mends what only a person can.
func TestAdminRefusedWhileAsked(t *testing.T) {
	for name, c := range map[string]struct {
		do   wire.Action
		says string
	}{
		"401":  {status(http.StatusUnauthorized), refusals[http.StatusUnauthorized]},
		"html": {wire.HTML(), "the answer was not what the documentation promises"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := openGuided(t)
			s.rotate(s.secret)
			e := s.wanted(sandbox.Staging)
			s.world.Anthropic.Faults.Inject("refused", wire.Fault{Match: listingText, Do: c.do})
			s.made(e)
			s.paste(sandbox.Staging)
			s.stops(1, c.says, "Old key still valid.")
			if s.inInboxes() != 1 {
				t.Error("the value is gone")
			}
			s.world.Anthropic.Faults.Clear("refused")
			s.retries()
			s.brings(sandbox.Production)
			s.approved()
			s.exchanged()
		})
	}
}

// TestLostAnswerOnSwitchingOff: the key is off and nobody was told. It is
// switched off again by its id, and proved dead.
func TestLostAnswerOnSwitchingOff(t *testing.T) {
	t.Parallel()
	s := openGuided(t)
	s.rotate(s.secret)
	s.brings(sandbox.Staging, sandbox.Production)
	s.world.Anthropic.Faults.Inject("lost", wire.Fault{Match: settingText, Limit: 1, Do: wire.Lose()})
	s.approved()
	s.exchanged()
	if off, gone := s.wrote(sandbox.SwitchOff), s.wrote(sandbox.Archive); off != 3 || gone != 2 {
		t.Errorf("switched off %d times, archived %d times", off, gone)
	}
}

// TestSwitchedOnAgain: the application fails once the old key is off. It gets
// it back at once, nothing is archived, and people are told.
func TestSwitchedOnAgain(t *testing.T) {
	t.Parallel()
	s := openGuided(t)
	s.rotate(s.secret)
	s.brings(sandbox.Staging, sandbox.Production)
	failing := wire.Fault{Match: wire.Match{Path: "/api/write"}, Do: status(http.StatusBadGateway)}
	s.when(sandbox.SwitchOff, func(sandbox.Write) { s.world.Production.Faults.Inject("forgotten", failing) })
	s.react(sandbox.Approver, s.card(1), yes)
	s.says("it was switched on again")
	s.world.Production.Faults.Clear("forgotten")
	s.becomes(rotation.Pending)
	if s.wrote(sandbox.Archive) > 0 || s.wrote(sandbox.SwitchOn) == 0 {
		t.Errorf("archived %d, switched on %d", s.wrote(sandbox.Archive), s.wrote(sandbox.SwitchOn))
	}
	for _, id := range s.ledger(s.secret).olds {
		if k, _ := s.world.Anthropic.Key(id); !k.Live() {
			t.Errorf("%s is off", id)
		}
	}
	s.retries()
	s.react(sandbox.Approver, s.card(2), yes)
	s.reports()
	s.exchanged()
}

// TestKilledWhileAPersonIsAsked: nobody is asked twice, and what was pasted
// while the process was dead is taken.
func TestKilledWhileAPersonIsAsked(t *testing.T) {
	t.Parallel()
	s, _ := enduring(t)
	guided(s)
	s.rotate(s.secret)
	e := s.wanted(sandbox.Staging)
	s.bot.kill()
	s.made(e)
	s.paste(sandbox.Staging)
	if err := s.start(s.ctx); err != nil {
		t.Fatal(err)
	}
	s.brings(sandbox.Production)
	s.approved()
	s.exchanged()
	if n := len(guides(s.slack.Snapshot(), sandbox.Staging)); n != 1 {
		t.Errorf("staging's key was asked for %d times", n)
	}
}

// guides are the messages that ask for an environment's key, without copies
// that say that they are: the process may die before Slack's answer.
func guides(now slack.Snapshot, environment string) (all []string) {
	for _, m := range now.Messages[sandbox.Channel] {
		if copied(m) {
			continue
		}
		if e, is := asked(slack.Snapshot{Messages: map[string][]slack.Message{sandbox.Channel: {m}}}, environment); is {
			all = append(all, e.label)
		}
	}
	return all
}

// TestGuidedKilledAtEachWrite kills the bot with SIGKILL at the moment when the
// world has done what it wrote and has not answered: between the inbox read and
// its emptying, too.
func TestGuidedKilledAtEachWrite(t *testing.T) {
	for _, kind := range sandbox.GuidedKinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s, _ := enduring(t)
			guided(s)
			killed := make(chan struct{})
			s.when(kind, func(sandbox.Write) {
				s.bot.kill()
				close(killed)
			})
			back := make(chan error, 1)
			go func() { back <- s.revive(killed) }()
			s.rotate(s.secret)
			s.brings(sandbox.Staging, sandbox.Production)
			s.react(sandbox.Approver, s.card(1), yes)
			s.reports()
			if err := <-back; err != nil {
				t.Fatal(err)
			}
			s.exchanged()
			for _, environment := range []string{sandbox.Staging, sandbox.Production} {
				if n := len(s.world.Infisical.Versions(s.world.Place(environment), s.secret)); n != 2 {
					t.Errorf("%s is at version %d", environment, n)
				}
			}
			for _, w := range s.world.Writes() {
				if w.Kind == sandbox.Archive && !slices.Contains(s.ledger(s.secret).olds, w.What) {
					t.Errorf("key %s was archived", w.What)
				}
			}
		})
	}
}

// TestCancelledWhileAsked: the key that was made and not pasted is archived,
// and the old one stays.
func TestCancelledWhileAsked(t *testing.T) {
	t.Parallel()
	s := openGuided(t)
	s.rotate(s.secret)
	k := s.made(s.wanted(sandbox.Staging))
	s.shows(s.rotate("cancel "+s.secret), "ancelled")
	s.becomes(rotation.Abandoned)
	if now, _ := s.world.Anthropic.Key(k.ID); now.Status != anthropic.Archived {
		t.Errorf("the key is %s", now.Status)
	}
	for _, id := range s.ledger(s.secret).olds {
		if old, _ := s.world.Anthropic.Key(id); !old.Live() {
			t.Errorf("%s is not live", id)
		}
	}
}
