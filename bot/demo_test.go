package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rekey/internal/sandbox"
	"rekey/internal/sandbox/app"
	"rekey/internal/sandbox/slack"
	"rekey/providers"
	"rekey/rotation"
)

// TestMain lets the test binary be the program: the sandbox starts itself as
// the bot.
func TestMain(m *testing.M) {
	if os.Getenv("REKEY_SANDBOX_CHILD") != "" {
		main()
		return
	}
	if at := os.Getenv(deployerMark); at != "" {
		if err := deployCommand(at, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	chosen := false
	flag.Visit(func(f *flag.Flag) { chosen = chosen || f.Name == "test.parallel" })
	if !chosen {
		_ = flag.Set("test.parallel", worldsAtOnce) // a number; the flag is there
	}
	os.Exit(m.Run())
}

// play runs a script in a sandbox of its own, with watches that a busy machine
// can make unless the test says otherwise, and returns what the world came to.
// The error is the story's: a script that is meant to end badly has one.
func play(t *testing.T, o sandboxOptions, s script) (*demoResult, error) {
	t.Helper()
	drawn(t)
	if s.secret == "" {
		s.secret = "FAL_KEY"
	}
	if o.speed == 0 {
		o.speed = 2
	}
	if o.adjust == nil {
		o.adjust = steady()
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	result, err := playDemo(ctx, o, s, t.Logf)
	if result == nil {
		t.Fatal(err)
	}
	return result, err
}

// TestDemo plays the command line's story, with watches that a slow machine can
// make.
func TestDemo(t *testing.T) {
	t.Parallel()
	r, err := play(t, sandboxOptions{adjust: calm()}, script{})
	if err != nil {
		t.Fatal(err)
	}
	if !r.good() {
		t.Errorf("the demonstration ended badly: %+v, broken: %v", r, r.broken)
	}
	if r.Shape != "overlap" || r.Mode != "routine" || r.ApprovedBy != "T0SANDBOX/U0BEN" || len(r.Steps) != 16 || r.AppRequests < 100 {
		t.Errorf("result: %+v", r)
	}
}

// TestThreads: what belongs to a secret's rotations is told by the roots, which
// begin with its name.
func TestThreads(t *testing.T) {
	all := []slack.Message{
		{TS: "1", Text: "Rotating FAL_KEY. Step 1"}, {TS: "2", Text: "FAL_KEY_2 is rotated"}, {TS: "3", Thread: "1", Text: "✓ Looked first"},
		{TS: "4", Thread: "2", Text: "FAL_KEY: an aside"}, {TS: "5", Text: "Secrets: FAL_KEY is due"}, {TS: "6", Text: "FAL_KEY: approval needed"}, {TS: "7", Thread: "6"},
	}
	var got []string
	for _, m := range threads(all, "FAL_KEY") {
		got = append(got, m.TS)
	}
	if want := []string{"1", "3", "6", "7"}; !slices.Equal(got, want) {
		t.Errorf("messages %v, want %v", got, want)
	}
}

// TestCutoverMayFailInsideItsGap: failures of a cutover count as its gap between
// approval and watch, and as broken outside of it; elsewhere none are allowed.
func TestCutoverMayFailInsideItsGap(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 11, 23, 12, 0, s, 0, time.UTC) }
	record := func(shape providers.Shape) *rotation.Rotation {
		return &rotation.Rotation{Cell: rotation.Cell{Shape: shape}, State: rotation.Succeeded, Times: []rotation.Timing{
			{Step: "approve", Started: at(1), Ended: at(10)}, {Step: "issue(production)", Started: at(10), Ended: at(11)}, {Step: "watch", Started: at(20), Ended: at(40)},
		}}
	}
	for name, c := range map[string]struct {
		shape providers.Shape
		saw   sandbox.Share
		good  bool
	}{
		"inside":         {providers.Cutover, sandbox.Share{Failed: 3, Gap: 4, First: at(11), Last: at(15)}, true},
		"before":         {providers.Cutover, sandbox.Share{Failed: 3, Gap: 4, First: at(9), Last: at(15)}, false},
		"after":          {providers.Cutover, sandbox.Share{Failed: 3, Gap: 4, First: at(11), Last: at(30)}, false},
		"nothing":        {providers.Cutover, sandbox.Share{}, false},
		"overlap":        {providers.Overlap, sandbox.Share{}, true},
		"overlap failed": {providers.Overlap, sandbox.Share{Failed: 1, Gap: 0.1, First: at(11), Last: at(11)}, false},
		"grace failed":   {providers.Grace, sandbox.Share{Failed: 1, Gap: 0.1, First: at(11), Last: at(11)}, false},
	} {
		r := &played{OldKeyDead: true, NewKeyLive: true}
		r.quote(record(c.shape))
		r.saw(c.saw)
		r.broken = outside(record(c.shape), c.saw)
		if r.good() != c.good {
			t.Errorf("%s: good is %t: %+v, broken: %v", name, r.good(), r, r.broken)
		}
	}
}

// TestEmergencyMayCostWhatItSays: where staging is brought along its requests may
// fail between the approval and the watch, and production's may not; a leaked key
// that lives is no good end.
func TestEmergencyMayCostWhatItSays(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 11, 23, 12, 0, s, 0, time.UTC) }
	for name, c := range map[string]struct {
		shape      providers.Shape
		saw        sandbox.Share
		production int
		alive      bool
		good       bool
	}{
		"nothing":          {shape: providers.Overlap, good: true},
		"staging":          {shape: providers.Overlap, saw: sandbox.Share{Failed: 3, Gap: 4, First: at(11), Last: at(15)}, good: true},
		"staging, early":   {shape: providers.Overlap, saw: sandbox.Share{Failed: 3, Gap: 4, First: at(9), Last: at(15)}},
		"production":       {shape: providers.Overlap, saw: sandbox.Share{Failed: 3, Gap: 4, First: at(11), Last: at(15)}, production: 1},
		"signed out":       {shape: providers.DeployFirst, saw: sandbox.Share{Failed: 3, Gap: 4, First: at(11), Last: at(15)}, production: 3, good: true},
		"signed out, late": {shape: providers.DeployFirst, saw: sandbox.Share{Failed: 3, Gap: 4, First: at(11), Last: at(30)}, production: 3},
		"alive":            {shape: providers.Overlap, alive: true},
	} {
		record := &rotation.Rotation{Cell: rotation.Cell{Mode: rotation.Emergency, Shape: c.shape}, State: rotation.Succeeded, Times: []rotation.Timing{
			{Step: "approve", Started: at(1), Ended: at(10)}, {Step: "watch", Started: at(20), Ended: at(40)},
		}}
		var examiner coroner
		examiner.look(!c.alive, at(12))
		dead := func() []ledgerKey { return []ledgerKey{{id: "old", live: c.alive}} }
		r := &played{OldKeyDead: !c.alive, NewKeyLive: true, containment: examiner.certify(ledger{olds: []string{"old"}, keys: dead})}
		r.ProductionFailed = c.production
		r.quote(record)
		r.saw(c.saw)
		r.broken = outside(record, c.saw)
		if r.good() != c.good {
			t.Errorf("%s: good is %t: %+v, %+v, broken: %v", name, r.good(), r, r.containment, r.broken)
		}
	}
}

// TestCoronerNoticesARevival: the moment of death is the last one, and a key that
// came back is counted.
func TestCoronerNoticesARevival(t *testing.T) {
	var c coroner
	at := func(s int) time.Time { return time.Date(2026, 11, 25, 12, 0, s, 0, time.UTC) }
	for i, dead := range []bool{false, true, true, false, true} {
		c.look(dead, at(i))
	}
	got := c.certify(ledger{olds: []string{"old"}, keys: func() []ledgerKey { return []ledgerKey{{id: "old"}} }})
	if !got.Contained || got.OldKeyDeadAt != "2026-11-25T12:00:04Z" || got.Revived != 1 {
		t.Errorf("%+v", got)
	}
}

// TestContainedWhenTheApplicationTakesNothing: what a dead key signed is taken until
// the application has its successor alone; contained is the later of both.
func TestContainedWhenTheApplicationTakesNothing(t *testing.T) {
	at := func(s int) time.Time { return time.Date(2026, 11, 25, 12, 0, s, 0, time.UTC) }
	taken := true
	a := ledger{olds: []string{"old"}, keys: func() []ledgerKey { return []ledgerKey{{id: "old"}} }, accepted: func(string) bool { return taken }}
	c := coroner{began: at(0)}
	c.visit(true, at(1))
	c.look(true, at(4))
	if got := c.certify(a); got.Contained || got.good() || got.OldKeyDeadAt != "2026-11-25T12:00:04Z" {
		t.Errorf("while the application takes it: %+v", got)
	}
	taken = false
	c.visit(false, at(9))
	if got := c.certify(a); !got.Contained || got.SecondsToContained != 9 || got.OldKeyDeadAt != "2026-11-25T12:00:04Z" {
		t.Errorf("when it takes nothing any more: %+v", got)
	}
}

// TestSignedWithTheOldSecret: the ledger of signing keys looks at what the
// application verifies with.
func TestSignedWithTheOldSecret(t *testing.T) {
	t.Parallel()
	world, err := sandbox.Start(t.Context(), sandbox.Options{Speed: 20, Visits: -1, Also: []string{app.JWTSecret}})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	b := &box{world: world}
	a := b.ledgerIn(script{secret: app.JWTSecret, emergency: true})
	if !a.oldsAccepted() {
		t.Error("the application takes nothing of the key it began with")
	}
	old := b.signerOf(a.olds[0]).Secret
	for _, left := range []string{app.JWTPrevious, ""} {
		values := map[string]string{app.JWTSecret: "another", app.JWTPrevious: "another"}
		if left != "" {
			values[left] = old
		}
		if err := world.Production.Roll(t.Context(), "d-"+left, values, -1); err != nil {
			t.Fatal(err)
		}
		if got := a.oldsAccepted(); got != (left != "") {
			t.Errorf("with %q it is taken: %t", left, got)
		}
	}
}

// TestPlantedRunExitsBadly: a planted fault shows in the exit code, which is what
// somebody who runs the demonstration goes by.
func TestPlantedRunExitsBadly(t *testing.T) {
	t.Parallel()
	var said, complained locked
	o := sandboxOptions{demo: "FAL_KEY", plant: "no-approval", speed: 2, json: true, adjust: calm()}
	code := runDemo(t.Context(), o, process{out: &said, err: &complained})
	out, err := said.String(), complained.String()
	if code != exitFailed || !strings.Contains(out, "BROKEN: ") || !strings.Contains(out, `"secret":"FAL_KEY"`) {
		t.Errorf("exit code %d\n%s\n%s", code, out, err)
	}
}

// planted is a story for every secret, with faults in each; the first hook that
// a write concerns acts on it.
func planted(change func(*script), faults ...string) []script {
	var hooks []func(sandbox.Write)
	var scripts []script
	for _, secret := range playable() {
		s := script{secret: secret, arrange: func(b *box) {
			for _, name := range faults {
				hooks = append(hooks, plants[name](b, b.ledger(secret)))
			}
			all := hooks
			b.world.OnWrite(func(w sandbox.Write) {
				for _, hook := range all {
					hook(w)
				}
			})
		}}
		change(&s)
		scripts = append(scripts, s)
	}
	return scripts
}

// TestEarlyRevokeIsCaught: keys that die while the application runs on them are
// noticed, each in its own secret's record. A rotation that stops because of the
// others' dead keys, before its own could die, is played once more alone.
func TestEarlyRevokeIsCaught(t *testing.T) {
	t.Parallel()
	scripts := planted(func(s *script) {
		var in *box
		arrange, secret := s.arrange, s.secret
		s.arrange = func(b *box) { in = b; arrange(b) }
		s.rests = func(slack.Snapshot) bool {
			own := in.ledger(secret)
			return in.world.Report().Secrets[secret].Failed > 0 || own.lost != nil && own.lost() > 0
		}
	}, "early-revoke")
	all, _ := playScripts(t.Context(), sandboxOptions{demo: allOfThem, speed: 2, adjust: calm()}, scripts, t.Logf) // most stories end with a rotation that stops
	if all == nil {
		t.Fatal("nothing was judged")
	}
	for _, r := range all.Secrets {
		if !early(r) && r.OldKeyDead {
			t.Errorf("%s: it was not caught: %+v, %v", r.Secret, r, r.broken)
		}
		if !early(r) && !r.OldKeyDead {
			o := sandboxOptions{demo: r.Secret, plant: "early-revoke", speed: 2, adjust: calm()}
			if again, _ := play(t, o, story(o, t.Logf)); !early(&again.played) {
				t.Errorf("%s: it was not caught alone: %+v, %v", r.Secret, again, again.broken)
			}
		}
	}
}

// early reports that a record shows a key that died too early.
func early(r *played) bool {
	lost := func(b string) bool { return strings.Contains(b, "were lost without a visitor's noticing") }
	return !r.good() && (r.AppFailed > 0 || slices.ContainsFunc(r.broken, lost))
}

// TestPlantsOfAllAreCaught puts two faults into every rotation of one world: a
// value that is posted, and an old key that ends when people are asked. Each
// secret's own record shows it; the stories are over with the first cards.
func TestPlantsOfAllAreCaught(t *testing.T) {
	t.Parallel()
	scripts := planted(func(s *script) {
		s.atCard = func(*demo, slack.Message) error { return nil }
		s.rests = func(slack.Snapshot) bool { return true }
	}, "leak", "no-approval")
	all, err := playScripts(t.Context(), sandboxOptions{demo: allOfThem, speed: 2, adjust: calm()}, scripts, t.Logf)
	if err != nil {
		t.Fatal(err)
	}
	unapproved := func(b string) bool { return strings.Contains(b, "nobody's approval stood") }
	for _, r := range all.Secrets {
		if !slices.ContainsFunc(r.broken, unapproved) {
			t.Errorf("that %s ended without an approval was not caught: %+v, %v", r.Secret, r, r.broken)
		}
	}
	if all.Leaks < len(all.Secrets)/2 || all.good() { // some values are written to staging after the card
		t.Errorf("the leaks were not caught: %+v", all)
	}
}
